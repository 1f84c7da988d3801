namespace CudaNet.Tests.Ops;

/// <summary>Cumulative ops at the values where kernels go wrong, and their gradients where a division would fail.</summary>
[TestFixture("cpu")]
[TestFixture("simt")]
public sealed class ScanTests(string deviceName)
{
    private const double Inf = double.PositiveInfinity;

    private Device _device = Device.Cpu;

    [SetUp]
    public void OpenDevice() => _device = TestDevices.Open(deviceName);

    [Test]
    public void IntegersAreAddedAndMultipliedExactly()
    {
        using var frame = Lifetime.Frame();
        const long big = (1L << 53) + 1;
        var x = Tensor.From<long>([big, 1, -big, 5], device: _device);
        Assert.That(x.CumSum(0).ToArray<long>(), Is.EqualTo(new[] { big, big + 1, 1, 6 }));
        Assert.That(x.CumSum(0, reverse: true).ToArray<long>(), Is.EqualTo(new[] { 6, 6 - big, 5 - big, 5 }));
        var narrow = Tensor.From<int>([int.MaxValue, 2, 3], device: _device);
        Assert.That(narrow.CumProd(0).ToArray<long>(), Is.EqualTo(new[] { int.MaxValue, 4294967294L, 12884901882L }));
        var bits = Tensor.From<bool>([true, false, true], device: _device);
        Assert.That(bits.CumSum(0).ToArray<long>(), Is.EqualTo(new long[] { 1, 1, 2 }));
    }

    [Test]
    public void AScanOfFlippedElementsIsTheReverseScan([Values(1, 64, 1025, 9000)] int n)
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.Arange(2 * n, DType.Int64, _device).Reshape(2, n);
        Assert.That(
            x.Flip(1).CumSum(1).Flip(1).ToArray<long>(),
            Is.EqualTo(x.CumSum(1, reverse: true).ToArray<long>())
        );
        Assert.That(x.CumSum(1).Slice(1, n - 1).ToArray<long>(), Is.EqualTo(x.Sum(1).ToArray<long>()));
    }

    [Test]
    public void GradientsOfProductsAreRightWithZeros()
    {
        using var frame = Lifetime.Frame();
        // One zero, two zeros, none. Of a product with two zeros every derivative is 0.
        var x = Tensor.From<double>([2, 0, 3, 0, 5, 0, 2, 3, 4], [3, 3], _device);
        x.RequiresGrad = true;
        x.Prod(1).Sum().Backward();
        Assert.That(x.Grad!.ToDoubles(), Is.EqualTo(new double[] { 0, 6, 0, 0, 0, 0, 12, 8, 6 }));
        x.Grad = null;
        x.CumProd(1).Sum().Backward();
        Assert.That(x.Grad!.ToDoubles(), Is.EqualTo(new double[] { 1, 8, 0, 6, 0, 0, 16, 10, 6 }));
    }

    [Test]
    public void LogCumSumExpGoesFromMinusInfinityToInfinity()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.From<double>([-Inf, -Inf, 0, 0, 1000, Inf, 1], device: _device);
        var y = x.LogCumSumExp(0).ToDoubles();
        Assert.That(y, Is.EqualTo(new[] { -Inf, -Inf, 0, Math.Log(2), 1000, Inf, Inf }).Within(1e-15));
        var finite = x.Slice(0, 0, 4).Detach();
        finite.RequiresGrad = true;
        finite.LogCumSumExp(0).Sum().Backward();
        Assert.That(finite.Grad!.ToDoubles(), Is.EqualTo(new[] { 0, 0, 1.5, 0.5 }).Within(1e-15));
    }

    [Test]
    public void ALinearRecurrenceIsItsLoop([Values(1, 33, 1024, 5000)] int n)
    {
        using var frame = Lifetime.Frame();
        var coefficient = Tensor.Full([n], -0.5, DType.Float64, _device);
        var h = Tensor.Ones([n], DType.Float64, _device).LinearRecurrence(coefficient, 0).ToDoubles();
        // The geometric series (1 − (−½)^(k + 1)) / 1.5.
        for (var k = 0; k < n; k++)
            Assert.That(h[k], Is.EqualTo((1 - Math.Pow(-0.5, k + 1)) / 1.5).Within(1e-14));
    }

    [Test]
    public void WhatDoesNotFitIsNamed()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.Ones([2, 3], device: _device);
        using var all = Assert.EnterMultipleScope();
        Assert.That(
            () => x.CumSum(2),
            Throws.TypeOf<ShapeException>().With.Message.Contains("cumsum: axis 2 is outside (2, 3)")
        );
        Assert.That(
            () => x.LinearRecurrence(x.Slice(1, 0, 2), 1),
            Throws
                .TypeOf<ShapeException>()
                .With.Message.Contains("coefficient (2, 2) f32")
                .And.Message.Contains("one shape")
        );
        Assert.That(
            () => x.Cast(DType.Int64).LogCumSumExp(0),
            Throws.TypeOf<DTypeException>().With.Message.Contains("floating")
        );
        Assert.That(Tensor.Scalar(3, device: _device).CumProd(0).Item(), Is.EqualTo(3));
    }
}
