namespace CudaNet.Tests.Ops;

/// <summary>What happens at the limits of the dtypes: conversions saturate, arithmetic of integers wraps, exp overflows where it must.</summary>
[TestFixture("cpu")]
[TestFixture("simt")]
public sealed class NumberRangeTests(string deviceName)
{
    private Device _device = Device.Cpu;

    [SetUp]
    public void OpenDevice() => _device = TestDevices.Open(deviceName);

    private static readonly double[] Extremes =
    [
        double.NaN,
        double.PositiveInfinity,
        double.NegativeInfinity,
        1e30,
        -1e30,
        -1.9,
        300.7,
        2147483647,
        2147483648,
        -2147483648,
        -2147483649,
        9.3e18,
        -9.3e18,
        -0.0,
        255.99,
        0.5,
    ];

    [Test]
    public void FloatsSaturateAndNaNIsZero([Values(DType.Float64, DType.Float32, DType.BFloat16)] DType from)
    {
        var x = Tensor.From(Extremes, device: _device).Cast(from);
        // What the floating dtype made of the numbers is what is converted.
        var values = x.ToDoubles();
        Assert.Multiple(() =>
        {
            Assert.That(
                x.Cast(DType.Int64).ToArray<long>(),
                Is.EqualTo(values.Select(long.CreateSaturating).ToArray())
            );
            Assert.That(x.Cast(DType.Int32).ToArray<int>(), Is.EqualTo(values.Select(int.CreateSaturating).ToArray()));
            Assert.That(
                x.Cast(DType.UInt8).ToArray<byte>(),
                Is.EqualTo(values.Select(byte.CreateSaturating).ToArray())
            );
            Assert.That(x.Cast(DType.Bool).ToArray<bool>(), Is.EqualTo(values.Select(v => v != 0).ToArray()));
        });
    }

    [Test]
    public void HalvesSaturate() =>
        Assert.That(
            Tensor
                .From([65504f, -65504f, 1e9f, float.NaN], device: _device)
                .Cast(DType.Float16)
                .Cast(DType.Int32)
                .ToArray<int>(),
            Is.EqualTo(new[] { 65504, -65504, int.MaxValue, 0 })
        );

    [Test]
    public void NarrowerIntegersSaturate()
    {
        long[] values = [300, -1, (1L << 32) + 7, long.MaxValue, long.MinValue, int.MaxValue, int.MinValue, 255, 0];
        var x = Tensor.From(values, device: _device);
        int[] narrow = [.. values.Select(int.CreateSaturating)];
        Assert.Multiple(() =>
        {
            Assert.That(x.Cast(DType.Int32).ToArray<int>(), Is.EqualTo(narrow));
            Assert.That(
                x.Cast(DType.UInt8).ToArray<byte>(),
                Is.EqualTo(values.Select(byte.CreateSaturating).ToArray())
            );
            Assert.That(
                x.Cast(DType.Int32).Cast(DType.UInt8).ToArray<byte>(),
                Is.EqualTo(narrow.Select(byte.CreateSaturating).ToArray())
            );
            Assert.That(x.Cast(DType.Bool).ToArray<bool>(), Is.EqualTo(values.Select(v => v != 0).ToArray()));
        });
    }

    [TestCase(DType.UInt8, 300, 255)]
    [TestCase(DType.UInt8, -4, 0)]
    [TestCase(DType.UInt8, double.NaN, 0)]
    [TestCase(DType.Int32, 1e10, int.MaxValue)]
    [TestCase(DType.Int32, -1e10, int.MinValue)]
    [TestCase(DType.Int32, -2.9, -2)]
    [TestCase(DType.Int64, double.PositiveInfinity, long.MaxValue)]
    [TestCase(DType.Int64, -1e19, long.MinValue)]
    [TestCase(DType.Bool, 0.5, 1)]
    [TestCase(DType.Bool, 0, 0)]
    public void FullSaturates(DType dtype, double value, long expected) =>
        Assert.That(
            Tensor.Full([5], value, dtype, _device).Cast(DType.Int64).ToArray<long>(),
            Is.All.EqualTo(expected)
        );

