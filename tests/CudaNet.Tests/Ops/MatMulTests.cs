using System.Numerics;
using System.Runtime.Intrinsics;

namespace CudaNet.Tests.Ops;

[TestFixture]
public sealed class MatMulTests
{
    private static Tensor Sample(System.Random random, params long[] shape)
    {
        var values = new double[new Shape(shape).NumElements];
        for (var i = 0; i < values.Length; i++)
            values[i] = random.NextDouble() * 2 - 1;
        return Tensor.From(values, shape);
    }

    /// <summary>The same values, the last two axes perhaps lying the other way round in memory.</summary>
    private static Tensor Lay(System.Random random, Tensor tensor) =>
        tensor.Rank >= 2 && random.Next(2) == 0 ? tensor.Transpose(-2, -1).Clone().Transpose(-2, -1) : tensor;

    private static double At(Tensor tensor, double[] values, ReadOnlySpan<long> batch, long row, long col)
    {
        long index = 0;
        for (var axis = 0; axis < tensor.Rank - 2; axis++)
        {
            var at = batch[axis + batch.Length - (tensor.Rank - 2)];
            index += (tensor.Shape[axis] == 1 ? 0 : at) * tensor.Shape.ContiguousStrides[axis];
        }
        return values[index + row * tensor.Shape[-1] + col];
    }

    [Test]
    public void RandomShapesAgreeWithTheTextbookLoop(
        [Range(0, 23)] int seed,
        [Values(DType.Float32, DType.Float64)] DType dtype
    )
    {
        var random = new System.Random(seed);
        var (m, n, k) = (random.Next(1, 90), random.Next(1, 90), random.Next(1, 400));
        var batch = new long[] { random.Next(1, 4), random.Next(1, 4) };
        var a = Sample(random, random.Next(3) == 0 ? [m, k] : [random.Next(2) == 0 ? 1 : batch[0], batch[1], m, k]);
        var b = Sample(random, random.Next(3) == 0 ? [k, n] : [batch[0], random.Next(2) == 0 ? 1 : batch[1], k, n]);
        var (left, right) = (Lay(random, a.Cast(dtype)), Lay(random, b.Cast(dtype)));
        var product = left.MatMul(right);
        var (x, y, z) = (left.ToDoubles(), right.ToDoubles(), product.ToDoubles());
        var wrong = 0;
        for (long i = 0; i < z.Length; i++)
        {
            var (matrix, row, col) = (i / (m * n), i / n % m, i % n);
            var inner = product.Rank < 4 ? 1 : product.Shape[1];
            ReadOnlySpan<long> at = [matrix / inner, matrix % inner];
            double sum = 0,
                magnitude = 0;
            for (long l = 0; l < k; l++)
            {
                var term = At(left, x, at, row, l) * At(right, y, at, l, col);
                sum += term;
                magnitude += Math.Abs(term);
            }
            var tolerance = dtype.UnitRoundoff * (Math.Abs(sum) + 4 * Math.Sqrt(k) * magnitude);
            wrong += Math.Abs(z[i] - sum) <= tolerance ? 0 : 1; // NaN is wrong too
        }
        Assert.That(wrong, Is.Zero, $"wrong elements of {left.Shape} x {right.Shape}");
    }

    [Test]
    public void InnerExtentsThatDifferAreNamed()
    {
        var error = Assert.Throws<ShapeException>(() => Tensor.Empty([2, 3]).MatMul(Tensor.Empty([4, 5])));
        Assert.That(
            error!.Message,
            Does.Contain("(2, 3)").And.Contain("(4, 5)").And.Contain("3 columns").And.Contain("4 rows")
        );
    }

    [Test]
    public void BatchesThatDoNotBroadcastAreNamed()
    {
        var error = Assert.Throws<ShapeException>(() => Tensor.Empty([2, 3, 4]).MatMul(Tensor.Empty([5, 4, 6])));
        Assert.That(error!.Message, Does.Contain("(2)").And.Contain("(5)").And.Contain("broadcast"));
    }

    [Test]
    public void LinearNamesTheFeaturesThatItExpects()
    {
        var error = Assert.Throws<ShapeException>(() => Tensor.Empty([2, 3]).Linear(Tensor.Empty([5, 4])));
        Assert.That(error!.Message, Does.Contain("4 in_features").And.Contain("(2, 3)"));
        error = Assert.Throws<ShapeException>(() =>
            Tensor.Empty([2, 4]).Linear(Tensor.Empty([5, 4]), Tensor.Empty([4]))
        );
        Assert.That(error!.Message, Does.Contain("5 out_features"));
    }

    [Test]
    public void DTypesAreNotMixed() =>
        Assert.Throws<DTypeException>(() => Tensor.Empty([2, 3]).MatMul(Tensor.Empty([3, 2], DType.Float64)));

    [Test]
    public void VectorsLeaveNoAxisBehind()
    {
        var random = new System.Random(1);
        var (v, matrix, batch) = (Sample(random, 4), Sample(random, 4, 5), Sample(random, 3, 2, 4));
        Assert.Multiple(() =>
        {
            Assert.That(v.MatMul(v).Shape, Is.EqualTo(Shape.Scalar));
            Assert.That(v.MatMul(matrix).Shape, Is.EqualTo(new Shape(5)));
            Assert.That(batch.MatMul(v).Shape, Is.EqualTo(new Shape(3, 2)));
            Assert.That(v.MatMul(batch.Transpose(-2, -1)).Shape, Is.EqualTo(new Shape(3, 2)));
            Assert.That(v.MatMul(v).Item(), Is.EqualTo(v.Mul(v).Sum().Item()).Within(1e-14));
        });
    }

