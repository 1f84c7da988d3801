namespace CudaNet.Tests.Ops;

/// <summary>Slices, joins, gathers: what the case lists cannot say, and what is refused.</summary>
[TestFixture]
public sealed class MovementTests
{
    private static Tensor Count(params long[] shape) =>
        Tensor.Arange(new Shape(shape).NumElements, DType.Float32).Reshape(shape);

    [Test]
    public void SliceSharesStorageAndCutsOffAsNumPyDoes()
    {
        var x = Count(7);
        using var all = Assert.EnterMultipleScope();
        Assert.That(x.Slice(0, 1, 6, 2).SharesStorageWith(x), Is.True);
        Assert.That(x.Slice(0, 1, 6, 2).ToArray<float>(), Is.EqualTo(new float[] { 1, 3, 5 }));
        Assert.That(x.Slice(0, -3).ToArray<float>(), Is.EqualTo(new float[] { 4, 5, 6 }));
        Assert.That(x.Slice(0, -100, 2).ToArray<float>(), Is.EqualTo(new float[] { 0, 1 }));
        Assert.That(x.Slice(0, 5, 2).NumElements, Is.Zero);
        Assert.That(x.Slice(1..^1).ToArray<float>(), Is.EqualTo(new float[] { 1, 2, 3, 4, 5 }));
        Assert.That(x.Slice(^9..2).ToArray<float>(), Is.EqualTo(new float[] { 0, 1 }));
        Assert.That(x.Select(^1).Item(), Is.EqualTo(6));
        Assert.That(x.Narrow(0, -2, 2).ToArray<float>(), Is.EqualTo(new float[] { 5, 6 }));
    }

    [Test]
    public void SliceOfASliceKnowsItsPlace()
    {
        var x = Count(4, 6).Slice(1, 1, 6, 2).Slice(0, 1, 4, 2).Slice(1, 1);
        Assert.That(x.ToArray<float>(), Is.EqualTo(new float[] { 9, 11, 21, 23 }));
    }

    [TestCase("cpu")]
    [TestCase("simt")]
    public void GradientOfOverlappingSlicesAddsUp(string device)
    {
        var x = Tensor.Zeros([2, 4], DType.Float64, TestDevices.Open(device));
        x.RequiresGrad = true;
        (x.Slice(1, 0, 3).Sum() + x.Slice(1, 1, 4, 2).Sum() * 10).Backward();
        Assert.That(x.Grad!.ToDoubles(), Is.EqualTo(new double[] { 1, 11, 1, 10, 1, 11, 1, 10 }));
    }

    [TestCase("cpu")]
    [TestCase("simt")]
    public void ConcatUndoesSplit(string device)
    {
        var x = Count(5, 7).To(TestDevices.Open(device));
        using var all = Assert.EnterMultipleScope();
        foreach (var dim in new[] { 0, 1, -1 })
        {
            Assert.That(Tensor.Concat(x.Split(2, dim), dim).ToDoubles(), Is.EqualTo(x.ToDoubles()));
            Assert.That(Tensor.Concat(x.Chunk(3, dim), dim).ToDoubles(), Is.EqualTo(x.ToDoubles()));
        }
        Assert.That(x.Split([1, 4, 2], 1).Select(p => p.Shape[1]), Is.EqualTo(new long[] { 1, 4, 2 }));
        Assert.That(x.Chunk(3, 1).Select(p => p.Shape[1]), Is.EqualTo(new long[] { 3, 3, 1 }));
    }

    [Test]
    public void ConcatKeepsAllBitsOfIntegers()
    {
        long[] values = [long.MaxValue - 1, long.MinValue + 1, (1L << 53) + 1];
        var joined = Tensor.Concat([Tensor.From(values), Tensor.From(values)]);
        Assert.That(joined.ToArray<long>(), Is.EqualTo(values.Concat(values)));
    }

