namespace CudaNet.Tests.Ops;

/// <summary>RMS, group and instance normalisation: how they are related, their defaults, and what is refused.</summary>
[TestFixture]
public sealed class NormTests
{
    private static Tensor Wave(params long[] shape) =>
        Tensor.Arange(new Shape(shape).NumElements, DType.Float64).Reshape(shape).Affine(1.3, 0.4).Sin();

    [Test]
    public void OneGroupIsALayerAndAGroupForEachChannelAnInstance()
    {
        var x = Wave(3, 4, 5);
        using var all = Assert.EnterMultipleScope();
        Assert.That(x.GroupNorm(1).ToDoubles(), Is.EqualTo(x.LayerNorm([4, 5]).ToDoubles()).Within(1e-13));
        Assert.That(x.GroupNorm(4).ToDoubles(), Is.EqualTo(x.InstanceNorm().ToDoubles()));
        Assert.That(x.InstanceNorm().ToDoubles(), Is.EqualTo(x.LayerNorm([5]).ToDoubles()).Within(1e-13));
    }

    [Test]
    public void RmsNormTakesTheEpsOfTheDType()
    {
        var x = Tensor.Full([1, 4], 1e-4f);
        var expected = 1e-4 / Math.Sqrt(1e-8 + Math.Pow(2, -23));
        Assert.That(x.RmsNorm([4]).ToDoubles(), Has.All.EqualTo(expected).Within(1e-6));
    }

    private static readonly (string Message, Action Call)[] Refused =
    [
        ("divide the 4 channels; got 3", () => Wave(2, 4, 3).GroupNorm(3)),
        ("divide the 4 channels; got 0", () => Wave(2, 4, 3).GroupNorm(0)),
        ("expected an input (N, C)", () => Wave(4).GroupNorm(1)),
        ("groups of at least one value", () => Wave(2, 4, 0).GroupNorm(2)),
        ("a bias needs a weight", () => Wave(2, 4).GroupNorm(2, bias: Wave(4))),
        ("weight must hold one value for each of 4 channels", () => Wave(2, 4).GroupNorm(2, Wave(3))),
        ("more than one value per channel and image", () => Wave(2, 4, 1).InstanceNorm()),
        ("at least one axis behind them", () => Wave(2, 4).InstanceNorm()),
        ("come together", () => Wave(2, 4, 3).InstanceNorm(Wave(4))),
        ("weight must have the shape (4)", () => Wave(2, 4).RmsNorm([4], Wave(2))),
        ("the last axes must be normalized_shape (3)", () => Wave(2, 4).RmsNorm([3])),
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
