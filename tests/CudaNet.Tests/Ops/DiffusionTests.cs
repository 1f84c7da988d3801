using CudaNet.Nn;

namespace CudaNet.Tests.Ops;

/// <summary>Schedules against printed numbers, and what noising, steps and losses have in common with them.</summary>
[TestFixture]
public sealed class DiffusionTests
{
    private static readonly NoiseSchedule s_three = new([0.1, 0.2, 0.3]);

    /// <summary>Prince, Understanding Deep Learning, problems 18.3, 18.6 and 18.9 to 18.11, for β = (0.1, 0.2, 0.3) at the third step.</summary>
    [Test]
    public void TheThirdStepHasThePrintedNumbers()
    {
        var (ofSample, ofInput) = s_three.PosteriorMean(2);
        var (input, prediction) = s_three.SampleOf(DiffusionPrediction.Epsilon, 2);
        using var all = Assert.EnterMultipleScope();
        Assert.That(s_three.AlphaBars, Is.EqualTo(new[] { 0.9, 0.72, 0.504 }).Within(1e-15));
        Assert.That(s_three.SignalScales[2], Is.EqualTo(0.709930).Within(1e-6));
        Assert.That(Math.Pow(s_three.NoiseScales[2], 2), Is.EqualTo(0.496).Within(1e-15));
        Assert.That(ofInput, Is.EqualTo(0.472308).Within(1e-6));
        Assert.That(ofSample, Is.EqualTo(0.513223).Within(1e-6));
        Assert.That(s_three.PosteriorVariance(2), Is.EqualTo(0.169355).Within(1e-6));
        Assert.That(ofSample * input + ofInput, Is.EqualTo(1.195229).Within(1e-6));
        Assert.That(ofSample * prediction, Is.EqualTo(-0.509133).Within(1e-6));
    }

    [Test]
    public void CommonSchedulesHaveTheirValues()
    {
        var (linear, cosine) = (NoiseSchedule.Linear(), NoiseSchedule.Cosine());
        using var all = Assert.EnterMultipleScope();
        Assert.That(linear.AlphaBars[999], Is.EqualTo(4.0358e-5).Within(5e-10));
        Assert.That(linear.Betas[0], Is.EqualTo(1e-4));
        Assert.That(linear.Betas[999], Is.EqualTo(0.02).Within(1e-15));
        Assert.That(cosine.Betas[999], Is.EqualTo(0.999));
        Assert.That(
            cosine.AlphaBars[499],
            Is.EqualTo(Math.Pow(Math.Cos(0.508 / 1.008 * Math.PI / 2) / Math.Cos(0.008 / 1.008 * Math.PI / 2), 2))
                .Within(1e-12)
        );
        Assert.That(() => new NoiseSchedule([0.1, 1]), Throws.ArgumentException);
    }

    /// <summary>The weights of the bound as they are derived one by one, with σ_q² the posterior variance (Luo 2022, equations 99, 130, 151).</summary>
    [Test]
    public void BoundWeightsAreThoseOfEachDerivation()
    {
        var schedule = NoiseSchedule.Linear(50);
        for (var t = 1; t < schedule.Steps; t++)
        {
            var (beta, variance) = (schedule.Betas[t], schedule.PosteriorVariance(t));
            var noise = beta * beta / (2 * variance * (1 - schedule.AlphaBars[t]) * (1 - beta));
            var sample = 0.5 * (schedule.SignalToNoise(t - 1) - schedule.SignalToNoise(t));
            IsWeight(DiffusionPrediction.Sample, t, sample);
            IsWeight(DiffusionPrediction.Epsilon, t, noise);
            IsWeight(DiffusionPrediction.Score, t, noise * (1 - schedule.AlphaBars[t]));
            IsWeight(DiffusionPrediction.Mean, t, 1 / (2 * variance));
            IsWeight(DiffusionPrediction.Velocity, t, sample * (1 - schedule.AlphaBars[t]));
        }

        void IsWeight(DiffusionPrediction prediction, int t, double expected) =>
            Assert.That(
                schedule.BoundWeights(prediction)[t],
                Is.EqualTo(expected).Within(1e-9 * expected),
                $"{prediction}, step {t}"
            );
    }

