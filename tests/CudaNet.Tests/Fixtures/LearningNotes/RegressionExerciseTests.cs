using CudaNet.Models;
using CudaNet.Nn;
using CudaNet.Optim;
using static CudaNet.Tests.Fixtures.FixtureTensors;

namespace CudaNet.Tests.Fixtures.LearningNotes;

/// <summary>Section 8.1 of the "Learning Notes" (Li 2023): answers to exercises of "Dive into Deep Learning" on regression and classification.</summary>
[TestFixture]
public sealed class RegressionExerciseTests
{
    /// <summary>The constant that fits best is the mean by squares, the median by absolute values: of {1, 2, 10}, 4.3333 and 2.</summary>
    [Test]
    public void LearningNotes_8_1_1_Ex1_MeanAndMedian()
    {
        double Fit(Func<Tensor, Tensor, Tensor> loss)
        {
            var (x, b) = (Vector(1, 2, 10), Leaf(7.3));
            var optimizer = new Sgd([b], learningRate: 0.1);
            for (var step = 0; step < 2000; step++)
            {
                optimizer.LearningRate = 0.1 / (1 + 0.01 * step);
                optimizer.ZeroGrad();
                loss(b.Expand(3), x).Backward();
                optimizer.Step();
            }
            return b.Item();
        }
        Assert.That(Fit((b, x) => b.MseLoss(x)), Is.EqualTo(13.0 / 3).Within(1e-8));
        Assert.That(Fit((b, x) => b.L1Loss(x)), Is.EqualTo(2).Within(0.005));
    }

    /// <summary>A bias is the weight of an input that is always 1.</summary>
    [Test]
    public void LearningNotes_8_1_1_Ex2_BiasAsAnInput()
    {
        var (x, weight, bias) = (Draw(1, 5, 3), Draw(2, 2, 3), Draw(3, 2));
        var augmented = Tensor.Concat([bias.Unsqueeze(1), weight], 1);
        var product = LeastSquares.WithIntercept(x).Linear(augmented);
        Assert.That(Distance(product, x.Linear(weight, bias)), Is.LessThan(1e-14));
    }

    /// <summary>A quadratic layer needs the products x_i·x_j: at x = (1, 2) it is 11. From the squares alone, as the notes have it, 9.</summary>
    [Test]
    public void LearningNotes_8_1_1_Ex3_QuadraticLayer()
    {
        var x = Vector(1, 2);
        var products = x.Unsqueeze(1).MatMul(x.Unsqueeze(0)).Tril();
        Assert.That((1 + x.Sum() + products.Sum()).Item(), Is.EqualTo(11));
        Assert.That((1 + x.Sum() + x.Square().Sum()).Item(), Is.EqualTo(9));
    }

    /// <summary>Noise on a rank-deficient design makes it regular, as E[(X + E)ᵀ(X + E)] = XᵀX + nσ²·I: it is ridge regression.</summary>
    [Test]
    public void LearningNotes_8_1_1_Ex4_RankDeficientDesign()
    {
        using var frame = Lifetime.Frame();
        const double Sigma = 0.5;
        var column = Draw(1, 6, 1);
        var x = Tensor.Concat([column, 2 * column], 1);
        var gram = x.T.MatMul(x);
        Assert.That(gram.Eigh().Eigenvalues.ToDoubles()[0], Is.Zero.Within(1e-13));
        var noisy = x.Unsqueeze(0) + Sigma * Draw(2, 200_000, 6, 2);
        var mean = noisy.Transpose(1, 2).MatMul(noisy).Mean(0);
        var expected = gram + 6 * Sigma * Sigma * Tensor.Eye(2, null, DType.Float64);
        Assert.That(Distance(mean, expected), Is.LessThan(0.1));
        var y = Draw(3, 6);
        var ridge = LeastSquares.Solve(x, y, ridge: 6 * Sigma * Sigma);
        var normal = expected.Solve(x.T.MatMul(y.Unsqueeze(1))).Squeeze(1);
        Assert.That(Distance(ridge, normal), Is.LessThan(1e-12));
    }

    /// <summary>The Laplace likelihood: Σ(log 2 + |r|), with the gradient −Σ sign(r)·x and sign(0) = 0.</summary>
    [Test]
    public void LearningNotes_8_1_1_Ex5_LaplaceRegression()
    {
        var (x, w, y) = (Matrix(2, 1, 2, 0.5, -1, 3, 1), Leaf(0.5, 1), Vector(4, 1, 2.5));
        var outputs = x.MatMul(w.Unsqueeze(1));
        var residual = y - outputs.Squeeze(1);
        Assert.That(residual.ToDoubles(), Is.EqualTo(new[] { 1.5, 1.75, 0 }));
        var loss = RegressionFamily.Laplace.Loss(outputs, y, Reduction.Sum);
        Assert.That(loss.Item(), Is.EqualTo(3 * Math.Log(2) + 3.25).Within(1e-14));
        Assert.That(Gradient(loss, w), Is.EqualTo(new[] { -1.5, -1 }).Within(1e-15));
    }

