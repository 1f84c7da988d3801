using System.Text.Json;
using CudaNet.Optim;
using CudaNet.Training;

namespace CudaNet.Tests.Optim;

/// <summary>Schedulers against the rates that PyTorch's set (tests/golden/make_schedulers.py).</summary>
[TestFixture]
public sealed class SchedulerTests
{
    private static readonly JsonElement Golden = JsonDocument
        .Parse(File.ReadAllText(Path.Combine(RepositoryRoot.Find(), "tests/golden/schedulers.json")))
        .RootElement;

    private static IEnumerable<string> Names =>
        Golden.GetProperty("schedulers").EnumerateArray().Select(s => s.GetProperty("name").GetString()!);

    private const int Steps = 30;

    private static readonly Dictionary<string, Func<Optimizer, LrScheduler[]>> Makers = new()
    {
        ["step"] = o => [new StepLr(o, 7, 0.3)],
        ["multi_step"] = o => [new MultiStepLr(o, [3, 10, 10, 21], 0.5)],
        ["exponential"] = o => [new ExponentialLr(o, 0.93)],
        ["constant"] = o => [new ConstantLr(o, 0.25, 6)],
        ["linear"] = o => [new LinearLr(o, 0.2, 0.8, 11)],
        ["polynomial"] = o => [new PolynomialLr(o, 20, 1.7)],
        ["cosine"] = o => [new CosineAnnealingLr(o, 12, 0.001)],
        ["warm_restarts"] = o => [new CosineAnnealingWarmRestarts(o, 4, 2, 0.003)],
        ["lambda"] = o => [new LambdaLr(o, epoch => 1.0 / (1 + epoch))],
        ["multiplicative"] = o => [new MultiplicativeLr(o, epoch => epoch % 2 == 1 ? 0.9 : 1.02)],
        ["sequential"] = o =>
            [
                new SequentialLr(
                    o,
                    [new ConstantLr(o, 0.1, 3), new ExponentialLr(o, 0.9), new CosineAnnealingWarmRestarts(o, 4)],
                    [4, 12]
                ),
            ],
        ["warm_up"] = o =>
            [new SequentialLr(o, [new LinearLr(o, 0.01, totalIterations: 5), new CosineAnnealingLr(o, 20)], [5])],
        ["chained"] = o => [new ExponentialLr(o, 0.95), new StepLr(o, 7, 0.5)],
        ["one_cycle"] = o => [new OneCycleLr(o, 0.5, Steps)],
        ["one_cycle_linear"] = o =>
            [new OneCycleLr(o, 0.5, Steps, 0.4, AnnealStrategy.Linear, divisionFactor: 10, threePhase: true)],
    };

    private static readonly Dictionary<string, Func<Optimizer, ReduceLrOnPlateau>> PlateauMakers = new()
    {
        ["plateau"] = o => new ReduceLrOnPlateau(o, factor: 0.5, patience: 2, cooldown: 1, minimum: 0.004),
        ["plateau_max"] = o => new ReduceLrOnPlateau(
            o,
            MetricMode.Max,
            0.3,
            patience: 1,
            threshold: 0.02,
            thresholdMode: ThresholdMode.Absolute
        ),
    };

    private static double Metric(int step) =>
        1.0 / (1 + Math.Min(step, 6)) + (step > 6 ? 0.001 * Math.Sin(step) : 0) - (step > 22 ? 0.05 : 0);

    private static Sgd Make()
    {
        var weights = Enumerable.Range(0, 2).Select(_ => Tensor.Zeros([1])).ToList();
        foreach (var weight in weights)
            weight.RequiresGrad = true;
        var rates = Golden.GetProperty("base_rates").EnumerateArray().Select(r => r.GetDouble()).ToArray();
        var optimizer = new Sgd([weights[0]], rates[0], 0.9);
        optimizer.AddGroup([weights[1]], rates[1]);
        return optimizer;
    }

    [TestCaseSource(nameof(Names))]
    public void FollowsPyTorch(string name)
    {
        var golden = Golden
            .GetProperty("schedulers")
            .EnumerateArray()
            .Single(s => s.GetProperty("name").GetString() == name);
        var rates = golden.GetProperty("rates");
        var hasMomenta = golden.TryGetProperty("momenta", out var momenta);
        var optimizer = Make();
        var plateau = PlateauMakers.TryGetValue(name, out var make) ? make(optimizer) : null;
        var schedulers = plateau is null ? Makers[name](optimizer) : [];
        for (var step = 0; step < Steps; step++)
        {
            for (var g = 0; g < 2; g++)
            {
                var expected = rates[step][g].GetDouble();
                Assert.That(
                    optimizer.Groups[g].LearningRate,
                    Is.EqualTo(expected).Within(1e-12 * expected + 1e-16),
                    $"step {step}"
                );
            }
            if (hasMomenta)
                Assert.That(optimizer.Groups[0].Momentum, Is.EqualTo(momenta[step].GetDouble()).Within(1e-12));
            plateau?.Step(Metric(step));
            if (step < Steps - 1)
                foreach (var scheduler in schedulers)
                    scheduler.Step();
        }
    }

