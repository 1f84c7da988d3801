namespace CudaNet.Tests.Ops;

/// <summary>Cross entropy against PyTorch, at the targets that break kernels, and its errors.</summary>
[TestFixture("cpu")]
[TestFixture("simt")]
public sealed class CrossEntropyTests(string deviceName)
{
    private Device _device = Device.Cpu;

    [SetUp]
    public void OpenDevice() => _device = TestDevices.Open(deviceName);

    /// <summary>Loss and gradient as recorded by tests/golden/make_losses.py from PyTorch 1.13. Logits 3 sin(1.7 i + 0.3), targets
    /// (7 i² + 2 i + 2) mod C, weights 0.5 + c / 4; losses that are not added up have cotangents 1, 2, …; the gradient is multiplied by
    /// cos(0.9 i) and added up.</summary>
    [TestCase(new long[] { 4, 5 }, false, -100, Reduction.Mean, 0.0, 4.42060441466536, -0.22487317907984)]
    [TestCase(new long[] { 4, 5 }, true, -100, Reduction.Mean, 0.0, 4.66417070770373, -0.376783389596868)]
    [TestCase(new long[] { 4, 5 }, true, 2, Reduction.Mean, 0.0, 4.59121884274302, -0.625313064872531)]
    [TestCase(new long[] { 4, 5 }, false, 2, Reduction.Sum, 0.1, 12.473626013443, -1.12684601086805)]
    [TestCase(new long[] { 4, 5 }, true, 2, Reduction.Mean, 0.1, 4.4498842538862, -0.563072696764809)]
    [TestCase(new long[] { 2, 3, 2 }, true, 1, Reduction.Mean, 0.2, 0.881398961444828, 0.405691909704437)]
    [TestCase(new long[] { 2, 3, 2 }, false, -100, Reduction.Sum, 0.0, 2.30516266229233, 1.47193674683152)]
    [TestCase(new long[] { 6 }, true, -100, Reduction.Mean, 0.3, 4.51377512065565, 0.346601473602187)]
    [TestCase(new long[] { 4, 5 }, true, 2, Reduction.None, 0.1, 36.976275630208, -4.720820183835)]
    public void AgreesWithPyTorch(
        long[] shape,
        bool weighted,
        long ignore,
        Reduction reduction,
        double smoothing,
        double loss,
        double gradient
    )
    {
        using var frame = Lifetime.Frame();
        var axis = shape.Length == 1 ? 0 : 1;
        var classes = shape[axis];
        var logits = Filled(shape, i => 3 * Math.Sin(1.7 * i + 0.3));
        logits.RequiresGrad = true;
        long[] rows = [.. shape[..axis], .. shape[(axis + 1)..]];
        var target = Filled(rows, i => (7 * i * i + 2 * i + 2) % classes).Cast(DType.Int64);
        var weight = weighted ? Filled([classes], c => 0.5 + 0.25 * c) : null;

        var result = logits.CrossEntropy(target, weight, ignore, reduction, smoothing);
        var cotangent = Filled([.. result.Shape], i => i + 1.0);
        var grad = Autograd.Grad([result], [logits], [cotangent])[0];

        var probe = Filled(shape, i => Math.Cos(0.9 * i));
        Assert.Multiple(() =>
        {
            Assert.That((result * cotangent).Sum().Item(), Is.EqualTo(loss).Within(1e-12).Percent);
            Assert.That((grad * probe).Sum().Item(), Is.EqualTo(gradient).Within(1e-11).Percent);
        });
    }

    [TestCase(5)]
    [TestCase(-1)]
    [TestCase(1L << 40)]
    public void ATargetThatIsNoClassIsAnErrorOnTheCpuAndNaNElsewhere(long wrong)
    {
        using var frame = Lifetime.Frame();
        var logits = Filled([3, 5], i => i);
        var target = Tensor.From<long>([0, wrong, 4], device: _device);
        if (deviceName != "cpu")
        {
            var losses = logits.CrossEntropy(target, reduction: Reduction.None).ToDoubles();
            Assert.That(losses.Select(double.IsNaN), Is.EqualTo(new[] { false, true, false }));
            return;
        }
        Assert.That(
            () => logits.CrossEntropy(target),
            Throws
                .InstanceOf<CudaNetException>()
                .With.Message.Contains($"target {wrong} at position 1")
                .And.Message.Contains("5 classes")
        );
    }

    [Test]
    public void TheMeanOverNothingButIgnoredTargetsIsNaN()
    {
        using var frame = Lifetime.Frame();
        var target = Tensor.From<long>([-100, -100], device: _device);
        var logits = Filled([2, 3], i => i);
        Assert.That(logits.CrossEntropy(target).Item(), Is.NaN);
        Assert.That(logits.CrossEntropy(target, reduction: Reduction.Sum).Item(), Is.Zero);
    }