    /// <summary>Two linear layers are one: C(Ax + b) + d = (CA)x + (Cb + d).</summary>
    [Test]
    public void LearningNotes_8_1_1_Ex6_TwoLinearLayers()
    {
        var (x, a, b, c, d) = (Draw(1, 9, 3), Draw(2, 5, 3), Draw(3, 5), Draw(4, 2, 5), Draw(5, 2));
        var one = x.Linear(c.MatMul(a), c.MatMul(b.Unsqueeze(1)).Squeeze(1) + d);
        Assert.That(Distance(x.Linear(a, b).Linear(c, d), one), Is.LessThan(1e-14));
        Assert.That(Distance(x.Linear(a, b).Relu().Linear(c, d), one), Is.GreaterThan(0.1));
    }

    /// <summary>Poisson regression with o = log λ: Σ(exp(o) − y·o), gradient exp(o) − y; a constant fits best at λ = mean(y), also where some y are 0.</summary>
    [Test]
    public void LearningNotes_8_1_1_Ex8_PoissonRegression()
    {
        var (o, y) = (Leaf(0.3, -1, 2), Vector(0, 2, 7));
        var loss = o.PoissonNllLoss(y, reduction: Reduction.Sum);
        Assert.That(loss.Item(), Is.EqualTo((o.Exp() - y * o).Sum().Item()).Within(1e-13));
        var gradient = Gradient(loss, o);
        Assert.That(gradient, Is.EqualTo((o.Exp() - y).ToDoubles()).Within(1e-14));
        var family = RegressionFamily.Poisson.Loss(o.Unsqueeze(1), y, Reduction.Sum);
        Assert.That(Gradient(family, o), Is.EqualTo(gradient).Within(1e-13));
        var constant = Leaf(Math.Log(3));
        Assert.That(Gradient(constant.Expand(3).PoissonNllLoss(y), constant)[0], Is.Zero.Within(1e-14));
    }

    /// <summary>A thousand samples in batches of 32 are 32 batches: 31 of [32, 3, 32, 32] and one of [8, 3, 32, 32].</summary>
    [Test]
    public void LearningNotes_8_1_2_LastBatch()
    {
        using var frame = Lifetime.Frame();
        var data = new CudaNet.IO.NamedArray("x", DType.UInt8, [1000, 3, 32, 32], new byte[1000 * 3 * 32 * 32]);
        var batches = new CudaNet.Training.ArrayBatches([data], 32);
        Assert.That(batches.Count, Is.EqualTo(32));
        var shapes = Enumerable.Range(0, 32).Select(i => batches.Get(0, i)["x"].Shape).ToList();
        Assert.That(shapes[..31], Is.All.EqualTo(new Shape(32, 3, 32, 32)));
        Assert.That(shapes[31], Is.EqualTo(new Shape(8, 3, 32, 32)));
    }

    /// <summary>SGD on a sum with rate η and on a mean with rate η·B go the same way.</summary>
    [Test]
    public void LearningNotes_8_1_3_SumOrMean()
    {
        double[] Trained(Reduction reduction, double learningRate)
        {
            var w = Leaf(0.5, -1);
            var optimizer = new Sgd([w], learningRate, momentum: 0.9);
            for (var step = 0; step < 20; step++)
            {
                optimizer.ZeroGrad();
                Draw(step, 8, 2).MatMul(w.Unsqueeze(1)).MseLoss(Draw(100 + step, 8, 1), reduction).Backward();
                optimizer.Step();
            }
            return w.ToDoubles();
        }
        Assert.That(Trained(Reduction.Sum, 0.01), Is.EqualTo(Trained(Reduction.Mean, 0.08)).Within(1e-13));
    }

    /// <summary>The second derivative of softmax with cross-entropy is the covariance of a draw, p_i(δ_ik − p_k); the printed one is wrong.</summary>
    [Test]
    public void LearningNotes_8_1_4_Ex1_SoftmaxHessian()
    {
        var hessian = Autograd.Hessian(o => o.Reshape(1, 3).CrossEntropy(Tensor.From<long>([1])), Vector(0.3, -1, 0.7));
        double[] expected =
        [
            .. new[] { 0.230886, -0.035664, -0.195222 },
            .. new[] { -0.035664, 0.088868, -0.053204 },
            .. new[] { -0.195222, -0.053204, 0.248427 },
        ];
        Assert.That(hessian.ToDoubles(), Is.EqualTo(expected).Within(1e-6));
        var p = Vector(0.3, -1, 0.7).Softmax(0);
        var covariance = Tensor.Eye(3, null, DType.Float64) * p - p.Unsqueeze(1) * p.Unsqueeze(0);
        Assert.That(Distance(hessian, covariance), Is.LessThan(1e-15));
    }

