namespace CudaNet.Tests.Nn;

using CudaNet;
using CudaNet.Nn;
using CudaNet.Tests.Graphs;

/// <summary>Embeddings and the fills: what the case lists cannot say, and what is refused.</summary>
[TestFixture]
public sealed class EmbeddingTests
{
    [TestCase("cpu")]
    [TestCase("simt")]
    public void RepeatedRowsCollectTheirGradientsAndPaddingGetsNone(string device)
    {
        var on = TestDevices.Open(device);
        var layer = new Embedding(4, 2, paddingIndex: 1, device: on, generator: new Generator(3));
        var y = layer.Call(Tensor.From<long>([3, 1, 3, 0], [2, 2], on));
        y.Backward(Tensor.From<float>([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2], on));
        var weight = layer.Weight.ToDoubles();
        using var all = Assert.EnterMultipleScope();
        Assert.That(weight[2..4], Is.All.Zero);
        Assert.That(weight[..2].Concat(weight[4..]), Is.All.Not.Zero);
        Assert.That(
            y.ToDoubles(),
            Is.EqualTo(new[] { weight[6..], weight[2..4], weight[6..], weight[..2] }.SelectMany(r => r))
        );
        Assert.That(layer.Weight.Grad!.ToDoubles(), Is.EqualTo(new double[] { 7, 8, 0, 0, 0, 0, 6, 8 }));
    }

    [TestCase(4)]
    [TestCase(-1)]
    public void AnIndexOutOfRangeIsNamedOnTheCpu(long wrong) =>
        Assert.That(
            () => Tensor.Ones([4, 2]).Embedding(Tensor.From([0, wrong])),
            Throws.TypeOf<ShapeException>().With.Message.Contains($"index {wrong}").And.Message.Contains("0 to 3")
        );

    [Test, Category("Simt")]
    public void AnIndexOutOfRangeIsNotFollowedByKernels()
    {
        var on = TestDevices.Open("simt");
        var y = Tensor.Ones([4, 1], device: on).Embedding(Tensor.From<long>([3, 4, -1], device: on));
        Assert.That(y.ToArray<float>(), Is.EqualTo(new[] { 1, float.NaN, float.NaN }));
    }

    [Test]
    public void FillsLeaveNoGradientBehind()
    {
        var x = Tensor.Arange(6, DType.Float32).Reshape(2, 3).Clone().Leaf();
        var masked = x.MaskedFill(Tensor.From([true, false, true]), double.NegativeInfinity);
        var indexed = x.IndexFill(1, Tensor.From<long>([2, 0, 2]), 9);
        (masked.Exp() + indexed).Sum().Backward();
        const float low = float.NegativeInfinity;
        using var all = Assert.EnterMultipleScope();
        Assert.That(masked.ToArray<float>(), Is.EqualTo(new[] { low, 1, low, low, 4, low }));
        Assert.That(indexed.ToArray<float>(), Is.EqualTo(new float[] { 9, 1, 9, 9, 4, 9 }));
        Assert.That(x.Grad!.ToDoubles(), Is.EqualTo(new[] { 0, 1 + Math.E, 0, 0, 1 + Math.Exp(4), 0 }).Within(1e-4));
    }

    private static readonly (string Message, Action<Tensor> Call)[] Refused =
    [
        ("dtype i64", x => x.Embedding(x)),
        ("a weight (rows, columns)", x => x.Reshape(6).Embedding(Tensor.From<long>([0]))),
        ("floating", x => x.Cast(DType.Int64).Embedding(Tensor.From<long>([0]))),
        ("one of the 2 rows or −1 for none; got 2", x => x.Embedding(Tensor.From<long>([0]), 2)),
        ("expected a mask of dtype bool", x => x.MaskedFill(x, 0)),
        ("broadcasts to the input", x => x.MaskedFill(Tensor.From([true, false]), 0)),
        ("a vector of positions", x => x.IndexFill(0, x, 0)),
        ("axis 2 is outside", x => x.IndexFill(2, Tensor.From<long>([0]), 0)),
        ("index 5", x => x.IndexFill(0, Tensor.From<long>([5]), 0)),
        ("or four: left, right, top, bottom; got 2", x => new ZeroPad2d(1, 2).Call(x)),
    ];

    [TestCaseSource(nameof(RefusedNames))]
    public void Refuses(int which)
    {
        var (message, call) = Refused[which];
        Assert.That(
            () => call(Tensor.Arange(6, DType.Float32).Reshape(2, 3)),
            Throws.InstanceOf<CudaNetException>().With.Message.Contains(message)
        );
    }

    private static IEnumerable<TestCaseData> RefusedNames =>
        Refused.Select((refused, i) => new TestCaseData(i).SetArgDisplayNames($"{i}: {refused.Message}"));

    [Test]
    public void PaddingLayersCountTheirSidesFromTheLeft()
    {
        var x = Tensor.Arange(4, DType.Float32).Reshape(1, 1, 2, 2);
        using var all = Assert.EnterMultipleScope();
        Assert.That(
            new ZeroPad2d(1, 0, 0, 1).Call(x).ToDoubles(),
            Is.EqualTo(new double[] { 0, 0, 1, 0, 2, 3, 0, 0, 0 })
        );
        Assert.That(
            new ReflectionPad2d(1).Call(x).ToDoubles(),
            Is.EqualTo(new double[] { 3, 2, 3, 2, 1, 0, 1, 0, 3, 2, 3, 2, 1, 0, 1, 0 })
        );
    }
}