    [Test]
    public void ArithmeticOfIntegersWraps()
    {
        var x = Tensor.From([int.MaxValue, int.MinValue, 7], device: _device);
        var b = Tensor.From([(byte)255, (byte)16], device: _device);
        Assert.Multiple(() =>
        {
            Assert.That((x + 1).ToArray<int>(), Is.EqualTo(new[] { int.MinValue, int.MinValue + 1, 8 }));
            Assert.That(x.Square().ToArray<int>(), Is.EqualTo(new[] { 1, 0, 49 }));
            Assert.That((b + 1).ToArray<byte>(), Is.EqualTo(new byte[] { 0, 17 }));
            Assert.That(b.Square().ToArray<byte>(), Is.EqualTo(new byte[] { 1, 0 }));
        });
    }

    [Test]
    public void DivisionOfIntegersNeverFails()
    {
        var x = Tensor.From([7L, -7, 7, -7, 5, long.MinValue, long.MinValue], device: _device);
        var y = Tensor.From([2L, 2, -2, -2, 0, -1, 3], device: _device);
        Assert.Multiple(() =>
        {
            Assert.That(
                x.FloorDivide(y).ToArray<long>(),
                Is.EqualTo(new[] { 3, -4, -4, 3, 0, long.MinValue, -3074457345618258603 })
            );
            Assert.That(x.Remainder(y).ToArray<long>(), Is.EqualTo(new long[] { 1, 1, -1, -1, 0, 0, 1 }));
            Assert.That(x.FMod(y).ToArray<long>(), Is.EqualTo(new long[] { 1, -1, 1, -1, 0, 0, -2 }));
        });
    }

    /// <summary>The table of D2L, exercise 4.5.5: the largest argument of exp, and what lies on either side.</summary>
    [TestCase(DType.Float64, 709.78, 709.79)]
    [TestCase(DType.Float32, 88.72, 88.73)]
    [TestCase(DType.BFloat16, 88.5, 89)]
    [TestCase(DType.Float16, 11.0, 11.2)]
    public void ExpOverflowsWhereTheTableSays(DType dtype, double finite, double infinite)
    {
        var y = Tensor.From([finite, infinite], device: _device).Cast(dtype).Exp().ToDoubles();
        Assert.Multiple(() =>
        {
            Assert.That(double.IsFinite(y[0]), Is.True);
            Assert.That(y[1], Is.EqualTo(double.PositiveInfinity));
        });
    }

    [TestCase(DType.Float64, 709.7827128933840, 6.613e307, -1.79e308)]
    [TestCase(DType.Float32, 88.72283, 1.252e38, -3.4e38)]
    [TestCase(DType.Float16, 11.08987, 2.41e4, -65504)]
    public void ExpOneBelowTheLimitAndAtTheLowestNumber(DType dtype, double limit, double below, double lowest)
    {
        var y = Tensor.From([limit - 1, lowest], device: _device).Cast(dtype).Exp().ToDoubles();
        Assert.Multiple(() =>
        {
            Assert.That(y[0], Is.EqualTo(below).Within(dtype == DType.Float16 ? 1 : 0.1).Percent);
            Assert.That(y[1], Is.Zero);
        });
    }

    /// <summary>exp(5.84), 345 − 256 = 89 in the book's table, saturates.</summary>
    [Test]
    public void ExpIntoAByteSaturates() =>
        Assert.That(
            Tensor.From([4.84, 5.84], device: _device).Exp().Cast(DType.UInt8).ToArray<byte>(),
            Is.EqualTo(new byte[] { 126, 255 })
        );

    [Test]
    public void SoftmaxOfLogitsOf1000IsFinite() =>
        Assert.That(
            Tensor.From([1000f, 1000f, -1000f], device: _device).Softmax(0).ToDoubles(),
            Is.EqualTo(new[] { 0.5, 0.5, 0 })
        );
}
