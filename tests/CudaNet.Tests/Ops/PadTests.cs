namespace CudaNet.Tests.Ops;

/// <summary>Padding: what each mode shows, and what is refused.</summary>
[TestFixture]
public sealed class PadTests
{
    private static Tensor Count(params long[] shape) =>
        Tensor.Arange(new Shape(shape).NumElements, DType.Float32).Reshape(shape);

    [TestCase(PadMode.Constant, new[] { 9, 9, 0, 1, 2, 9f })]
    [TestCase(PadMode.Reflect, new[] { 2, 1, 0, 1, 2, 1f })]
    [TestCase(PadMode.Replicate, new[] { 0, 0, 0, 1, 2, 2f })]
    [TestCase(PadMode.Circular, new[] { 1, 2, 0, 1, 2, 0f })]
    public void ShowsBeyondTheEdges(PadMode mode, float[] expected)
    {
        var y = Count(3).Pad([2, 1], mode, mode == PadMode.Constant ? 9 : 0);
        Assert.That(y.ToArray<float>(), Is.EqualTo(expected));
    }

    [Test]
    public void AmountsComeFromTheLastAxisOnAndNegativeOnesCut()
    {
        var y = Count(2, 3).Pad([-1, 1, 0, 1], value: 7);
        using var all = Assert.EnterMultipleScope();
        Assert.That(y.Shape.Dims.ToArray(), Is.EqualTo(new long[] { 3, 3 }));
        Assert.That(y.ToArray<float>(), Is.EqualTo(new float[] { 1, 2, 7, 4, 5, 7, 7, 7, 7 }));
        Assert.That(Count(3).Pad([-2, -1]).NumElements, Is.Zero);
        Assert.That(Count(3).Sum().Pad([]).Item(), Is.EqualTo(3));
    }

    [TestCase("cpu", PadMode.Constant, new double[] { 4, 8, 16 })]
    [TestCase("cpu", PadMode.Reflect, new double[] { 4, 8 + 2 + 32, 16 + 1 })]
    [TestCase("cpu", PadMode.Replicate, new double[] { 4 + 2 + 1, 8, 16 + 32 })]
    [TestCase("cpu", PadMode.Circular, new double[] { 4 + 32, 8 + 1, 16 + 2 })]
    [TestCase("simt", PadMode.Reflect, new double[] { 4, 8 + 2 + 32, 16 + 1 })]
    [TestCase("simt", PadMode.Circular, new double[] { 4 + 32, 8 + 1, 16 + 2 })]
    public void EachPlaceHandsItsGradientToWhatItShows(string device, PadMode mode, double[] expected)
    {
        var x = Tensor.Zeros([3], device: TestDevices.Open(device));
        x.RequiresGrad = true;
        x.Pad([2, 1], mode).Backward(Tensor.From<float>([1, 2, 4, 8, 16, 32], device: x.Device));
        Assert.That(x.Grad!.ToDoubles(), Is.EqualTo(expected));
    }

    private static readonly (string Message, Action<Tensor> Call)[] Refused =
    [
        ("an even number of at most 4; got 3", x => x.Pad([1, 1, 1])),
        ("an even number of at most 4; got 6", x => x.Pad([1, 1, 1, 1, 1, 1])),
        ("cut more than the 3 positions of axis 1", x => x.Pad([-2, -2])),
        (
            "reflect takes amounts from 0 to 2 along axis 1, whose extent is 3; got 0 and 3",
            x => x.Pad([0, 3], PadMode.Reflect)
        ),
        ("circular takes amounts from 0 to 2 along axis 0", x => x.Pad([0, 0, 3, 0], PadMode.Circular)),
        ("replicate takes amounts from 0 along axis 1", x => x.Pad([-1, 0], PadMode.Replicate)),
        ("replicate takes amounts from 0 to 0", x => x.Slice(1, 0, 0).Pad([1, 0], PadMode.Replicate)),
        (
            "of shape (2, 4)",
            x => PadBackwardOp.Instance.Apply([x], Attributes.Of(new long[] { 1, 0 }, 0L, new long[] { 2, 3 }))
        ),
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