    private static IEnumerable<string> MakerNames => Makers.Keys.Concat(PlateauMakers.Keys);

    [TestCaseSource(nameof(MakerNames))]
    public void ACheckpointContinues(string name)
    {
        var (first, second) = (Make(), Make());
        var (steps, states) = Run(first);
        var (others, restored) = Run(second);
        for (var step = 0; step < 9; step++)
            steps(step);
        for (var i = 0; i < states.Length; i++)
        {
            var saved = new TrainingState();
            states[i].SaveState(saved);
            restored[i].LoadState(saved);
        }
        for (var g = 0; g < 2; g++)
            second.Groups[g].LearningRate = first.Groups[g].LearningRate;
        for (var step = 9; step < 20; step++)
        {
            steps(step);
            others(step);
            Assert.That(second.Groups[1].LearningRate, Is.EqualTo(first.Groups[1].LearningRate), $"step {step}");
        }

        (Action<int> Step, IStateful[] States) Run(Optimizer optimizer)
        {
            if (PlateauMakers.TryGetValue(name, out var make))
            {
                var plateau = make(optimizer);
                return (step => plateau.Step(Metric(step)), [new SchedulerState(plateau)]);
            }
            var schedulers = Makers[name](optimizer);
            return (
                _ =>
                {
                    foreach (var scheduler in schedulers)
                        scheduler.Step();
                },
                [.. schedulers.Select(s => new SchedulerState(s))]
            );
        }
    }

    /// <summary>The rate is read from device memory, so that a captured graph follows a schedule; momentum reaches the step as well.</summary>
    [Test]
    public void ItsValuesReachTheStep()
    {
        var weight = Tensor.Zeros([1], DType.Float64);
        weight.RequiresGrad = true;
        var optimizer = new Sgd([weight], 1, 0.5);
        _ = new OneCycleLr(optimizer, 1, 10, divisionFactor: 4, maxMomentum: 0.75);
        for (var step = 0; step < 2; step++)
        {
            weight.Grad = Tensor.Ones([1], DType.Float64);
            optimizer.Step();
        }
        Assert.That(weight.Item(), Is.EqualTo(-0.25 * (1 + 1.75)).Within(1e-15));
    }

    /// <summary>An optimiser that was made without momentum gets the schedule's, as in PyTorch.</summary>
    [Test]
    public void ACycleBringsMomentum()
    {
        var weights = Enumerable.Range(0, 4).Select(_ => Tensor.Zeros([1], DType.Float64)).ToList();
        foreach (var weight in weights)
            weight.RequiresGrad = true;
        Optimizer[] optimizers =
        [
            new Sgd([weights[0]], 1),
            new Sgd([weights[1]], 1, 0.5),
            new RmsProp([weights[2]], 1),
            new RmsProp([weights[3]], 1, momentum: 0.5),
        ];
        var schedulers = optimizers.Select(o => new OneCycleLr(o, 1, 10)).ToList();
        for (var step = 0; step < 5; step++)
        {
            foreach (var weight in weights)
                weight.Grad = Tensor.Full([1], 1 + step, DType.Float64);
            foreach (var optimizer in optimizers)
                optimizer.Step();
            foreach (var scheduler in schedulers)
                scheduler.Step();
        }
        Assert.That(weights[0].Item(), Is.EqualTo(weights[1].Item()));
        Assert.That(weights[2].Item(), Is.EqualTo(weights[3].Item()));
    }

    [Test]
    public void RefusesOptionsOutOfRange()
    {
        var optimizer = Make();
        using var all = Assert.EnterMultipleScope();
        Refused("positive step size", () => new StepLr(optimizer, 0));
        Refused("factor from 0 to 1", () => new ConstantLr(optimizer, 2));
        Refused("start factor", () => new LinearLr(optimizer, 0));
        Refused("below 1", () => new ReduceLrOnPlateau(optimizer, factor: 1));
        Refused("of one optimizer", () => new SequentialLr(optimizer, [new ExponentialLr(Make(), 1)], []));
        Refused("one milestone fewer", () => new SequentialLr(optimizer, [new ExponentialLr(optimizer, 1)], [1]));
        Refused(
            "lacks 'base_lrs.0'",
            () =>
            {
                var scheduler = new ExponentialLr(optimizer, 1);
                scheduler.LoadStateDictionary(new Dictionary<string, double>());
                return scheduler;
            }
        );
        var weight = Tensor.Zeros([1]);
        weight.RequiresGrad = true;
        Refused("pass cycleMomentum: false", () => new OneCycleLr(new Adagrad([weight]), 0.1, 2));
        var cycle = new OneCycleLr(optimizer, 0.1, 2);
        cycle.Step();
        cycle.Step();
        Assert.That(cycle.Step, Throws.TypeOf<AttributeException>().With.Message.Contains("over"));

        static void Refused(string message, Func<object> call) =>
            Assert.That(() => call(), Throws.TypeOf<AttributeException>().With.Message.Contains(message));
    }
}