    [Test]
    public void StackAddsAnAxis()
    {
        Tensor[] rows = [Count(3), Count(3) + 10];
        using var all = Assert.EnterMultipleScope();
        Assert.That(Tensor.Stack(rows).ToArray<float>(), Is.EqualTo(new float[] { 0, 1, 2, 10, 11, 12 }));
        Assert.That(Tensor.Stack(rows, -1).ToArray<float>(), Is.EqualTo(new float[] { 0, 10, 1, 11, 2, 12 }));
    }

    [TestCase("cpu")]
    [TestCase("simt")]
    public void ScatterAddAddsEqualPositionsInOrder(string device)
    {
        // 2^24 swallows one 1 after the other, but not two that were added before it.
        var on = TestDevices.Open(device);
        var index = Tensor.From<long>([0, 0, 0, 2], device: on);
        var src = Tensor.From<float>([16777216, 1, 1, 5], device: on);
        var sum = Tensor.Zeros([3], device: on).ScatterAdd(0, index, src);
        Assert.That(sum.ToArray<float>(), Is.EqualTo(new float[] { 16777216, 0, 5 }));
    }

    [TestCase("cpu")]
    [TestCase("simt")]
    public void IndexSelectCollectsGradientsOfRepeatedRows(string device)
    {
        var on = TestDevices.Open(device);
        var x = Tensor.Zeros([3, 2], DType.Float64, on);
        x.RequiresGrad = true;
        var picked = x.IndexSelect(0, Tensor.From<long>([2, 0, 2], device: on));
        picked.Backward(Tensor.From<double>([1, 2, 3, 4, 5, 6], [3, 2], on));
        Assert.That(x.Grad!.ToDoubles(), Is.EqualTo(new double[] { 3, 4, 0, 0, 6, 8 }));
    }

    [TestCase("cpu")]
    [TestCase("simt")]
    public void TheLastOfEqualPositionsStaysAndGetsTheGradient(string device)
    {
        var on = TestDevices.Open(device);
        var x = Tensor.Zeros([3], DType.Float64, on);
        var src = Tensor.From<double>([1, 2, 3, 4], device: on);
        (x.RequiresGrad, src.RequiresGrad) = (true, true);
        var y = x.Scatter(0, Tensor.From<long>([2, 0, 2, 2], device: on), src);
        Assert.That(y.ToDoubles(), Is.EqualTo(new double[] { 2, 0, 4 }));
        y.Backward(Tensor.From<double>([10, 20, 30], device: on));
        Assert.That(x.Grad!.ToDoubles(), Is.EqualTo(new double[] { 0, 20, 0 }));
        Assert.That(src.Grad!.ToDoubles(), Is.EqualTo(new double[] { 0, 10, 0, 30 }));
    }

    [TestCase("cpu")]
    [TestCase("simt")]
    public void IndexAddAddsRowsAndOneHotNamesColumns(string device)
    {
        var on = TestDevices.Open(device);
        var index = Tensor.From<long>([2, 0, 2], device: on);
        var sum = Tensor.Ones([3, 2], device: on).IndexAdd(0, index, Count(3, 2).To(on), alpha: 10);
        Assert.That(sum.ToArray<float>(), Is.EqualTo(new float[] { 21, 31, 1, 1, 41, 61 }));
        Assert.That(index.OneHot(3).ToArray<long>(), Is.EqualTo(new long[] { 0, 0, 1, 1, 0, 0, 0, 0, 1 }));
    }

    [TestCase("cpu")]
    [TestCase("simt")]
    public void TrianglesAddUpToTheMatrix(string device)
    {
        var x = (Count(2, 3, 4) + 1).To(TestDevices.Open(device));
        using var all = Assert.EnterMultipleScope();
        Assert.That(
            x.Tril().Select(0, 0).ToArray<float>(),
            Is.EqualTo(new float[] { 1, 0, 0, 0, 5, 6, 0, 0, 9, 10, 11, 0 })
        );
        for (var k = -4; k < 5; k++)
            Assert.That((x.Tril(k) + x.Triu(k + 1)).ToDoubles(), Is.EqualTo(x.ToDoubles()));
        Assert.That(x.Cast(DType.Bool).Triu(3).Sum().Item(), Is.EqualTo(2));
    }

