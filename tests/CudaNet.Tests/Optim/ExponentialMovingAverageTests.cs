using CudaNet.Optim;
using CudaNet.Training;

namespace CudaNet.Tests.Optim;

/// <summary>Averages of weights, against the closed form: after n updates towards constant p, p + dⁿ(a − p).</summary>
[TestFixture("cpu")]
[TestFixture("simt", Category = "Simt")]
public sealed class ExponentialMovingAverageTests(string deviceName)
{
    private Device _device = Device.Cpu;

    [SetUp]
    public void OpenDevice() => _device = TestDevices.Open(deviceName);

    private Tensor Parameter(double value, DType dtype, params long[] shape)
    {
        var parameter = Tensor.Full(shape, value, dtype, _device).Keep();
        parameter.RequiresGrad = true;
        return parameter;
    }

    private static void Set(Tensor parameter, double value)
    {
        using var noGrad = Autograd.NoGrad();
        parameter.CopyFrom<float>([.. Enumerable.Repeat((float)value, (int)parameter.NumElements)]);
    }

    [Test]
    public void ApproachesTheParametersGeometrically()
    {
        using var frame = Lifetime.Frame();
        var (first, second) = (Parameter(8, DType.Float32, 5, 7), Parameter(-2, DType.Float64, 3));
        var average = new ExponentialMovingAverage([first, second], decay: 0.75);
        Assert.That(average.Averages[0].ToDoubles(), Is.All.EqualTo(8));
        Set(first, 4);
        for (var n = 1; n <= 6; n++)
        {
            average.Update();
            Assert.That(average.Averages[0].ToDoubles(), Is.All.EqualTo(4 + 4 * Math.Pow(0.75, n)).Within(1e-5));
            Assert.That(average.Averages[1].ToDoubles(), Is.All.EqualTo(-2).Within(1e-15));
        }
        average.Decay = 0.5;
        average.Update();
        Assert.That(average.Averages[0].ToDoubles(), Is.All.EqualTo(4 + 2 * Math.Pow(0.75, 6)).Within(1e-5));
        Assert.That(first.ToDoubles(), Is.All.EqualTo(4));
    }

    [Test]
    public void StandsInForTheParametersInAScope()
    {
        using var frame = Lifetime.Frame();
        var parameter = Parameter(1, DType.Float32, 4);
        var average = new ExponentialMovingAverage([parameter], decay: 0.5);
        Set(parameter, 3);
        average.Update();
        using (average.Apply())
            Assert.That(parameter.ToDoubles(), Is.All.EqualTo(2));
        Assert.That(parameter.ToDoubles(), Is.All.EqualTo(3));
        Assert.That(parameter.RequiresGrad, Is.True);
        average.CopyTo();
        Assert.That(parameter.ToDoubles(), Is.All.EqualTo(2));
    }

    [Test]
    public void TakesOverParametersWhateverWasThere()
    {
        using var frame = Lifetime.Frame();
        var parameter = Parameter(double.NaN, DType.Float32, 2);
        var average = new ExponentialMovingAverage([parameter], decay: 0);
        Set(parameter, 3);
        average.Update();
        Assert.That(average.Averages[0].ToDoubles(), Is.All.EqualTo(3));
    }

    [Test]
    public void ContinuesFromACheckpoint()
    {
        using var frame = Lifetime.Frame();
        var parameter = Parameter(1, DType.Float32, 3);
        var (saved, restored) = (
            new ExponentialMovingAverage([parameter], 0.5),
            new ExponentialMovingAverage([parameter])
        );
        Set(parameter, 5);
        saved.Update();
        var state = new TrainingState();
        new MovingAverageState(saved).SaveState(state);
        new MovingAverageState(restored).LoadState(state);
        Assert.That(restored.Decay, Is.EqualTo(0.5));
        restored.Update();
        saved.Update();
        Assert.That(restored.Averages[0].ToDoubles(), Is.EqualTo(saved.Averages[0].ToDoubles()).And.All.EqualTo(4));
        var two = new ExponentialMovingAverage([parameter, parameter]);
        var more = new TrainingState();
        new MovingAverageState(two).SaveState(more);
        Assert.Throws<CheckpointException>(() => new MovingAverageState(saved).LoadState(more));
    }

    [TestCase(-0.1)]
    [TestCase(1.1)]
    [TestCase(double.NaN)]
    public void ADecayOutOfRangeIsAnError(double decay) =>
        Assert.Throws<AttributeException>(() => new ExponentialMovingAverage([], decay));
}
