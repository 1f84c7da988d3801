namespace CudaNet.Tests.Ops;

/// <summary>Binary cross entropy against PyTorch, for huge logits, and its errors.</summary>
[TestFixture("cpu")]
[TestFixture("simt")]
public sealed class BceWithLogitsTests(string deviceName)
{
    private Device _device = Device.Cpu;

    [SetUp]
    public void OpenDevice() => _device = TestDevices.Open(deviceName);

    /// <summary>Loss and gradients of logits and targets as recorded by tests/golden/make_losses.py from PyTorch 1.13. Logits
    /// 3 sin(1.7 i + 0.3), targets (1 + cos(2.3 i)) / 2, weights along the last axis 0.5 + c / 4 and 2 − c / 4.</summary>
    [TestCase(
        new long[] { 4, 5 },
        false,
        false,
        Reduction.Mean,
        1.16132083238586,
        0.00956514767639514,
        -0.182487941246395
    )]
    [TestCase(
        new long[] { 4, 5 },
        true,
        false,
        Reduction.Mean,
        1.18425132186121,
        -0.0398422122775492,
        -0.0125026628399627
    )]
    [TestCase(new long[] { 4, 5 }, false, true, Reduction.Sum, 28.1324584039384, 0.501742022956244, -6.39750059434845)]
    [TestCase(
        new long[] { 2, 3, 2 },
        true,
        true,
        Reduction.None,
        65.3297155342425,
        8.09197686602655,
        -22.0746046812661
    )]
    public void AgreesWithPyTorch(
        long[] shape,
        bool weighted,
        bool positive,
        Reduction reduction,
        double loss,
        double byLogits,
        double byTargets
    )
    {
        using var frame = Lifetime.Frame();
        var logits = Filled(shape, i => 3 * Math.Sin(1.7 * i + 0.3));
        var target = Filled(shape, i => (1 + Math.Cos(2.3 * i)) / 2);
        logits.RequiresGrad = target.RequiresGrad = true;
        var weight = weighted ? Filled([shape[^1]], c => 0.5 + 0.25 * c) : null;
        var posWeight = positive ? Filled([shape[^1]], c => 2 - 0.25 * c) : null;

        var result = logits.BceWithLogits(target, weight, posWeight, reduction);
        var cotangent = Filled([.. result.Shape], i => i + 1.0);
        var gradients = Autograd.Grad([result], [logits, target], [cotangent]);

        var probe = Filled(shape, i => Math.Cos(0.9 * i));
        Assert.Multiple(() =>
        {
            Assert.That((result * cotangent).Sum().Item(), Is.EqualTo(loss).Within(1e-11).Percent);
            Assert.That((gradients[0] * probe).Sum().Item(), Is.EqualTo(byLogits).Within(1e-10).Percent);
            Assert.That((gradients[1] * probe).Sum().Item(), Is.EqualTo(byTargets).Within(1e-10).Percent);
        });
    }

    [Test]
    public void HugeLogitsNeitherOverflowNorCancel()
    {
        using var frame = Lifetime.Frame();
        var logits = Tensor.From([1e4f, -1e4f, 1e4f, -30f, 30f], device: _device);
        var target = Tensor.From([1f, 0, 0, 0, 1], device: _device);
        var losses = logits.BceWithLogits(target, reduction: Reduction.None).ToDoubles();
        Assert.That(losses[..3], Is.EqualTo(new[] { 0, 0, 1e4 }));
        Assert.That(losses[3..], Is.All.EqualTo(Math.Exp(-30)).Within(1e-4).Percent);
    }

    [Test]
    public void SumsDoNotDependOnWhoAddsThemUp()
    {
        using var frame = Lifetime.Frame();
        var logits = Filled([70_001], i => Math.Sin(i));
        var target = Filled([70_001], i => (i % 2));
        var expected = logits.BceWithLogits(target, reduction: Reduction.None).ToDoubles().Sum();
        Assert.That(
            logits.BceWithLogits(target, reduction: Reduction.Sum).Item(),
            Is.EqualTo(expected).Within(1e-10).Percent
        );
    }

    [Test]
    public void ErrorsNameShapesAndTheWayOut()
    {
        using var frame = Lifetime.Frame();
        var logits = Filled([2, 3], i => i);
        var weight = Filled([3], i => i);
        weight.RequiresGrad = true;
        using var all = Assert.EnterMultipleScope();
        Assert.That(
            () => logits.BceWithLogits(Filled([3], i => i)),
            Throws.TypeOf<ShapeException>().With.Message.Contains("one shape")
        );
        Assert.That(
            () => logits.BceWithLogits(logits, posWeight: Filled([2], i => i)),
            Throws.TypeOf<ShapeException>().With.Message.Contains("pos_weight must broadcast")
        );
        Assert.That(
            () => logits.BceWithLogits(logits, weight: weight).Backward(),
            Throws.TypeOf<AutogradException>().With.Message.Contains("Detach")
        );
    }

    private Tensor Filled(long[] shape, Func<long, double> value)
    {
        var n = new Shape(shape).NumElements;
        return Tensor.From([.. Enumerable.Range(0, (int)n).Select(i => value(i))], shape, _device);
    }
}