    /// <summary>What each parametrisation says of one x₀ and ε leads back to that x₀.</summary>
    [Test]
    public void EveryPredictionOfTheTruthGivesTheSample()
    {
        var schedule = NoiseSchedule.Cosine(30);
        const double Clean = 0.7,
            Noise = -0.4;
        for (var t = 0; t < schedule.Steps; t++)
        {
            var (signal, scale) = (schedule.SignalScales[t], schedule.NoiseScales[t]);
            var (ofSample, ofInput) = schedule.PosteriorMean(t);
            var x = signal * Clean + scale * Noise;
            foreach (
                var (prediction, truth) in new[]
                {
                    (DiffusionPrediction.Epsilon, Noise),
                    (DiffusionPrediction.Sample, Clean),
                    (DiffusionPrediction.Velocity, signal * Noise - scale * Clean),
                    (DiffusionPrediction.Score, -Noise / scale),
                    (DiffusionPrediction.Mean, ofSample * Clean + ofInput * x),
                }
            )
            {
                var (input, factor) = schedule.SampleOf(prediction, t);
                Assert.That(input * x + factor * truth, Is.EqualTo(Clean).Within(1e-9), $"{prediction}, step {t}");
            }
        }
    }

    /// <summary>Hang et al. 2023, section 3.4: min(SNR, γ)/SNR for noise and min(SNR, γ)/(SNR + 1) for velocity.</summary>
    [Test]
    public void MinSnrWeightsArePrinted()
    {
        var schedule = NoiseSchedule.Linear();
        var noise = schedule.MinSnrWeights(DiffusionPrediction.Epsilon);
        var velocity = schedule.MinSnrWeights(DiffusionPrediction.Velocity);
        foreach (var t in new[] { 0, 10, 300, 999 })
        {
            var snr = schedule.SignalToNoise(t);
            Assert.That(noise[t], Is.EqualTo(Math.Min(snr, 5) / snr).Within(1e-9));
            Assert.That(velocity[t], Is.EqualTo(Math.Min(snr, 5) / (snr + 1)).Within(1e-9));
        }
    }

    [Test]
    public void DdimWithEtaOneIsTheAncestralSampler()
    {
        var schedule = NoiseSchedule.Linear(20, 0.01, 0.3);
        foreach (var prediction in Enum.GetValues<DiffusionPrediction>())
            Assert.That(
                schedule.DdimSteps(prediction, eta: 1),
                Is.EqualTo(schedule.DdpmSteps(prediction)).Within(1e-12)
            );
    }

    /// <summary>A network that knows the noise leads DDIM from x_T to x₀, whatever steps are left out.</summary>
    [TestCase("cpu")]
    [TestCase("simt")]
    public void DdimWithTheTrueNoiseFindsTheSample(string deviceName)
    {
        using var frame = Lifetime.Frame();
        var device = TestDevices.Open(deviceName);
        var (schedule, generator) = (NoiseSchedule.Cosine(100), new Generator(4));
        var clean = Tensor.RandN([3, 2, 5], dtype: DType.Float64, device: device, generator: generator);
        Tensor Table(double[] values) => schedule.Table(values, DType.Float64, device);
        int[] visited = [7, 30, 31, 90];
        var steps = Table(schedule.DdimSteps(DiffusionPrediction.Velocity, visited));
        var (signal, scale) = (Table(schedule.SignalScales), Table(schedule.NoiseScales));
        var t = Tensor.From([90L, 90, 90], device: device);
        var (x, noise) = clean.DiffusionNoise(t, signal, scale, generator);
        foreach (var step in Enumerable.Reverse(visited))
        {
            t = Tensor.Full([3], step, DType.Int64, device);
            var velocity = noise.Affine(schedule.SignalScales[step]).Sub(clean.Affine(schedule.NoiseScales[step]));
            x = x.DiffusionStep(velocity, t, steps, draws: false);
        }
        Assert.That(x.ToDoubles(), Is.EqualTo(clean.ToDoubles()).Within(1e-10));
    }