    [TestCase("cpu")]
    [TestCase("simt")]
    public void FlippingTwiceIsNothing(string device)
    {
        var x = Count(3, 4, 5).To(TestDevices.Open(device)).Transpose(0, 2);
        using var all = Assert.EnterMultipleScope();
        Assert.That(x.Flip(0, -1).Flip(-1, 0).ToDoubles(), Is.EqualTo(x.ToDoubles()));
        Assert.That(Count(3).Flip(0).ToArray<float>(), Is.EqualTo(new float[] { 2, 1, 0 }));
        Assert.That(x.MaskedFill(x.Gt(10), -1).ToDoubles(), Is.EqualTo(x.ToDoubles().Select(v => v > 10 ? -1 : v)));
    }

    [TestCase(3)]
    [TestCase(-1)]
    public void IndexOutOfRangeIsNamedOnTheCpu(long wrong)
    {
        var x = Count(3, 2);
        var index = Tensor.From<long>([0, wrong], [2, 1]);
        using var all = Assert.EnterMultipleScope();
        foreach (
            var call in new Action[]
            {
                () => x.Gather(0, index),
                () => x.ScatterAdd(0, index, Tensor.Ones([2, 1])),
                () => x.Scatter(0, index, Tensor.Ones([2, 1])),
                () => x.IndexSelect(0, index.Reshape(2)),
            }
        )
            Assert.That(
                call,
                Throws.TypeOf<ShapeException>().With.Message.Contains($"index {wrong}").And.Message.Contains("0 to 2")
            );
    }

    [Test, Category("Simt")]
    public void IndexOutOfRangeIsNotFollowedByKernels()
    {
        var on = TestDevices.Open("simt");
        var index = Tensor.From<long>([0, 3, -1], device: on);
        var x = Tensor.From<float>([5, 6, 7], device: on);
        using var all = Assert.EnterMultipleScope();
        Assert.That(x.Gather(0, index).ToArray<float>(), Is.EqualTo(new[] { 5, float.NaN, float.NaN }));
        Assert.That(
            x.ScatterAdd(0, index, Tensor.Ones([3], device: on)).ToArray<float>(),
            Is.EqualTo(new float[] { 6, 6, 7 })
        );
        Assert.That(
            x.Scatter(0, index, Tensor.Ones([3], device: on)).ToArray<float>(),
            Is.EqualTo(new float[] { 1, 6, 7 })
        );
    }

    [Test, Category("Simt")]
    public void ConcatOfManyTensorsIsOneLaunch()
    {
        var on = (NativeDevice)TestDevices.Open("simt");
        Tensor[] parts = [.. Enumerable.Range(0, 128).Select(i => Tensor.Full([2, 1], i, device: on))];
        var before = on.LaunchCount;
        var joined = Tensor.Concat(parts, 1);
        Assert.That(on.LaunchCount - before, Is.EqualTo(1));
        Assert.That(joined.Slice(0, 1, 2).ToDoubles(), Is.EqualTo(Enumerable.Range(0, 128)));
    }

    [Test]
    public void SequencesAndTheUnitMatrix()
    {
        using var all = Assert.EnterMultipleScope();
        Assert.That(Tensor.Arange(2, 9, 3).ToArray<long>(), Is.EqualTo(new long[] { 2, 5, 8 }));
        Assert.That(Tensor.Arange(1, 0, -0.5, DType.Float32).ToArray<float>(), Is.EqualTo(new[] { 1, 0.5f }));
        Assert.That(Tensor.Linspace(0, 1, 5).ToArray<float>(), Is.EqualTo(new[] { 0, 0.25f, 0.5f, 0.75f, 1 }));
        Assert.That(Tensor.Linspace(3, 1, 1).ToArray<float>(), Is.EqualTo(new float[] { 3 }));
        Assert.That(Tensor.Linspace(0.1, 0.7, 8, DType.Float64).ToDoubles()[^1], Is.EqualTo(0.7));
        Assert.That(Tensor.Eye(2, 3).ToArray<float>(), Is.EqualTo(new float[] { 1, 0, 0, 0, 1, 0 }));
    }

