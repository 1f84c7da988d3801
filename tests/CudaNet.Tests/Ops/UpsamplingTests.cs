namespace CudaNet.Tests.Ops;

/// <summary>Upsampling: worked examples, and what is refused.</summary>
[TestFixture]
public sealed class UpsamplingTests
{
    private static Tensor Count(params long[] shape) =>
        Tensor.Arange(new Shape(shape).NumElements, DType.Float64).Reshape(shape);

    [Test]
    public void NearestRepeatsAndLeavesOut()
    {
        using var all = Assert.EnterMultipleScope();
        Assert.That(
            Count(1, 2, 2).UpsampleNearest2d(4, 3).ToDoubles(),
            Is.EqualTo(new double[] { 0, 0, 1, 0, 0, 1, 2, 2, 3, 2, 2, 3 })
        );
        Assert.That(Count(1, 1, 5).UpsampleNearest2d(1, 2).ToDoubles(), Is.EqualTo(new double[] { 0, 2 }));
    }

    /// <summary>The example of torch.nn.UpsamplingBilinear2d and that of torch.nn.Upsample: 1, 2, 3, 4 enlarged twice.</summary>
    [TestCase(true, new[] { 1, 4.0 / 3, 5.0 / 3, 2 })]
    [TestCase(false, new[] { 1, 1.25, 1.75, 2 })]
    public void BilinearKeepsCornersOrEdges(bool alignCorners, double[] firstRow)
    {
        var y = Count(1, 1, 2, 2).Affine(1, 1).UpsampleBilinear2d([4], alignCorners);
        Assert.That(y.ToDoubles()[..4], Is.EqualTo(firstRow).Within(1e-15));
    }

    private static readonly (string Message, Action Call)[] Refused =
    [
        ("of at least 1; got (0)", () => Count(1, 2, 2).UpsampleNearest2d(0)),
        ("of at least 1; got (1, 2, 3)", () => Count(1, 2, 2).UpsampleBilinear2d([1, 2, 3])),
        ("(N, C, H, W) or (C, H, W)", () => Count(2, 2).UpsampleNearest2d(3)),
        ("H and W of at least 1", () => Count(1, 0, 2).UpsampleBilinear2d([3])),
    ];

    [TestCaseSource(nameof(RefusedNames))]
    public void Refuses(int which)
    {
        var (message, call) = Refused[which];
        Assert.That(call, Throws.InstanceOf<CudaNetException>().With.Message.Contains(message));
    }

    private static IEnumerable<TestCaseData> RefusedNames =>
        Refused.Select((refused, i) => new TestCaseData(i).SetArgDisplayNames($"{i}: {refused.Message}"));
}