    /// <summary>log Σ exp is over the maximum, by log 2 for two equal numbers, and tends to it; RealSoftMin is −log Σ exp(−a), with the minus that is not printed.</summary>
    [Test]
    public void LearningNotes_8_1_4_Ex5_RealSoftMax()
    {
        double Rsm(double a, double b) => Vector(a, b).LogSumExp(0).Item();
        Assert.That(Rsm(3, 3) - 3, Is.EqualTo(0.693147).Within(5e-7));
        Assert.That(Rsm(1, 0) - 1, Is.EqualTo(0.313262).Within(5e-7));
        Assert.That(Rsm(10, 0) - 10, Is.EqualTo(4.53989e-5).Within(5e-10));
        Assert.That((10 * Vector(0, -1)).LogSumExp(0).Item() / 10, Is.EqualTo(4.54e-6).Within(5e-9));
        Assert.That(-(-Vector(2, 5)).LogSumExp(0).Item(), Is.EqualTo(2 - Math.Log(1 + Math.Exp(-3))).Within(1e-15));
        Assert.That(Rsm(1000, 1000), Is.EqualTo(1000 + Math.Log(2)).Within(1e-12), "no overflow");
    }

    /// <summary>Where exp overflows: after 709.78 in f64, 88.72 in f32, 11.09 in f16, and 88.5 on the grid of bf16; softmax of logits of 1000 does not.</summary>
    [TestCase(DType.Float64, 709.78, 709.79)]
    [TestCase(DType.Float32, 88.72, 88.73)]
    [TestCase(DType.BFloat16, 88.5, 89)]
    [TestCase(DType.Float16, 11.0, 11.2)]
    public void LearningNotes_8_1_5_ExpRange(DType dtype, double inside, double outside)
    {
        var values = Vector(inside, outside, -1000).Cast(dtype).Exp().Cast(DType.Float64).ToDoubles();
        Assert.That(double.IsFinite(values[0]), Is.True);
        Assert.That(values[1], Is.EqualTo(double.PositiveInfinity));
        Assert.That(values[2], Is.Zero);
        var softmax = Vector(1000, 1000, 990).Cast(dtype).Softmax(0).Cast(DType.Float64).ToDoubles();
        Assert.That(softmax[0], Is.EqualTo(0.5).Within(0.002));
    }

    /// <summary>The gradient of a product through its prefixes and suffixes, without a division: right also where factors are 0.</summary>
    [TestCase(0, new double[] { 2, 3, 4 }, new double[] { 12, 8, 6 })]
    [TestCase(1, new double[] { 2, 0, 4 }, new double[] { 0, 8, 0 })]
    [TestCase(2, new double[] { 0, 0, 4 }, new double[] { 0, 0, 0 })]
    public void LearningNotes_4_3_34_ProductExceptSelf(int zeros, double[] factors, double[] expected)
    {
        var x = Leaf(factors);
        Assert.That(factors.Count(f => f == 0), Is.EqualTo(zeros));
        Assert.That(Gradient(x.Prod(), x), Is.EqualTo(expected));
        Assert.That(Gradient(x.CumProd(0).Select(0, 2), x), Is.EqualTo(expected));
    }

    /// <summary>The k points nearest to the origin, by top-k and by sorting.</summary>
    [Test]
    public void LearningNotes_4_3_27_KClosest()
    {
        var squares = Draw(1, 500, 2).Square().Sum(1);
        var (nearest, indices) = squares.TopK(7, largest: false);
        Assert.That(nearest.ToDoubles(), Is.EqualTo(squares.ToDoubles().Order().Take(7)));
        Assert.That(squares.IndexSelect(0, indices).ToDoubles(), Is.EqualTo(nearest.ToDoubles()));
        Assert.That(squares.KthValue(7).Values.Item(), Is.EqualTo(nearest.ToDoubles()[6]));
    }

    /// <summary>A diamond of nodes is visited once each, in topological order: the hooks of both branches run before that of their source.</summary>
    [Test]
    public void LearningNotes_4_3_32_TopologicalOrder()
    {
        var visited = new List<string>();
        var x = Leaf(0.7);
        Tensor Watch(Tensor tensor, string name)
        {
            tensor.RegisterHook(g =>
            {
                visited.Add(name);
                return g;
            });
            return tensor;
        }
        var source = Watch(x.Exp(), "source");
        var (left, right) = (Watch(source.Sin(), "left"), Watch(source.Square(), "right"));
        Watch(left * right, "sink").Sum().Backward();
        Assert.That(visited, Has.Count.EqualTo(4));
        Assert.That((visited[0], visited[3]), Is.EqualTo(("sink", "source")));
    }
}
