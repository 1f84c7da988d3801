namespace CudaNet.Tests.Ops;

/// <summary>Flow layers: inverses, determinants against Jacobians, and orders that others use.</summary>
[TestFixture]
public sealed class FlowTests
{
    private static Tensor Draw(Generator generator, string device, params long[] shape) =>
        Tensor.RandN(shape, dtype: DType.Float64, device: TestDevices.Open(device), generator: generator);

    private static double LargestDifference(Tensor a, Tensor b) => a.Sub(b).Abs().Max().ToDoubles()[0];

    [TestCase("cpu", 0)]
    [TestCase("cpu", 1.5)]
    [TestCase("simt", 1.5)]
    public void TheInverseOfACouplingUndoesIt(string device, double bound)
    {
        using var frame = Lifetime.Frame();
        var generator = new Generator(3);
        var (x, s, t) = (
            Draw(generator, device, 5, 2, 4, 4),
            Draw(generator, device, 5, 2, 4, 4),
            Draw(generator, device, 5, 2, 4, 4)
        );
        var mask = Tensor.Bernoulli([2, 4, 4], 0.5, DType.Bool, x.Device, generator);
        var (y, logDet) = x.AffineCoupling(s, t, mask, bound);
        var (back, minus) = y.AffineCoupling(s, t, mask, bound, inverse: true);
        using var all = Assert.EnterMultipleScope();
        Assert.That(LargestDifference(back, x), Is.LessThan(1e-12));
        Assert.That(LargestDifference(logDet, minus.Neg()), Is.LessThan(1e-12));
        Assert.That(
            LargestDifference(x.AdditiveCoupling(t, mask).AdditiveCoupling(t, mask, inverse: true), x),
            Is.LessThan(1e-12)
        );
    }

    /// <summary>A layer x₁, x₂ → x₁, x₂ eˢ + t with s and t made of x₁: its Jacobian by autograd, its determinant by elimination.</summary>
    [Test]
    public void TheLogDeterminantIsThatOfTheJacobian()
    {
        using var frame = Lifetime.Frame();
        var generator = new Generator(5);
        var (point, a, b) = (Draw(generator, "cpu", 6), Draw(generator, "cpu", 3, 3), Draw(generator, "cpu", 3, 3));
        (Tensor Output, Tensor LogDet) Layer(Tensor x)
        {
            var (first, second) = (x.Narrow(0, 0, 3).Reshape(1, 3), x.Narrow(0, 3, 3).Reshape(1, 3));
            var (moved, sum) = second.AffineCoupling(first.MatMul(a), first.MatMul(b), bound: 2);
            return (Tensor.Concat([first, moved], 1).Reshape(6), sum);
        }
        var jacobian = Autograd.Jacobian(x => Layer(x).Output, point).ToDoubles();
        Assert.That(Layer(point).LogDet.ToDoubles()[0], Is.EqualTo(LogDeterminant(jacobian, 6)).Within(1e-10));
    }

    private static double LogDeterminant(double[] matrix, int n)
    {
        var m = (double[])matrix.Clone();
        var log = 0.0;
        for (var k = 0; k < n; k++)
        {
            log += Math.Log(Math.Abs(m[k * n + k]));
            for (var i = k + 1; i < n; i++)
            for (var j = n - 1; j >= k; j--)
                m[i * n + j] -= m[i * n + k] / m[k * n + k] * m[k * n + j];
        }
        return log;
    }

    /// <summary>Two halves of one network's output are read where they are: one launch, and the values of dense copies.</summary>
    [Test, Category("Simt")]
    public void ACouplingOfViewsIsOneLaunch()
    {
        var device = (NativeDevice)TestDevices.Open("simt");
        using var frame = Lifetime.Frame();
        var generator = new Generator(7);
        var x = Tensor.RandN([4, 8, 6, 6], device: device, generator: generator);
        var made = Tensor.RandN([4, 16, 6, 6], device: device, generator: generator);
        var (s, t) = (made.Narrow(1, 0, 8), made.Narrow(1, 8, 8));
        var before = device.LaunchCount;
        var (y, logDet) = x.AffineCoupling(s, t, bound: 2);
        var launches = device.LaunchCount - before;
        var (dense, denseLogDet) = x.AffineCoupling(s.Contiguous(), t.Contiguous(), bound: 2);
        using var all = Assert.EnterMultipleScope();
        Assert.That(launches, Is.EqualTo(1));
        Assert.That(y.ToDoubles(), Is.EqualTo(dense.ToDoubles()));
        Assert.That(logDet.ToDoubles(), Is.EqualTo(denseLogDet.ToDoubles()).Within(1e-5));
    }

