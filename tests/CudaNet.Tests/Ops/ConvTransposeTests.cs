namespace CudaNet.Tests.Ops;

/// <summary>Transposed convolutions: worked examples, what output padding means, and what is refused.</summary>
[TestFixture]
public sealed class ConvTransposeTests
{
    private static Tensor Count(params long[] shape) =>
        Tensor.Arange(new Shape(shape).NumElements, DType.Float64).Reshape(shape);

    /// <summary>Dive into Deep Learning, 14.10: a 2×2 input under a 2×2 kernel, with stride 1 and 2, and with padding 1.</summary>
    [TestCase(1, 0, new double[] { 0, 0, 1, 0, 4, 6, 4, 12, 9 })]
    [TestCase(2, 0, new double[] { 0, 0, 0, 1, 0, 0, 2, 3, 0, 2, 0, 3, 4, 6, 6, 9 })]
    [TestCase(1, 1, new double[] { 4 })]
    public void D2l_14_10(long stride, long padding, double[] expected)
    {
        var y = Count(1, 1, 2, 2).ConvTranspose2d(Count(1, 1, 2, 2), stride: stride, padding: padding);
        Assert.That(y.ToDoubles(), Is.EqualTo(expected));
    }

    /// <summary>PyTorch allows an output padding of a stride and more where the dilation is larger; the input's last place then is a zero.</summary>
    [Test]
    public void OutputPaddingMayReachOverAStride()
    {
        var (x, weight) = (Count(1, 2, 3), Count(2, 1, 2));
        var y = x.ConvTranspose1d(weight, outputPadding: 2, dilation: 3);
        var zeros = x.Pad([0, 2]).ConvTranspose1d(weight, dilation: 3);
        Assert.That(y.Shape.Dims.ToArray(), Is.EqualTo(new long[] { 1, 1, 8 }));
        Assert.That(y.ToDoubles(), Is.EqualTo(zeros.ToDoubles()));
    }

    [Test]
    public void AnImageWithoutABatchGivesOneWithoutABatch()
    {
        var (x, weight) = (Count(2, 3, 4), Count(2, 3, 2, 2));
        var y = x.ConvTranspose2d(weight, stride: 2);
        Assert.That(y.Shape, Is.EqualTo(new Shape(3, 6, 8)));
        Assert.That(y.ToDoubles(), Is.EqualTo(x.Unsqueeze(0).ConvTranspose2d(weight, stride: [2]).ToDoubles()));
        Assert.That(Count(2, 5).Conv1d(Count(3, 2, 2)).Shape, Is.EqualTo(new Shape(3, 4)));
        Assert.That(Count(2, 4, 5, 6).Conv3d(Count(3, 2, 2, 2, 2)).Shape, Is.EqualTo(new Shape(3, 3, 4, 5)));
    }

    private static readonly (string Message, Action Call)[] Refused =
    [
        ("less than the stride 2 or the dilation; got 2 along axis 2", () => Transpose(stride: 2, outputPadding: 2)),
        ("groups must be at least 1; got 0", () => Transpose(groups: 0)),
        ("3 groups must divide the 2 channels of the input", () => Transpose(groups: 3)),
        ("the weight must have as many; it has 3", () => Count(1, 2, 3, 3).ConvTranspose2d(Count(3, 2, 2, 2))),
        ("along axis 2 a padding of 2 leaves nothing", () => Transpose(padding: 2)),
        ("stride must be 1 or 2 whole numbers from 1; got (0)", () => Transpose(stride: 0)),
        ("3 output channels", () => Count(1, 2, 3, 3).ConvTranspose2d(Count(2, 3, 2, 2), Count(2))),
        ("4 axes (N, C, …)", () => Count(3, 3).ConvTranspose2d(Count(2, 3, 2, 2))),
        ("3 axes (N, C, …)", () => Count(1, 1, 3, 3).Conv1d(Count(2, 3, 2, 2))),
        ("at least one position", () => Count(1, 2, 0, 3).ConvTranspose2d(Count(2, 3, 2, 2))),
    ];

    private static Tensor Transpose(long stride = 1, long padding = 0, long outputPadding = 0, long groups = 1) =>
        Count(1, 2, 3, 3).ConvTranspose2d(Count(2, 3, 2, 2), null, stride, padding, outputPadding, groups);

    [TestCaseSource(nameof(RefusedNames))]
    public void Refuses(int which)
    {
        var (message, call) = Refused[which];
        Assert.That(call, Throws.InstanceOf<CudaNetException>().With.Message.Contains(message));
    }

    private static IEnumerable<TestCaseData> RefusedNames =>
        Refused.Select((refused, i) => new TestCaseData(i).SetArgDisplayNames($"{i}: {refused.Message}"));
}
