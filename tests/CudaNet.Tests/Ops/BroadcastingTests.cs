namespace CudaNet.Tests.Ops;

/// <summary>Broadcasting and strides against NumPy's rule, spelled out index by index, on random shapes and layouts.</summary>
[TestFixture]
public sealed class BroadcastingTests
{
    private const int Rounds = 150;

    [Test]
    public void OperandsOfRandomShapesAndLayouts([Values(1, 2, 3)] int seed)
    {
        var random = new System.Random(seed);
        for (var round = 0; round < Rounds; round++)
        {
            var shape = RandomShape(random);
            var (a, aShape) = RandomOperand(random, shape);
            var (b, bShape) = RandomOperand(random, shape);
            var condition = RandomOperand(random, shape).Tensor.Gt(0);
            var result = Shape.Broadcast(aShape, bShape)!;
            var what = $"round {round}: {aShape} strides {Text(a)} with {bShape} strides {Text(b)}";
            AssertEqual(a - b, result, i => At(a, result, i) - At(b, result, i), what);
            AssertEqual(a.Lt(b), result, i => At(a, result, i) < At(b, result, i) ? 1 : 0, what);
            var chosen = Shape.Broadcast(result, condition.Shape)!;
            AssertEqual(
                Tensor.Where(condition, a, b),
                chosen,
                i => At(condition, chosen, i) != 0 ? At(a, chosen, i) : At(b, chosen, i),
                what
            );
        }
    }

    [Test]
    public void CopiesOfRandomLayouts([Values] DType dtype)
    {
        var random = new System.Random(17);
        for (var round = 0; round < Rounds; round++)
        {
            var (x, _) = RandomOperand(random, RandomShape(random));
            var view = WithDType(x, dtype);
            AssertEqual(view.Clone(), view.Shape, i => At(view, view.Shape, i), $"round {round}: {Text(view)}");
            AssertEqual(
                view.Cast(DType.Float64, copy: true),
                view.Shape,
                i => At(view, view.Shape, i),
                $"round {round}: {Text(view)}"
            );
        }
    }

    [TestCase(64, 48)]
    [TestCase(17, 33)]
    [TestCase(300, 257)]
    public void TransposedCopiesMoveEveryElement(int rows, int columns)
    {
        AssertTransposed(rows, columns, i => (1L << 60) + i);
        AssertTransposed(rows, columns, i => (float)i);
        AssertTransposed(rows, columns, i => (byte)i);
    }

    private static void AssertTransposed<T>(int rows, int columns, Func<int, T> value)
        where T : unmanaged
    {
        T[] values = [.. Enumerable.Range(0, 3 * rows * columns).Select(value)];
        var x = Tensor.From(values, [3, rows, columns]);
        var view = x.View([3, columns, rows], [rows * columns, 1, columns], 0);
        var copy = view.Contiguous().ToArray<T>();
        for (var plane = 0; plane < 3; plane++)
        for (var c = 0; c < columns; c++)
        for (var r = 0; r < rows; r++)
            if (!copy[(plane * columns + c) * rows + r].Equals(values[(plane * rows + r) * columns + c]))
                Assert.Fail($"{typeof(T)}: element ({plane}, {c}, {r}) is wrong");
    }

    [Test]
    public void ResultsDoNotDependOnThePositionInATensor()
    {
        var random = new System.Random(5);
        float[] values = [.. Enumerable.Range(0, 200_003).Select(_ => (float)(random.NextDouble() * 20 - 10))];
        var x = Tensor.From(values);
        var whole = x.Tanh().ToArray<float>();
        var strided = x.View([100_001], [2], 0).Tanh().ToArray<float>();
        for (var i = 0; i < strided.Length; i++)
            if (strided[i] != whole[2 * i])
                Assert.Fail($"tanh({values[2 * i]:R}) is {whole[2 * i]:R} or {strided[i]:R}");
    }

    private static Shape RandomShape(System.Random random)
    {
        var dims = new long[random.Next(0, 5)];
        for (var i = 0; i < dims.Length; i++)
            dims[i] = random.Next(0, 20) == 0 ? 0 : random.Next(1, i == dims.Length - 1 ? 40 : 7);
        return new Shape(dims);
    }

    /// <summary>An operand that broadcasts to the shape, with random strides: permuted, spread out, reversed in order or repeated.</summary>
    private static (Tensor Tensor, Shape Shape) RandomOperand(System.Random random, Shape target)
    {
        var rank = random.Next(0, target.Rank + 1);
        var dims = new long[rank];
        for (var i = 0; i < rank; i++)
        {
            var extent = target[target.Rank - rank + i];
            dims[i] = random.Next(0, 3) == 0 ? 1 : extent;
        }
        var shape = new Shape(dims);
        var order = Enumerable.Range(0, rank).ToArray();
        if (random.Next(0, 2) == 0)
            random.Shuffle(order);
        var strides = new long[rank];
        long step = random.Next(0, 3) == 0 ? 2 : 1;
        foreach (var axis in order.Reverse())
        {
            strides[axis] = random.Next(0, 6) == 0 ? 0 : step;
            step *= Math.Max(dims[axis], 1);
        }
        var offset = random.Next(0, 5);
        float[] values = [.. Enumerable.Range(0, (int)step + 5).Select(_ => (float)random.Next(-5, 6))];
        return (Tensor.From(values).View(shape, strides, offset), shape);
    }

    private static Tensor WithDType(Tensor x, DType dtype)
    {
        if (dtype == DType.Float32)
            return x;
        long elements = x.Storage.Bytes / DType.Float32.Size;
        var whole = x.View([elements], [1], 0).Cast(DType.Float64);
        var unsigned = dtype is DType.UInt8 or DType.Bool ? whole.Abs() : whole;
        return unsigned.Cast(dtype).View(x.Shape, x.Strides.ToArray(), x.Offset);
    }

    /// <summary>The element that NumPy's rule gives for an element of the result.</summary>
    private static double At(Tensor x, Shape result, long index)
    {
        var position = x.Offset;
        for (var axis = result.Rank - 1; axis >= 0; axis--)
        {
            var at = index % result[axis];
            index /= result[axis];
            var own = axis - (result.Rank - x.Rank);
            if (own >= 0 && x.Shape[own] != 1)
                position += at * x.Strides[own];
        }
        return x.View(Shape.Scalar, [], position).Item();
    }

    private static string Text(Tensor x) => $"({string.Join(", ", x.Strides.ToArray())})";

    private static void AssertEqual(Tensor actual, Shape shape, Func<long, double> expected, string what)
    {
        if (!actual.Shape.Equals(shape))
            Assert.Fail($"{what}: the shape is {actual.Shape} instead of {shape}");
        var values = actual.ToDoubles();
        for (var i = 0; i < values.Length; i++)
            if (values[i] != expected(i))
                Assert.Fail($"{what}: element {i} is {values[i]} instead of {expected(i)}");
    }
}