    /// <summary>NICE's last layer: log|det| = Σ log|β|, here of one sample with one position for each channel.</summary>
    [Test]
    public void ActNormScalesAndItsInverseUndoesIt()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.From([1.0, 2, 3, 4, 5, 6], new Shape(2, 3));
        var (scale, bias) = (Tensor.From([2.0, -0.5, 4]), Tensor.From([1.0, 0, -1]));
        var (y, logDet) = x.ActNorm(scale, bias);
        var (back, minus) = y.ActNorm(scale, bias, inverse: true);
        using var all = Assert.EnterMultipleScope();
        Assert.That(y.ToDoubles(), Is.EqualTo(new double[] { 3, -1, 11, 9, -2.5, 23 }));
        Assert.That(logDet.ToDoubles(), Is.All.EqualTo(Math.Log(2 * 0.5 * 4)).Within(1e-15));
        Assert.That(back.ToDoubles(), Is.EqualTo(x.ToDoubles()).Within(1e-15));
        Assert.That(minus.ToDoubles(), Is.All.EqualTo(-Math.Log(4)).Within(1e-15));
    }

    /// <summary>torch.pixel_unshuffle(torch.arange(16.).reshape(1, 1, 4, 4), 2), PyTorch 1.13.</summary>
    [TestCase("cpu")]
    [TestCase("simt")]
    public void SqueezingHasTheOrderOfPixelUnshuffle(string device)
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.Arange(16, DType.Float32, TestDevices.Open(device)).Reshape(1, 1, 4, 4);
        var y = x.Squeeze2d();
        using var all = Assert.EnterMultipleScope();
        Assert.That(y.Shape.Dims.ToArray(), Is.EqualTo(new long[] { 1, 4, 2, 2 }));
        Assert.That(y.ToDoubles(), Is.EqualTo(new double[] { 0, 2, 8, 10, 1, 3, 9, 11, 4, 6, 12, 14, 5, 7, 13, 15 }));
        Assert.That(y.Unsqueeze2d().ToDoubles(), Is.EqualTo(x.ToDoubles()));
    }

    [Test]
    public void MaskedWeightsHaveNoGradient()
    {
        using var frame = Lifetime.Frame();
        var generator = new Generator(9);
        var (x, weight) = (Draw(generator, "cpu", 4, 5), Draw(generator, "cpu", 3, 5));
        var mask = Tensor.Bernoulli([3, 5], 0.5, DType.Bool, x.Device, generator);
        weight.RequiresGrad = true;
        x.MaskedLinear(weight, mask).Sum().Backward();
        var (gradient, kept) = (weight.Grad!.ToDoubles(), mask.ToDoubles());
        for (var i = 0; i < kept.Length; i++)
            Assert.That(gradient[i] != 0, Is.EqualTo(kept[i] != 0));
    }

    [Test]
    public void WrongShapesAreNamed()
    {
        var (x, s) = (Tensor.Ones([2, 3]), Tensor.Ones([2, 4]));
        using var all = Assert.EnterMultipleScope();
        Assert.That(() => x.AffineCoupling(s, x), Throws.TypeOf<ShapeException>().With.Message.Contains("log_scale"));
        Assert.That(() => x.ActNorm(s), Throws.TypeOf<ShapeException>().With.Message.Contains("scale"));
        Assert.That(() => Tensor.Ones([1, 3, 4]).Squeeze2d(), Throws.TypeOf<ShapeException>());
        Assert.That(() => Tensor.Ones([3, 4, 4]).Unsqueeze2d(), Throws.TypeOf<ShapeException>());
    }
}
