namespace CudaNet.Tests.Ops;

/// <summary>Fused element-wise chains and gated linear units: values and gradients that PyTorch 1.13 gives.</summary>
[TestFixture("cpu")]
[TestFixture("simt", Category = "Simt")]
public sealed class FusedChainTests(string deviceName)
{
    private Device _device = Device.Cpu;

    [SetUp]
    public void OpenDevice() => _device = TestDevices.Open(deviceName);

    private Tensor Leaf(params float[] values)
    {
        var leaf = Tensor.From(values, device: _device);
        leaf.RequiresGrad = true;
        return leaf;
    }

    /// <summary>torch.add(a, b, alpha=-1.5), torch.addcmul and torch.addcdiv(a, b, c, value=0.7), torch.lerp(a, b, c), and their gradients for [1, −2, 0.5].</summary>
    public static IEnumerable<TestCaseData> Chains =>
        [
            Chain("add", (a, b, _) => a.Add(b, -1.5), [-4, -1.4375, 4.25], [1, -2, 0.5], [-1.5, 3, -0.75], null),
            Chain("sub", (a, b, _) => a.Sub(b, 1.5), [-4, -1.4375, 4.25], [1, -2, 0.5], [-1.5, 3, -0.75], null),
            Chain(
                "addcmul",
                (a, b, c) => a.AddCMul(b, c, 0.7),
                [1.13, -1.315625, 1.055],
                [1, -2, 0.5],
                [0.21, 1.05, 0.315],
                [2.1, -0.175, -0.525]
            ),
            Chain(
                "addcdiv",
                (a, b, c) => a.AddCDiv(b, c, 0.7),
                [7.4999995, -1.3666667, 0.8333334],
                [1, -2, 0.5],
                [2.3333333, 1.8666667, 0.3888889],
                [-23.3333321, 0.3111111, 0.6481482]
            ),
            Chain(
                "lerp",
                (a, b, c) => a.Lerp(b, c),
                [1.25, -2.28125, -1.15],
                [0.7, -3.5, 0.05],
                [0.3, 1.5, 0.45],
                [2.5, -2.75, -1.75]
            ),
        ];

    private static TestCaseData Chain(
        string name,
        Func<Tensor, Tensor, Tensor, Tensor> op,
        double[] value,
        double[] gradA,
        double[] gradB,
        double[]? gradC
    ) => new TestCaseData(op, value, gradA, gradB, gradC).SetArgDisplayNames(name);

    [TestCaseSource(nameof(Chains))]
    public void AgreesWithPyTorch(
        Func<Tensor, Tensor, Tensor, Tensor> op,
        double[] value,
        double[] gradA,
        double[] gradB,
        double[]? gradC
    )
    {
        using var frame = Lifetime.Frame();
        var (a, b, c) = (Leaf(0.5f, -1.25f, 2), Leaf(3, 0.125f, -1.5f), Leaf(0.3f, -0.75f, 0.9f));
        var y = op(a, b, c);
        (y * Tensor.From<float>([1, -2, 0.5f], device: _device)).Sum().Backward();
        Assert.That(y.ToDoubles(), Is.EqualTo(value).Within(2e-6));
        Assert.That(a.Grad!.ToDoubles(), Is.EqualTo(gradA).Within(2e-6));
        Assert.That(b.Grad!.ToDoubles(), Is.EqualTo(gradB).Within(2e-6));
        Assert.That(c.Grad?.ToDoubles(), gradC is null ? Is.Null : Is.EqualTo(gradC).Within(5e-6));
    }

    [Test]
    public void LerpMeetsBothEndsExactly()
    {
        using var frame = Lifetime.Frame();
        var (a, b) = (Leaf(0.1f, 1e8f), Leaf(1e8f, 0.1f));
        Assert.That(a.Lerp(b, 0).ToArray<float>(), Is.EqualTo(a.ToArray<float>()));
        Assert.That(a.Lerp(b, 1).ToArray<float>(), Is.EqualTo(b.ToArray<float>()));
    }

    /// <summary>torch.nn.functional.glu, and x[:, :2] times silu, gelu and relu of x[:, 2:], with the gradients for [[1, −2], [0.5, 3]].</summary>
    [TestCase(
        GateActivation.Sigmoid,
        new[] { 0.4403985, -0.4010266, 0.5472766, 0.0913823 },
        new[] { 0.880797, -0.6416426, 0.0524968, 0.5447375, 0.0912128, 2.1931758, 0.2237197, 0.0737295 }
    )]
    [TestCase(
        GateActivation.Silu,
        new[] { 0.880797, 0.30077, -0.8209149, 0.0913823 },
        new[] { 1.7615941, 0.4812319, 0.5453922, 0.3935001, -0.1368191, 2.1931758, -0.0619412, 0.3478765 }
    )]
    [TestCase(
        GateActivation.Gelu,
        new[] { 0.9772499, 0.2124631, -0.3006324, 0.1051681 },
        new[] { 1.9544997, 0.339941, 0.5426159, 0.0019357, -0.0501054, 2.524034, -0.1912038, 0.4062433 }
    )]
    [TestCase(GateActivation.Relu, new[] { 1, 0, 0, 0.125 }, new[] { 2, 0, 0.5, 0, 0, 3, 0, 0.375 })]
    public void GatedLinearUnitsAgreeWithPyTorch(GateActivation gate, double[] value, double[] gradient)
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.From<float>([0.5f, -1.25f, 2, -0.75f, 3, 0.125f, -1.5f, 1], [2, 4], _device);
        x.RequiresGrad = true;
        var y = x.Glu(-1, gate);
        (y * Tensor.From<float>([1, -2, 0.5f, 3], [2, 2], _device)).Sum().Backward();
        Assert.That(y.ToDoubles(), Is.EqualTo(value).Within(1e-6));
        Assert.That(x.Grad!.ToDoubles(), Is.EqualTo(gradient).Within(1e-6));
    }

    [Test]
    public void AnOddAxisHasNoHalves()
    {
        using var frame = Lifetime.Frame();
        var error = Assert.Throws<ShapeException>(() => Tensor.Zeros([2, 5], device: _device).Glu());
        Assert.That(error!.Message, Does.Contain("(2, 5)").And.Contain("even"));
    }

    [Test]
    public void ShapesThatDoNotBroadcastAreAnError()
    {
        using var frame = Lifetime.Frame();
        var (two, three) = (Tensor.Zeros([2], device: _device), Tensor.Zeros([3], device: _device));
        Assert.Throws<ShapeException>(() => two.AddCMul(two, three));
        Assert.Throws<ShapeException>(() => two.Add(three, 2));
        Assert.Throws<DTypeException>(() => two.Add(Tensor.Zeros([2], DType.Float64, _device), 2));
    }
}
