using CudaNet.Optim;

namespace CudaNet.Tests.Optim;

/// <summary>Clipping by norm and by value, against closed forms and PyTorch's rules.</summary>
[TestFixture("cpu")]
[TestFixture("simt", Category = "Simt")]
public sealed class GradientClippingTests(string deviceName)
{
    private Device _device = Device.Cpu;

    [SetUp]
    public void OpenDevice() => _device = TestDevices.Open(deviceName);

    private Tensor Parameter(params double[] gradient) => Parameter(DType.Float32, gradient);

    private Tensor Parameter(DType dtype, params double[] gradient)
    {
        var parameter = Tensor.Zeros([gradient.Length], dtype, _device).Keep();
        parameter.RequiresGrad = true;
        parameter.Grad = Tensor.From<double>(gradient, device: _device).Cast(dtype).Keep();
        return parameter;
    }

    private static double[] Gradients(params Tensor[] parameters) =>
        [.. parameters.SelectMany(p => p.Grad!.ToDoubles())];

    [TestCase(2.0, 13)]
    [TestCase(1.0, 19)]
    [TestCase(double.PositiveInfinity, 12)]
    public void ALongGradientIsScaledToTheNorm(double normType, double expected)
    {
        using var frame = Lifetime.Frame();
        var (a, b) = (Parameter(3, -4), Parameter(12));
        var norm = GradientClipping.ClipGradNorm([a, b], 1.5, normType);
        Assert.That(norm.Shape, Is.EqualTo(Shape.Scalar));
        Assert.That(norm.Item(), Is.EqualTo(expected).Within(1e-6));
        var factor = 1.5 / (expected + 1e-6);
        Assert.That(Gradients(a, b), Is.EqualTo(new[] { 3 * factor, -4 * factor, 12 * factor }).Within(1e-6));
        Assert.That(GradientClipping.GradNorm([a, b], normType).Item(), Is.EqualTo(1.5).Within(1e-5));
    }

    [Test]
    public void AShortGradientKeepsItsBits()
    {
        using var frame = Lifetime.Frame();
        var parameter = Parameter(0.1, -0.2, 0.3);
        var before = Gradients(parameter);
        Assert.That(GradientClipping.ClipGradNorm([parameter], 1).Item(), Is.EqualTo(Math.Sqrt(0.14)).Within(1e-7));
        Assert.That(Gradients(parameter), Is.EqualTo(before));
    }

    [Test]
    public void DtypesAreClippedTogether()
    {
        using var frame = Lifetime.Frame();
        var (a, b, c) = (Parameter(2), Parameter(DType.Float64, 3), Parameter(DType.BFloat16, 6));
        Assert.That(GradientClipping.ClipGradNorm([a, b, c], 0.7).Item(), Is.EqualTo(7).Within(1e-12));
        Assert.That(Gradients(a, b), Is.EqualTo(new[] { 0.2, 0.3 }).Within(1e-6));
        Assert.That(Gradients(c)[0], Is.EqualTo(0.6).Within(0.6 / 256));
    }

    [Test]
    public void ParametersWithoutGradientsArePassedOver()
    {
        using var frame = Lifetime.Frame();
        var idle = Tensor.Zeros([2], device: _device).Keep();
        idle.RequiresGrad = true;
        var parameter = Parameter(3, 4);
        Assert.That(GradientClipping.ClipGradNorm([idle, parameter], 10).Item(), Is.EqualTo(5));
        Assert.That(GradientClipping.ClipGradNorm([idle], 10).Item(), Is.Zero);
        GradientClipping.ClipGradValue([idle], 1);
        Assert.That(idle.Grad, Is.Null);
    }

    /// <summary>torch.nn.utils.clip_grad_norm_ returns the norm, and multiplies by what follows from it.</summary>
    [Test]
    public void ANormThatIsNotFiniteIsAnErrorOnlyWhereAsked()
    {
        using var frame = Lifetime.Frame();
        var parameter = Parameter(1, double.PositiveInfinity);
        var error = Assert.Throws<AutogradException>(() =>
            GradientClipping.ClipGradNorm([parameter], 1, errorIfNonFinite: true)
        );
        Assert.That(error!.Message, Does.Contain("order 2"));
        Assert.That(Gradients(parameter), Is.EqualTo(new[] { 1, double.PositiveInfinity }));
        Assert.That(GradientClipping.ClipGradNorm([parameter], 1).Item(), Is.EqualTo(double.PositiveInfinity));
        Assert.That(Gradients(parameter), Is.EqualTo(new[] { 0, double.NaN }));
        Assert.That(GradientClipping.ClipGradNorm([parameter], 1).Item(), Is.NaN);
        Assert.That(Gradients(parameter), Is.All.NaN);
    }

    [Test]
    public void ValuesAreLimited()
    {
        using var frame = Lifetime.Frame();
        var (a, b) = (Parameter(-3, 0.25, 0.5), Parameter(DType.Float64, double.NaN, 7));
        GradientClipping.ClipGradValue([a, b], 0.5);
        Assert.That(Gradients(a, b), Is.EqualTo(new[] { -0.5, 0.25, 0.5, double.NaN, 0.5 }));
    }

    [Test]
    public void AGradientThatIsAViewIsChangedInACopyOfItsOwn()
    {
        using var frame = Lifetime.Frame();
        var shared = Tensor.From<float>([3, 9, 4, 9], [2, 2], _device);
        var parameter = Parameter(0.0, 0.0);
        parameter.Grad = shared.Transpose(0, 1).Slice(0, 0, 1).Reshape(2);
        GradientClipping.ClipGradNorm([parameter], 1);
        Assert.That(Gradients(parameter), Is.EqualTo(new[] { 0.6, 0.8 }).Within(1e-6));
        Assert.That(shared.ToDoubles(), Is.EqualTo(new double[] { 3, 9, 4, 9 }));
    }

    [Test]
    public void BoundsAndOrdersOutOfRangeAreErrors()
    {
        using var frame = Lifetime.Frame();
        var parameter = Parameter(1);
        Assert.Throws<AttributeException>(() => GradientClipping.ClipGradNorm([parameter], -1));
        Assert.Throws<AttributeException>(() => GradientClipping.ClipGradNorm([parameter], double.NaN));
        Assert.Throws<AttributeException>(() => GradientClipping.ClipGradNorm([parameter], 1, normType: 0));
        Assert.Throws<AttributeException>(() => GradientClipping.ClipGradValue([parameter], -1));
    }
}
