using CudaNet.Optim;
using CudaNet.Training;

namespace CudaNet.Tests.Optim;

[TestFixture]
public sealed class GradScalerTests
{
    private static Tensor Weight(Device? device = null)
    {
        var w = Tensor.Ones([3], device: device).Keep();
        w.RequiresGrad = true;
        return w;
    }

    [TestCase("cpu")]
    [TestCase("simt", Category = "Simt")]
    public void StepsAsWithoutAScale(string name)
    {
        var device = TestDevices.Open(name);
        using var frame = Lifetime.Frame();
        var (plain, scaled) = (Weight(device), Weight(device));
        var (first, second) = (new Sgd([plain], 0.1), new Sgd([scaled], 0.1));
        var scaler = new GradScaler();
        plain.Square().Sum().Backward();
        first.Step();
        scaler.Scale(scaled.Square().Sum()).Backward();
        Assert.That(scaled.Grad!.ToDoubles(), Is.All.EqualTo(2 * 65536.0));
        Assert.Throws<AutogradException>(() => scaler.HasSkipped(second));
        scaler.Step(second);
        Assert.That(scaler.HasSkipped(second), Is.False);
        scaler.Update();
        Assert.That(scaled.ToDoubles(), Is.EqualTo(plain.ToDoubles()));
        Assert.That(scaled.Grad!.ToDoubles(), Is.All.EqualTo(2));
    }

    /// <summary>The scales by torch.cuda.amp.GradScaler's rule, init_scale=1024 and growth_interval=3: an overflow halves the scale and restarts the count.</summary>
    [Test]
    public void SkipsAndHalvesOnOverflowAndDoublesAfterTheInterval()
    {
        using var frame = Lifetime.Frame();
        var w = Weight();
        var optimizer = new Sgd([w], 0.0);
        var scaler = new GradScaler(initialScale: 1024, growthInterval: 3);
        double[] gradients = [1, 1, 1, double.PositiveInfinity, 1, double.NaN, double.NegativeInfinity, 1, 1, 1, 1];
        double[] expected = [1024, 1024, 2048, 1024, 1024, 512, 256, 256, 256, 512, 512];
        for (var i = 0; i < gradients.Length; i++)
        {
            w.Grad = Tensor.From<float>([1, (float)gradients[i], 1]);
            scaler.Step(optimizer);
            scaler.Update();
            Assert.That(scaler.HasSkipped(optimizer), Is.EqualTo(!double.IsFinite(gradients[i])), $"step {i}");
            Assert.That(scaler.CurrentScale, Is.EqualTo(expected[i]), $"step {i}");
        }
        Assert.That(w.ToDoubles(), Is.All.EqualTo(1));
    }

    [TestCase("cpu")]
    [TestCase("simt", Category = "Simt")]
    public void ASkippedStepLeavesWeightsAndStateAlone(string name)
    {
        var device = TestDevices.Open(name);
        foreach (var make in new Func<Tensor, Optimizer>[] { w => new AdamW([w], 0.1), w => new Sgd([w], 0.1, 0.9) })
        {
            using var frame = Lifetime.Frame();
            var w = Weight(device);
            var optimizer = make(w);
            var scaler = new GradScaler(initialScale: 4);
            double[] Run(params float[] gradient)
            {
                w.Grad = Tensor.From(gradient, device: device);
                scaler.Step(optimizer);
                scaler.Update();
                return
                [
                    .. w.ToDoubles(),
                    .. optimizer.StateDictionary().OrderBy(s => s.Key).SelectMany(s => s.Value.ToDoubles()),
                ];
            }

            Assert.That(Run(1, float.NaN, 1).Take(3), Is.All.EqualTo(1), "the very first step");
            var before = Run(1, 2, 3);
            Assert.That(before.Take(3), Is.All.LessThan(1));
            Assert.That(Run(1, 2, float.PositiveInfinity), Is.EqualTo(before));
            Assert.That(optimizer.StateDictionary()["0.step"].Item(), Is.EqualTo(1));
            Assert.That(Run(1, 2, 3), Is.Not.EqualTo(before));
        }
    }

    [Test]
    public void GradientsAreUnscaledOnce()
    {
        using var frame = Lifetime.Frame();
        var w = Weight();
        var optimizer = new Sgd([w], 0.5);
        var scaler = new GradScaler(initialScale: 8);
        Assert.Throws<AutogradException>(() => scaler.Unscale(optimizer), "there is no gradient");
        Assert.Throws<AutogradException>(scaler.Update);
        w.Grad = Tensor.From<float>([8, 16, 24]);
        scaler.Unscale(optimizer);
        Assert.That(w.Grad!.ToDoubles(), Is.EqualTo(new double[] { 1, 2, 3 }));
        Assert.Throws<AutogradException>(() => scaler.Unscale(optimizer));
        scaler.Step(optimizer);
        Assert.That(w.ToDoubles(), Is.EqualTo(new double[] { 0.5, 0, -0.5 }));
        Assert.Throws<AutogradException>(() => scaler.Step(optimizer));
        scaler.Update();
        scaler.Unscale(optimizer);
    }

    [Test]
    public void ALossInF16IsScaledInF32()
    {
        using var frame = Lifetime.Frame();
        var loss = Tensor.Full([], 3, DType.Float16);
        Assert.That(new GradScaler().Scale(loss).Item(), Is.EqualTo(3 * 65536.0));
        var half = Tensor.Ones([2], DType.Float16).Keep();
        half.RequiresGrad = true;
        half.Grad = Tensor.Ones([2], DType.Float16);
        Assert.Throws<DTypeException>(() => new GradScaler().Unscale(new Sgd([half], 0.1)));
    }

    [Test, Category("Simt")]
    public void AllGradientsAreUnscaledByOneLaunch()
    {
        var device = (NativeDevice)TestDevices.Open("simt");
        using var frame = Lifetime.Frame();
        var weights = Enumerable.Range(1, 20).Select(n => Tensor.Ones([n], device: device)).ToList();
        foreach (var w in weights)
        {
            w.RequiresGrad = true;
            w.Grad = Tensor.Ones(w.Shape, device: device);
        }
        var scaler = new GradScaler(initialScale: 4);
        var before = device.LaunchCount;
        scaler.Unscale(new Sgd(weights, 0.1));
        Assert.That(device.LaunchCount - before, Is.EqualTo(2), "found_inf is set to 0, and one launch unscales");
        Assert.That(weights.Select(w => w.Grad!.ToDoubles().Distinct().Single()), Is.All.EqualTo(0.25));
    }

    [Test]
    public void ItsStateIsPartOfACheckpoint()
    {
        var scaler = new GradScaler(initialScale: 4, growthInterval: 5);
        scaler.Restore(32, 3);
        var state = new TrainingState();
        new GradScalerState(scaler).SaveState(state);
        var other = new GradScaler(growthInterval: 5);
        new GradScalerState(other).LoadState(state);
        Assert.That((other.CurrentScale, other.GrowthTracker), Is.EqualTo((32.0, 3)));
        Assert.Throws<AttributeException>(() => other.Restore(32, 5));
        Assert.Throws<AttributeException>(() => new GradScaler(growthFactor: 1));
    }
}
