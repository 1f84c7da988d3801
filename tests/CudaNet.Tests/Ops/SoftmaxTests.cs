using System.Numerics;
using Lanes = CudaNet.SimdPair<CudaNet.SimdAny<float>, float>;

namespace CudaNet.Tests.Ops;

/// <summary>Softmax at extreme values, the squared error, and the exponentials under them.</summary>
[TestFixture("cpu")]
[TestFixture("simt")]
public sealed class SoftmaxTests(string deviceName)
{
    private const float Inf = float.PositiveInfinity;

    private Device _device = Device.Cpu;

    [SetUp]
    public void OpenDevice() => _device = TestDevices.Open(deviceName);

    [Test]
    public void ExtremeLogitsNeitherOverflowNorVanish()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.From<float>([1e30f, 0, -1e30f, -Inf, 1000, 1000], [2, 3], _device);
        Assert.That(x.Softmax(1).ToArray<float>(), Is.EqualTo(new[] { 1, 0, 0, 0, 0.5f, 0.5f }));
        var log = x.LogSoftmax(1).ToArray<float>();
        Assert.That(log[..4], Is.EqualTo(new[] { 0, -1e30f, -2e30f, -Inf }));
        Assert.That(log[4], Is.EqualTo(-0.6931472f).Within(1e-7f));
    }

    [Test]
    public void ASliceOfMinusInfinitiesIsNaN([Values(3, 40, 2000)] int n)
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.Full([1, n], double.NegativeInfinity, device: _device);
        Assert.That(x.Softmax(1).ToArray<float>(), Is.All.NaN);
        Assert.That(x.LogSoftmax(1).ToArray<float>(), Is.All.NaN);
    }

    [Test]
    public void EverySliceAddsUpToOne([Values(0, 1, 2)] int dim)
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.From(
            Enumerable.Range(0, 3 * 41 * 18).Select(i => 9 * MathF.Sin(i)).ToArray(),
            [3, 41, 18],
            _device
        );
        Assert.That(x.Softmax(dim).Sum(dim).ToArray<float>(), Is.All.EqualTo(1f).Within(1e-6f));
        Assert.That(x.LogSoftmax(dim).Exp().Sum(dim).ToArray<float>(), Is.All.EqualTo(1f).Within(2e-6f));
    }

    [Test]
    public void AnAxisThatIsNotThereIsNamed() =>
        Assert.That(
            () => Tensor.Ones([2, 3], device: _device).Softmax(-3),
            Throws.TypeOf<ShapeException>().With.Message.Contains("softmax: axis -3 is outside (2, 3)")
        );

    [Test]
    public void TheSquaredErrorBroadcastsNothing()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.From<float>([1, 2, 4], device: _device);
        var target = Tensor.From<float>([0, 2, 1], device: _device);
        Assert.That(x.MseLoss(target, Reduction.None).ToArray<float>(), Is.EqualTo(new float[] { 1, 0, 9 }));
        Assert.That(x.MseLoss(target, Reduction.Sum).Item(), Is.EqualTo(10));
        Assert.That(x.MseLoss(target).Item(), Is.EqualTo(10.0 / 3).Within(1e-6));
        Assert.That(
            () => x.MseLoss(target.Reshape(3, 1)),
            Throws
                .TypeOf<ShapeException>()
                .With.Message.Contains("mse_loss(input (3) f32, target (3, 1) f32)")
                .And.Message.Contains("one shape")
        );
    }
}

/// <summary>The vectorised exp and log of f32 against those of f64.</summary>
[TestFixture]
public sealed class VectorMathTests
{
    [Test]
    public void ExpIsRightToTheLastBitAndAHalf()
    {
        var worst = 0.0;
        for (var x = -87.3; x < 88.7; x += 0.00137)
            worst = Math.Max(worst, Error(Exp((float)x), Math.Exp((float)x)));
        Assert.That(worst, Is.LessThan(9e-8));
    }

    [Test]
    public void LogIsRightToTheLastBitAndAHalf()
    {
        var worst = 0.0;
        for (var exponent = -149.0; exponent < 128; exponent += 0.00171)
        {
            var x = (float)Math.Pow(2, exponent);
            worst = Math.Max(worst, Error(Log(x), Math.Log(x)));
        }
        Assert.That(worst, Is.LessThan(9e-8));
    }

    [TestCase(float.NaN, float.NaN, float.NaN)]
    [TestCase(float.PositiveInfinity, float.PositiveInfinity, float.PositiveInfinity)]
    [TestCase(float.NegativeInfinity, 0f, float.NaN)]
    [TestCase(0f, 1f, float.NegativeInfinity)]
    [TestCase(-0f, 1f, float.NegativeInfinity)]
    [TestCase(89f, float.PositiveInfinity, 4.4886365f)]
    [TestCase(-100f, 3.8e-44f, float.NaN)]
    [TestCase(-104f, 0f, float.NaN)]
    public void SpecialValues(float x, float exp, float log)
    {
        Assert.That(Exp(x), Is.EqualTo(exp));
        Assert.That(Log(x), Is.EqualTo(log));
    }

    private static float Exp(float x) => First(ElementwiseMath.Exp<Lanes, float>(Lanes.Create(x)));

    private static float Log(float x) => First(ElementwiseMath.Log<Lanes, float>(Lanes.Create(x)));

    private static unsafe float First(Lanes value)
    {
        var lanes = stackalloc float[Lanes.Count];
        value.Store(lanes);
        return lanes[0];
    }

    private static double Error(double value, double expected) =>
        expected == 0 ? Math.Abs(value) : Math.Abs(value - expected) / Math.Abs(expected);
}