    [Test]
    public void LinearAndItsGradientsEqualThoseOfItsComposition([Values(0, 1, 2)] int leading)
    {
        var random = new System.Random(leading);
        long[] shape = [.. new long[] { 3, 2 }.Take(leading), 5];
        var cotangent = Sample(random, [.. shape[..^1], 7]);
        Tensor[] inputs = [Sample(random, shape), Sample(random, 7, 5), Sample(random, 7)];
        foreach (var input in inputs)
            input.RequiresGrad = true;
        var fused = inputs[0].Linear(inputs[1], inputs[2]);
        var composed = inputs[0].MatMul(inputs[1].T) + inputs[2];
        var gradients = Autograd.Grad([fused], inputs, [cotangent]);
        var expected = Autograd.Grad([composed], inputs, [cotangent]);
        Assert.That(fused.ToDoubles(), Is.EqualTo(composed.ToDoubles()).Within(1e-14));
        for (var i = 0; i < inputs.Length; i++)
            Assert.That(gradients[i]!.ToDoubles(), Is.EqualTo(expected[i]!.ToDoubles()).Within(1e-13), $"input {i}");
    }

    private static float[] Floats(int seed, long count)
    {
        var random = new System.Random(seed);
        var values = new float[count];
        foreach (ref var value in values.AsSpan())
            value = random.NextSingle() * 2 - 1;
        return values;
    }

    private delegate void Multiply(in GemmProblem<float> problem, bool parallel);

    private static unsafe float[] Product(Multiply multiply, int m, int n, int k, bool transposed, bool parallel)
    {
        var (a, b, bias, c) = (Floats(1, m * k), Floats(2, k * n), Floats(3, n), new float[m * n]);
        fixed (
            float* pa = a,
                pb = b,
                pBias = bias,
                pc = c
        )
        {
            var problem = new GemmProblem<float>
            {
                M = m,
                N = n,
                K = k,
                A = pa,
                ARow = transposed ? 1 : k,
                ACol = transposed ? m : 1,
                B = pb,
                BRow = transposed ? 1 : n,
                BCol = transposed ? k : 1,
                C = pc,
                CRow = n,
                Bias = pBias,
            };
            multiply(problem, parallel);
        }
        return c;
    }

    [TestCase(1024, 64, 130)]
    [TestCase(130, 517, 700)]
    [TestCase(6, 4099, 64)]
    [TestCase(2, 1500, 400)]
    [TestCase(1500, 1, 700)]
    public void ResultsDoNotDependOnWhoHelps(int m, int n, int k)
    {
        Assert.That((double)m * n * k, Is.GreaterThanOrEqualTo(Gemm.ParallelWork), "large enough to be divided");
        foreach (var transposed in new[] { false, true })
            Assert.That(
                Product(Gemm.Run, m, n, k, transposed, parallel: true),
                Is.EqualTo(Product(Gemm.Run, m, n, k, transposed, parallel: false)),
                $"transposed: {transposed}"
            );
    }

    // Vectors wider than the machine's are emulated by the runtime, so every width can be tested everywhere.
    [TestCase(1, 5, 3)]
    [TestCase(13, 31, 17)]
    [TestCase(29, 33, 700)]
    [TestCase(71, 97, 64)]
    [TestCase(41, 300, 37)]
    public void EveryVectorWidthAgrees(int m, int n, int k)
    {
        foreach (var transposed in new[] { false, true })
        {
            var a = Product(Gemm<GemmVectorPortable<float>, Vector<float>, float>.Run, m, n, k, transposed, false);
            var b = Product(Gemm<GemmVector256<float>, Vector256<float>, float>.Run, m, n, k, transposed, false);
            var c = Product(Gemm<GemmVector512<float>, Vector512<float>, float>.Run, m, n, k, transposed, false);
            var tolerance = 1e-6 * Math.Sqrt(k) * 4;
            Assert.That(b, Is.EqualTo(a).Within(tolerance));
            Assert.That(c, Is.EqualTo(a).Within(tolerance));
        }
    }

    [Test]
    public void ConcurrentCallsDoNotDisturbEachOther()
    {
        var shapes = new (int M, int N, int K)[] { (64, 64, 64), (200, 300, 100), (7, 900, 350), (130, 40, 500) };
        var expected = shapes.Select(s => Product(Gemm.Run, s.M, s.N, s.K, false, parallel: false)).ToArray();
        var wrong = 0;
        var threads = Enumerable
            .Range(0, 4)
            .Select(id => new Thread(() =>
            {
                for (var round = 0; round < 12; round++)
                {
                    var i = (id + round) % shapes.Length;
                    var (m, n, k) = shapes[i];
                    if (!Product(Gemm.Run, m, n, k, false, parallel: true).AsSpan().SequenceEqual(expected[i]))
                        Interlocked.Increment(ref wrong);
                }
            }))
            .ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        Assert.That(wrong, Is.Zero);
    }

    [Test]
    public void TransposedViewsAreReadInPlace()
    {
        var (a, b) = (Sample(new System.Random(3), 6, 4), Sample(new System.Random(4), 5, 6));
        Assert.That(a.T.SharesStorageWith(a));
        Assert.That(a.T.MatMul(b.T).ToDoubles(), Is.EqualTo(b.MatMul(a).T.ToDoubles()).Within(1e-14));
    }

    [Test]
    public void PermuteNeedsEachAxisOnce()
    {
        var error = Assert.Throws<ShapeException>(() => Tensor.Empty([2, 3]).Permute(0, 0));
        Assert.That(error!.Message, Does.Contain("(2, 3)").And.Contain("(0, 0)"));
        Assert.Throws<ShapeException>(() => Tensor.Empty([2, 3]).Permute(0));
        Assert.Throws<ShapeException>(() => _ = Tensor.Empty([2, 3, 4]).T);
    }
}
