namespace CudaNet.Tests.Devices;

using CudaNet;
using CudaNet.Nn;
using CudaNet.Optim;

[TestFixture, Category("Simt"), NonParallelizable]
public sealed class CudaGraphTests
{
    private const int Steps = 20;

    private Device _device = null!;

    [SetUp]
    public void Open() => _device = TestDevices.Open("simt");

    /// <summary>A training step with dropout, a changing learning rate and new data in every step.</summary>
    [TestCase(false)]
    [TestCase(true)]
    public void TwentyReplaysEqualTwentySteps(bool deferred)
    {
        using var schedule = deferred ? SimtSchedule.Deferred(_device, 7) : null;
        var (losses, weights) = Train(captured: false);
        var (replayed, replayedWeights) = Train(captured: true);
        Assert.That(replayed, Is.EqualTo(losses));
        Assert.That(replayedWeights, Is.EqualTo(weights));
        Assert.That(losses[^1], Is.LessThan(losses[0]));
        Assert.That(losses.Distinct().Count(), Is.EqualTo(Steps));
    }

    private (double[] Losses, double[][] Weights) Train(bool captured)
    {
        using var frame = Lifetime.Frame();
        var generator = new Generator(5);
        var model = new Sequential(
            new Linear(20, 32, device: _device, generator: generator),
            new Relu(),
            new Linear(32, 4, device: _device, generator: generator)
        );
        var optimizer = new AdamW(model.Parameters(), learningRate: 1e-2);
        var images = Tensor.Zeros([8, 20], device: _device);
        var labels = Tensor.From([.. Enumerable.Range(0, 8).Select(i => (long)(i % 4))], [8], _device);
        Tensor loss = null!;
        void Step()
        {
            optimizer.ZeroGrad();
            loss = model.Call(images.Dropout(0.1, generator: generator)).CrossEntropy(labels).Keep();
            loss.Backward();
            optimizer.Step();
        }

        var losses = new double[Steps];
        CudaGraph? graph = null;
        for (var step = 0; step < Steps; step++)
        {
            optimizer.LearningRate = 1e-2 / (1 + step);
            images.CopyFrom<float>([.. Enumerable.Range(0, 160).Select(i => MathF.Sin(i * i + step))]);
            if (step == 0 || !captured)
                using (Lifetime.Frame())
                    Step();
            else
                (graph ??= CudaGraph.Capture(Step, _device)).Replay();
            losses[step] = loss.Item();
        }
        graph?.Dispose();
        Assert.That(loss.Item(), Is.EqualTo(losses[^1]), "what the step kept outlives the graph");
        return (losses, [.. model.Parameters().Select(p => p.ToDoubles())]);
    }

    /// <summary>Of f16 steps one overflows: its replay, too, changes neither weights nor moments, and halves the scale.</summary>
    [TestCase("adamw")]
    [TestCase("sgd")]
    public void ReplaysSkipWhatOverflows(string optimizer)
    {
        var eager = TrainScaled(optimizer, captured: false);
        var replayed = TrainScaled(optimizer, captured: true);
        Assert.That(replayed.Scales, Is.EqualTo(eager.Scales));
        Assert.That(replayed.Weights, Is.EqualTo(eager.Weights));
        Assert.That(eager.Scales, Is.EqualTo(new double[] { 256, 256, 512, 256, 256, 256, 512 }));
        for (var step = 1; step < eager.Weights.Length; step++)
            Assert.That(
                eager.Weights[step].SequenceEqual(eager.Weights[step - 1]),
                Is.EqualTo(step == 3),
                $"step {step}"
            );
    }

    private (double[] Scales, double[][] Weights) TrainScaled(string name, bool captured)
    {
        using var frame = Lifetime.Frame();
        var model = new Linear(20, 4, device: _device, generator: new Generator(5));
        Optimizer optimizer =
            name == "sgd" ? new Sgd(model.Parameters(), 1e-2, 0.9) : new AdamW(model.Parameters(), 1e-2);
        var scaler = new GradScaler(initialScale: 256, growthInterval: 3);
        var images = Tensor.Zeros([8, 20], device: _device);
        var labels = Tensor.From([.. Enumerable.Range(0, 8).Select(i => (long)(i % 4))], [8], _device);
        void Step()
        {
            optimizer.ZeroGrad();
            Tensor loss;
            using (Autocast.Enter(DType.Float16))
                loss = model.Call(images).CrossEntropy(labels);
            scaler.Scale(loss).Backward();
            scaler.Step(optimizer);
            scaler.Update();
        }

        var (scales, weights) = (new List<double>(), new List<double[]>());
        CudaGraph? graph = null;
        for (var step = 0; step < 7; step++)
        {
            // The third step's pixels are beyond what f16 holds.
            var size = step == 3 ? 1e6f : 1;
            images.CopyFrom<float>([.. Enumerable.Range(0, 160).Select(i => size * MathF.Sin(i * i + step))]);
            if (step == 0 || !captured)
                using (Lifetime.Frame())
                    Step();
            else
                (graph ??= CudaGraph.Capture(Step, _device)).Replay();
            scales.Add(scaler.CurrentScale);
            weights.Add([
                .. model.Parameters().Concat(optimizer.StateDictionary().Values).SelectMany(p => p.ToDoubles()),
            ]);
        }
        graph?.Dispose();
        return ([.. scales], [.. weights]);
    }

