namespace CudaNet.Tests.Ops;

/// <summary>The negative log-likelihood against PyTorch and against cross entropy, and its errors.</summary>
[TestFixture("cpu")]
[TestFixture("simt")]
public sealed class NllLossTests(string deviceName)
{
    private Device _device = Device.Cpu;

    [SetUp]
    public void OpenDevice() => _device = TestDevices.Open(deviceName);

    /// <summary>As recorded by tests/golden/make_losses.py from PyTorch 1.13; the inputs are those of <see cref="CrossEntropyTests"/>.</summary>
    [TestCase(new long[] { 4, 5 }, false, -100, Reduction.Mean, 1.17674915387625, -0.286777002634199)]
    [TestCase(new long[] { 4, 5 }, true, -100, Reduction.Mean, 1.46492883079561, -0.38827660583877)]
    [TestCase(new long[] { 4, 5 }, true, 2, Reduction.Mean, 1.42340230015232, -0.593436172682722)]
    [TestCase(new long[] { 2, 3, 2 }, false, -100, Reduction.Sum, -7.3073128322267, 1.38839405385803)]
    [TestCase(new long[] { 4, 5 }, true, 2, Reduction.None, 9.25801517021068, -4.67004288002721)]
    public void AgreesWithPyTorch(
        long[] shape,
        bool weighted,
        long ignore,
        Reduction reduction,
        double loss,
        double gradient
    )
    {
        using var frame = Lifetime.Frame();
        var classes = shape[1];
        var input = Filled(shape, i => 3 * Math.Sin(1.7 * i + 0.3));
        input.RequiresGrad = true;
        long[] rows = [shape[0], .. shape[2..]];
        var target = Filled(rows, i => (7 * i * i + 2 * i + 2) % classes).Cast(DType.Int64);
        var weight = weighted ? Filled([classes], c => 0.5 + 0.25 * c) : null;

        var result = input.NllLoss(target, weight, ignore, reduction);
        var cotangent = Filled([.. result.Shape], i => i + 1.0);
        var grad = Autograd.Grad([result], [input], [cotangent])[0];

        var probe = Filled(shape, i => Math.Cos(0.9 * i));
        Assert.Multiple(() =>
        {
            Assert.That((result * cotangent).Sum().Item(), Is.EqualTo(loss).Within(1e-12).Percent);
            Assert.That((grad * probe).Sum().Item(), Is.EqualTo(gradient).Within(1e-11).Percent);
        });
    }

    [Test]
    public void OfLogSoftmaxItIsCrossEntropy([Values] Reduction reduction)
    {
        using var frame = Lifetime.Frame();
        var logits = Filled([7, 4], i => 2 * Math.Cos(i));
        var target = Filled([7], i => i * i % 4).Cast(DType.Int64);
        var weight = Filled([4], c => 1 + c);
        var composed = logits.LogSoftmax(1).NllLoss(target, weight, 1, reduction);
        var fused = logits.CrossEntropy(target, weight, 1, reduction);
        Assert.That(composed.ToDoubles(), Is.EqualTo(fused.ToDoubles()).Within(1e-12));
    }

    [Test]
    public void ATargetThatIsNoClassIsAnErrorOnTheCpuAndNaNElsewhere()
    {
        using var frame = Lifetime.Frame();
        var input = Filled([3, 5], i => -i);
        var target = Tensor.From<long>([0, 5, 4], device: _device);
        if (deviceName == "cpu")
            Assert.That(
                () => input.NllLoss(target),
                Throws.InstanceOf<CudaNetException>().With.Message.Contains("target 5 at position 1")
            );
        else
            Assert.That(
                input.NllLoss(target, reduction: Reduction.None).ToDoubles(),
                Is.EqualTo(new[] { 0, double.NaN, 14 })
            );
    }

    [Test]
    public void TheMeanOverNothingButIgnoredTargetsIsNaN()
    {
        using var frame = Lifetime.Frame();
        var target = Tensor.From<long>([-100, -100], device: _device);
        var input = Filled([2, 3], i => i);
        Assert.That(input.NllLoss(target).Item(), Is.NaN);
        Assert.That(input.NllLoss(target, reduction: Reduction.Sum).Item(), Is.Zero);
    }

    private Tensor Filled(long[] shape, Func<long, double> value)
    {
        var n = new Shape(shape).NumElements;
        return Tensor.From([.. Enumerable.Range(0, (int)n).Select(i => value(i))], shape, _device);
    }
}