    [TestCase("cpu")]
    [TestCase("simt")]
    public void NoisingKeepsUnitVarianceAndEveryDtypeGetsTheSameNoise(string deviceName)
    {
        using var frame = Lifetime.Frame();
        var device = TestDevices.Open(deviceName);
        var schedule = NoiseSchedule.Linear(10, 0.05, 0.3);
        const int N = 10_000;
        var data = Tensor.RandN([4, N], dtype: DType.Float64, device: device, generator: new Generator(1));
        var t = Tensor.From([0L, 3, 6, 9], device: device);
        (Tensor, Tensor) Noised(DType dtype) =>
            data.Cast(dtype)
                .DiffusionNoise(
                    t,
                    schedule.Table(schedule.SignalScales, dtype, device),
                    schedule.Table(schedule.NoiseScales, dtype, device),
                    new Generator(2)
                );
        var (x, noise) = Noised(DType.Float64);
        var variances = x.Var(1).ToDoubles();
        using var all = Assert.EnterMultipleScope();
        Assert.That(variances, Is.All.EqualTo(1).Within(5 * Math.Sqrt(2.0 / N)));
        Assert.That(Noised(DType.Float32).Item2.ToDoubles(), Is.EqualTo(noise.ToDoubles()).Within(2e-6));
        Assert.That(Noised(DType.BFloat16).Item2.ToDoubles(), Is.EqualTo(noise.ToDoubles()).Within(0.02));
    }

    [Test, Category("Simt")]
    public void NoisingAndStepsAreOneLaunch()
    {
        var device = (NativeDevice)TestDevices.Open("simt");
        using var frame = Lifetime.Frame();
        var schedule = NoiseSchedule.Linear(10);
        var (x, t) = (Tensor.Ones([4, 3, 8, 8], device: device), Tensor.From([1L, 2, 3, 4], device: device));
        var (signal, scale) = (
            schedule.Table(schedule.SignalScales, device: device),
            schedule.Table(schedule.NoiseScales, device: device)
        );
        var steps = schedule.Table(schedule.DdpmSteps(DiffusionPrediction.Epsilon), device: device);
        var generator = new Generator(3);
        generator.DeviceState(device);
        var before = device.LaunchCount;
        x.DiffusionNoise(t, signal, scale, generator);
        var after = device.LaunchCount;
        x.DiffusionStep(x, t, steps, clip: 1, generator: generator);
        Assert.That((after - before, device.LaunchCount - after), Is.EqualTo((1L, 1L)));
    }

    [Test]
    public void ATimeStepOutOfRangeIsNamed()
    {
        var schedule = NoiseSchedule.Linear(10);
        var table = schedule.Table(schedule.SignalScales);
        Assert.That(
            () => Tensor.Ones([1, 3]).DiffusionNoise(Tensor.From([10L]), table, table),
            Throws.TypeOf<ShapeException>().With.Message.Contains("index 10 is out of range")
        );
    }

    [Test, Category("Simt")]
    public void ATimeStepOutOfRangeIsNotFollowedByKernels()
    {
        using var frame = Lifetime.Frame();
        var device = TestDevices.Open("simt");
        var schedule = NoiseSchedule.Linear(10);
        var (x, t) = (Tensor.Ones([3, 2], device: device), Tensor.From([9L, 10, -1], device: device));
        var signal = schedule.Table(schedule.SignalScales, device: device);
        var steps = schedule.Table(schedule.DdpmSteps(DiffusionPrediction.Epsilon), device: device);
        bool[] isNotThere = [false, false, true, true, true, true];
        using var all = Assert.EnterMultipleScope();
        Assert.That(
            x.DiffusionNoise(t, signal, signal).Output.ToDoubles().Select(double.IsNaN),
            Is.EqualTo(isNotThere)
        );
        Assert.That(x.DiffusionStep(x, t, steps).ToDoubles().Select(double.IsNaN), Is.EqualTo(isNotThere));
    }
}