    [Test]
    public void HugeLogitsDoNotOverflow()
    {
        using var frame = Lifetime.Frame();
        var logits = Tensor.From<float>([3e38f, -3e38f, 0, 0], [2, 2], _device);
        var losses = logits.CrossEntropy(Tensor.From<long>([0, 1], device: _device), reduction: Reduction.None);
        Assert.That(losses.ToDoubles(), Is.EqualTo(new[] { 0, Math.Log(2) }).Within(1e-7));
    }

    [Test]
    public void ErrorsNameShapesAndTheWayOut()
    {
        using var frame = Lifetime.Frame();
        var logits = Filled([2, 3], i => i);
        var labels = Tensor.From<long>([0, 1], device: _device);
        Assert.Multiple(() =>
        {
            Assert.That(
                () => logits.CrossEntropy(Tensor.From<long>([0, 1, 2], device: _device)),
                Throws.TypeOf<ShapeException>().With.Message.Contains("expected a target of shape (2)")
            );
            Assert.That(
                () => logits.CrossEntropy(labels.Cast(DType.Float64)),
                Throws.TypeOf<DTypeException>().With.Message.Contains("Cast(DType.Int64)")
            );
            Assert.That(
                () => logits.CrossEntropy(labels, Filled([4], _ => 1)),
                Throws.TypeOf<ShapeException>().With.Message.Contains("a weight per class, of shape (3)")
            );
            Assert.That(
                () => logits.CrossEntropy(labels, labelSmoothing: 1.5),
                Throws.TypeOf<AttributeException>().With.Message.Contains("from 0 to 1; got 1.5")
            );
        });
    }

    [Test]
    public void AGradientOfClassWeightsIsRefused()
    {
        using var frame = Lifetime.Frame();
        var weight = Filled([3], _ => 1);
        weight.RequiresGrad = true;
        var loss = Filled([2, 3], i => i).CrossEntropy(Tensor.From<long>([0, 1], device: _device), weight);
        Assert.That(() => loss.Backward(), Throws.TypeOf<AutogradException>().With.Message.Contains("class weights"));
    }

    private Tensor Filled(long[] shape, Func<long, double> value)
    {
        var values = new double[new Shape(shape).NumElements];
        for (long i = 0; i < values.Length; i++)
            values[i] = value(i);
        return Tensor.From(values, shape, _device);
    }
}

/// <summary>T32: the Hessian of cross entropy with respect to the logits is diag(p) − p pᵀ, whatever the target (D2L ex. 4.1.5, whose
/// printed result is wrong: erratum D1-9).</summary>
[TestFixture]
public sealed class SoftmaxCrossEntropyHessian
{
    private static readonly double[] Logits = [0.3, -1, 0.7];

    // The worked numbers of the exercise's correction, six digits.
    private static readonly double[,] Worked =
    {
        { 0.230886, -0.035664, -0.195222 },
        { -0.035664, 0.088868, -0.053204 },
        { -0.195222, -0.053204, 0.248427 },
    };

    [Test]
    public void IsDiagonalOfPMinusOuterProduct([Values(0, 1, 2)] long target)
    {
        using var frame = Lifetime.Frame();
        var logits = Tensor.From(Logits);
        logits.RequiresGrad = true;
        var p = logits.Softmax(0).ToDoubles();
        var gradient = Autograd.Grad(logits.CrossEntropy(Tensor.From<long>([target], Shape.Scalar)), logits, true);
        for (var i = 0; i < 3; i++)
        {
            var direction = new double[3];
            direction[i] = 1;
            var row = Autograd.Grad([gradient], [logits], [Tensor.From(direction)], retainGraph: true)[0].ToDoubles();
            for (var k = 0; k < 3; k++)
            {
                Assert.That(row[k], Is.EqualTo(p[i] * ((i == k ? 1 : 0) - p[k])).Within(1e-15));
                Assert.That(row[k], Is.EqualTo(Worked[i, k]).Within(6e-7));
            }
        }
    }

    [Test]
    public void GradientIsPMinusOneHot()
    {
        using var frame = Lifetime.Frame();
        var logits = Tensor.From(Logits);
        logits.RequiresGrad = true;
        var p = logits.Softmax(0).ToDoubles();
        var gradient = Autograd.Grad(logits.CrossEntropy(Tensor.From<long>([1], Shape.Scalar)), logits).ToDoubles();
        Assert.That(gradient, Is.EqualTo(new[] { p[0], p[1] - 1, p[2] }).Within(1e-15));
    }
}