    private static readonly (string Message, Action<Tensor> Call)[] Refused =
    [
        ("axis 2 is outside", x => x.Slice(2, 0, 1)),
        ("step", x => x.Slice(0, 0, 1, 0)),
        ("do not lie within", x => x.Narrow(1, 2, 2)),
        ("position 2 is outside", x => x.Select(0, 2)),
        ("position -3 is outside", x => x.Select(^3)),
        ("position 2 is outside", x => x.Select(^0)),
        ("at least 1 position", x => x.Split(0)),
        ("add up to 2", x => x.Split([1, 1], 1)),
        ("cut into 0 parts", x => x.Chunk(0)),
        ("no axis", x => x.Sum().Slice(..1)),
        ("no axis", x => x.Sum().Slice(0, 0, 1)),
        ("at least one tensor", _ => Tensor.Concat([])),
        ("equal extents", x => Tensor.Concat([x, x.Slice(1, 0, 2)])),
        ("one dtype", x => Tensor.Concat([x, x.Cast(DType.Float64)])),
        ("use Stack", x => Tensor.Concat([x.Sum(), x.Sum()])),
        ("expected one shape", x => Tensor.Stack([x, x.Slice(1, 0, 2)])),
        ("new axis 4", x => Tensor.Stack([x, x], 4)),
        ("dtype i64", x => x.Gather(0, x)),
        ("as many axes", x => x.Gather(0, Tensor.Arange(2))),
        ("no longer than", x => x.Gather(0, Tensor.Zeros([2, 4], DType.Int64))),
        ("of one shape", x => x.ScatterAdd(0, Tensor.Zeros([2, 2], DType.Int64), x)),
        ("one floating dtype", x => x.ScatterAdd(0, Tensor.Zeros([2, 3], DType.Int64), x.Cast(DType.Float64))),
        ("of one dtype", x => x.Scatter(0, Tensor.Zeros([2, 3], DType.Int64), x.Cast(DType.Float64))),
        ("index with one axis", x => x.IndexAdd(0, Tensor.Zeros([2, 2], DType.Int64), x)),
        ("index_add(input (2, 3)", x => x.IndexAdd(0, Tensor.Arange(3), x)),
        ("dtype i64", x => x.OneHot(3)),
        ("at least two axes", x => x.Sum(0).Tril()),
        ("axis -1 is named twice", x => x.Flip(1, -1)),
        ("axis 2 is outside", x => x.Flip(2)),
        ("no axes", x => x.Sum().Flip(0)),
        ("exactly one", x => x.IndexSelect(0, Tensor.Zeros([2, 2], DType.Int64))),
        ("no sequence", _ => Tensor.Arange(0, 1, -1)),
        ("no sequence", _ => Tensor.Arange(0, 1, 0)),
        ("no sequence", _ => Tensor.Arange(0, double.PositiveInfinity)),
        ("two values only", _ => Tensor.Arange(2, DType.Bool)),
        ("count of at least 0", _ => Tensor.Linspace(0, 1, -1)),
        ("within axis 1", x => SliceBackwardOp.Instance.Apply([x], Attributes.Of(new long[] { 2, 5 }, 1L, 3L, 1L))),
        (
            "except along axis 1",
            x => SliceBackwardOp.Instance.Apply([x], Attributes.Of(new long[] { 3, 5 }, 1L, 0L, 1L))
        ),
        ("as many axes", x => SliceBackwardOp.Instance.Apply([x], Attributes.Of(new long[] { 3 }, 0L, 0L, 1L))),
    ];

    [TestCaseSource(nameof(RefusedNames))]
    public void Refuses(int which)
    {
        var (message, call) = Refused[which];
        Assert.That(() => call(Count(2, 3)), Throws.InstanceOf<CudaNetException>().With.Message.Contains(message));
    }

    private static IEnumerable<TestCaseData> RefusedNames =>
        Refused.Select((refused, i) => new TestCaseData(i).SetArgDisplayNames($"{i}: {refused.Message}"));
}