    [Test]
    public void ReplaysDrawAnewAndContinueTheSequence()
    {
        using var frame = Lifetime.Frame();
        var (eager, own) = (new Generator(3), new Generator(3));
        var expected = Enumerable.Range(0, 6).Select(_ => Draw(eager)).ToArray();
        Tensor drawn = null!;
        Assert.That(Draw(own), Is.EqualTo(expected[0]));
        using var graph = CudaGraph.Capture(
            () => drawn = Tensor.Rand([10], device: _device, generator: own).Keep(),
            _device
        );
        Assert.That(Replayed(), Is.EqualTo(expected[1]));
        Assert.That(Replayed(), Is.EqualTo(expected[2]));
        Assert.That(Draw(own), Is.EqualTo(expected[3]), "draws between replays take their turn");
        Assert.That(Replayed(), Is.EqualTo(expected[4]));
        Assert.That(Draw(own), Is.EqualTo(expected[5]));
        own.ManualSeed(3);
        Assert.That(Replayed(), Is.EqualTo(expected[0]));

        double[] Draw(Generator generator) => Tensor.Rand([10], device: _device, generator: generator).ToDoubles();

        double[] Replayed()
        {
            graph.Replay();
            return drawn.ToDoubles();
        }
    }

    [Test]
    public void AReplayIsTheRecordedLaunches()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.Ones([4], device: _device);
        Tensor y = null!;
        using var graph = CudaGraph.Capture(() => y = ((x + 1.0) * 3.0).Exp().Keep(), _device);
        Assert.That(graph.NodeCount, Is.EqualTo(3));
        Assert.That(y.ToDoubles(), Is.All.NaN, "nothing has run yet");
        graph.Replay();
        Assert.That(y.ToDoubles(), Is.All.EqualTo(Math.Exp(6)).Within(1e-3));
        x.CopyFrom<float>([0, 0, 0, 0]);
        graph.Replay();
        Assert.That(y.ToDoubles(), Is.All.EqualTo(Math.Exp(3)).Within(1e-4));
    }

    [Test]
    public void PinnedBuffersAreReadAndWrittenByEveryReplay()
    {
        using var schedule = SimtSchedule.Deferred(_device);
        using var frame = Lifetime.Frame();
        using var up = new PinnedBuffer<float>(3, _device);
        using var down = new PinnedBuffer<float>(3, _device);
        var x = Tensor.Zeros([3], device: _device);
        using var graph = CudaGraph.Capture(
            () =>
            {
                x.CopyFromAsync(up);
                (x + 1.0).CopyToAsync(down);
            },
            _device
        );
        for (var i = 0; i < 3; i++)
        {
            up.Span.Fill(i);
            graph.Replay();
            Assert.That(down.Span.ToArray(), Is.All.EqualTo(i + 1));
        }
    }

    [Test]
    public void NobodyElseGetsTheGraphsMemory()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.Full([5000], 2, device: _device);
        Tensor y = null!;
        var graph = CudaGraph.Capture(() => y = (x + 1.0).Exp().Keep(), _device);
        // The memory of x + 1 is free within the graph, but not for these.
        var others = Enumerable.Range(0, 20).Select(i => Tensor.Full([5000], i, device: _device)).ToArray();
        graph.Replay();
        Assert.That(others.Select(o => o.ToDoubles().Distinct().Single()), Is.EqualTo(Enumerable.Range(0, 20)));
        Assert.That(y.ToDoubles(), Is.All.EqualTo(Math.Exp(3)).Within(1e-4));
        var reserved = _device.MemoryStatistics.Reserved;
        graph.Dispose();
        var (a, b) = (Tensor.Zeros([5000], device: _device), y.Detach());
        Assert.That(_device.MemoryStatistics.Reserved, Is.EqualTo(reserved), "after the graph its memory serves all");
        Assert.That(b.ToDoubles(), Is.All.EqualTo(Math.Exp(3)).Within(1e-4));
        Assert.Throws<ObjectDisposedException>(graph.Replay);
    }

    [Test]
    public void AMovedTensorIsRefusedByName()
    {
        using var frame = Lifetime.Frame();
        var model = new Linear(3, 2, device: _device);
        var x = Tensor.Ones([1, 3], device: _device);
        using var graph = CudaGraph.Capture(() => model.Call(x), _device);
        graph.Replay();
        model.To(Device.Cpu);
        var error = Assert.Throws<CudaGraphException>(graph.Replay);
        Assert.That(error!.Message, Does.Contain("'weight' of 'linear', (2, 3) f32").And.Contain("on cpu now"));
        model.To(_device);
        Assert.That(
            Assert.Throws<CudaGraphException>(graph.Replay)!.Message,
            Does.Contain("was at 0x"),
            "it is back on the device, elsewhere: the graph has kept the old memory"
        );
    }

    [Test]
    public void AReleasedInputIsRefusedByName()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.Ones([3], device: _device);
        using var graph = CudaGraph.Capture(() => x.Exp(), _device);
        x.Release();
        Assert.That(
            Assert.Throws<CudaGraphException>(graph.Replay)!.Message,
            Does.Contain("'input' of 'exp', (3) f32, was released")
        );
    }

    public static IEnumerable<TestCaseData> Refused =>
        [
            Refuse("item", d => _ = Tensor.Ones([1], device: d).Item(), "reads a tensor on the host"),
            Refuse("from", d => Tensor.From([1f, 2f], device: d), "writes a tensor from the host"),
            Refuse("wait", d => d.Synchronize(), "while the stream is captured"),
            Refuse("other device", _ => Tensor.Ones([2]), "runs on cpu while simt is captured"),
            Refuse("nested", d => CudaGraph.Capture(() => { }, d), "a graph is being captured already"),
            Refuse("event", d => new CudaEvent(d).Record(), "recording an event"),
        ];

    [TestCaseSource(nameof(Refused))]
    public void WhatAReplayCouldNotRepeatIsRefused(Action<Device> step, string message)
    {
        using var frame = Lifetime.Frame();
        var error = Assert.Throws<CudaGraphException>(() => CudaGraph.Capture(() => step(_device), _device));
        Assert.That(error!.Message, Does.Contain(message));
        Assert.That((Tensor.Ones([2], device: _device) + 1.0).ToDoubles(), Is.All.EqualTo(2), "the device goes on");
    }

    private static TestCaseData Refuse(string name, Action<Device> step, string message) =>
        new TestCaseData(step, message).SetArgDisplayNames(name);

    [Test]
    public void TheStateOfAnOptimizerIsNotMadeInACapture()
    {
        using var frame = Lifetime.Frame();
        var w = Tensor.Ones([3], device: _device);
        w.RequiresGrad = true;
        var optimizer = new AdamW([w]);
        void Step()
        {
            optimizer.ZeroGrad();
            w.Square().Sum().Backward();
            optimizer.Step();
        }
        var error = Assert.Throws<CudaGraphException>(() => CudaGraph.Capture(Step, _device));
        Assert.That(error!.Message, Does.StartWith("AdamW makes the state").And.Contain("warmup: 1"));
        using var graph = CudaGraph.Capture(Step, _device, warmup: 1);
        var before = w.ToDoubles();
        graph.Replay();
        Assert.That(w.ToDoubles(), Is.All.LessThan(before[0]));
        optimizer.LoadStateDictionary(optimizer.StateDictionary());
        Assert.That(
            Assert.Throws<CudaGraphException>(graph.Replay)!.Message,
            Does.Contain("'adamw'").And.Contain("was released")
        );
    }

    [Test]
    public void GradientsFromBeforeTheCaptureAreNotAddedTo()
    {
        using var frame = Lifetime.Frame();
        var w = Tensor.Ones([3], device: _device);
        w.RequiresGrad = true;
        w.Square().Sum().Backward();
        var error = Assert.Throws<CudaGraphException>(() =>
            CudaGraph.Capture(() => w.Square().Sum().Backward(), _device)
        );
        Assert.That(error!.Message, Does.Contain("ZeroGrad"));
    }
}
