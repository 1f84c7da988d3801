using System.Text.Json.Nodes;
using CudaNet.Nn;
using CudaNet.Tests.IO;
using CudaNet.Training;

namespace CudaNet.Tests.Training;

[TestFixture]
public sealed class TrainerTests
{
    private const int Epochs = 3;
    private const int Batches = 5;

    [TestCase(5, TestName = "Interrupted after an epoch")]
    [TestCase(7, TestName = "Interrupted within an epoch")]
    [TestCase(14, TestName = "Interrupted before the last step")]
    public void A_resumed_run_equals_one_that_never_stopped(int stopAfter)
    {
        using var folder = new TemporaryFolder();
        var whole = Session.Begin(folder.File("whole"));
        Assert.That(whole.Run(), Is.True);

        var first = Session.Begin(folder.File("parts"));
        Assert.That(first.Run(stopAfter), Is.False);
        var second = Session.Continue(folder.File("parts"));
        Assert.That(second.Run(), Is.True);

        Assert.That(second.Weights(), Is.EqualTo(whole.Weights()));
        Assert.That(second.Metrics(), Is.EqualTo(whole.Metrics()));
        Assert.That(second.Seen, Is.EqualTo(whole.Seen.Skip(stopAfter)));
        Assert.That(whole.Metrics(), Has.Count.EqualTo(Epochs));
    }

    [Test]
    public void What_is_judged_after_an_epoch_joins_its_metrics()
    {
        using var folder = new TemporaryFolder();
        var session = Session.Begin(folder.File("run"));
        session.Run();
        var run = RunFolder.Open(folder.File("run"));
        var lines = run.ReadMetrics();
        Assert.That(lines.Select(line => line.Epoch), Is.EqualTo(new[] { 1, 2, 3 }));
        var judged = lines.Select(line => line.Values.Single(value => value.Name == "test_weight").Value).ToList();
        Assert.That(judged[^1], Is.EqualTo(session.Weights()[0]), "of the weights after the epoch");
        Assert.That(judged, Is.Ordered.And.Unique);
        Assert.That(session.LastEpoch[^1], Is.EqualTo(("test_weight", judged[^1])));
        Assert.That(Session.Continue(folder.File("run")).LastEpoch, Is.EqualTo(session.LastEpoch));
    }

    [Test]
    public void Metrics_written_after_the_checkpoint_are_written_once()
    {
        using var folder = new TemporaryFolder();
        Session.Begin(folder.File("run")).Run(7);
        var run = RunFolder.Open(folder.File("run"));
        // A program that was killed between an epoch's metrics and its checkpoint, in the middle of a line.
        run.AppendMetrics(new JsonObject { ["epoch"] = 2, ["loss"] = 7 });
        File.AppendAllText(run.MetricsPath, "{\"epoch\":");
        var resumed = Session.Continue(folder.File("run"));
        Assert.That(resumed.Run(), Is.True);
        var whole = Session.Begin(folder.File("whole"));
        whole.Run();
        Assert.That(resumed.Metrics(), Is.EqualTo(whole.Metrics()));
    }

    [TestCase(0, TestName = "Killed in its first step")]
    [TestCase(Batches, TestName = "Killed between its first metrics and the checkpoint after them")]
    public void A_run_killed_before_its_first_epoch_is_saved_can_be_resumed(int killAfter)
    {
        using var folder = new TemporaryFolder();
        var killed = Session.Begin(folder.File("run"));
        killed.KillAfter = killAfter;
        Assert.That(() => killed.Run(), Throws.TypeOf<Killed>());
        Assert.That(killed.Metrics(), Has.Count.EqualTo(killAfter / Batches));
        var resumed = Session.Continue(folder.File("run"));
        Assert.That(resumed.Run(), Is.True);
        var whole = Session.Begin(folder.File("whole"));
        whole.Run();
        Assert.That(resumed.Metrics(), Is.EqualTo(whole.Metrics()));
        Assert.That(resumed.Weights(), Is.EqualTo(whole.Weights()));
    }

    [Test]
    public void A_finished_run_has_nothing_left_to_do()
    {
        using var folder = new TemporaryFolder();
        var first = Session.Begin(folder.File("run"));
        first.Run();
        var second = Session.Continue(folder.File("run"));
        Assert.That(second.Run(), Is.True);
        Assert.That(second.Seen, Is.Empty);
        Assert.That(second.Weights(), Is.EqualTo(first.Weights()));
    }

    [Test]
    public void A_checkpoint_of_another_network_is_refused()
    {
        using var folder = new TemporaryFolder();
        Session.Begin(folder.File("run")).Run(7);
        var error = Assert.Throws<CheckpointException>(() => Session.Continue(folder.File("run"), features: 4));
        Assert.That(error!.Message, Does.Contain("weight").And.Contain("another network"));
    }

    [Test]
    public void Steps_leave_no_memory_behind()
    {
        using var folder = new TemporaryFolder();
        var session = Session.Begin(folder.File("run"));
        session.Run(2);
        var before = InUse();
        session.Run();
        Assert.That(InUse(), Is.LessThanOrEqualTo(before));
    }

    /// <summary>Memory that something still refers to: the step looks at gradients, which the collector then owns.</summary>
    private static long InUse()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        // The queue of finalized blocks is emptied by the next allocation.
        Tensor.Zeros([1]).Release();
        return Device.Cpu.MemoryStatistics.InUse;
    }

    /// <summary>Leaves a run's folder as a program does that ends at this point.</summary>
    private sealed class Killed : Exception;

    private sealed record NumberBatch(Tensor X, Tensor Y, string Name) : IBatch
    {
        public int Count => (int)Y.NumElements;
    }

    private sealed class Numbers(int features) : IBatches<NumberBatch>
    {
        public int Count => Batches;

        public NumberBatch Get(long epoch, int index)
        {
            // The last batch is smaller, as the last of an epoch is.
            var rows = index == Batches - 1 ? 3 : 8;
            var random = new CudaNet.Random.PhiloxStream(7, (ulong)(epoch * Batches + index));
            var x = new float[rows * features];
            var y = new float[rows];
            for (var i = 0; i < x.Length; i++)
                x[i] = random.NextFloat() - 0.5f;
            for (var i = 0; i < rows; i++)
                y[i] = x[i * features] * 2 - 1;
            return new(Tensor.From(x, [rows, features]), Tensor.From(y, [rows, 1]), $"{epoch}/{index}");
        }
    }

    private sealed class Line : Module<Tensor, Tensor>
    {
        public Line(int features) => Weight = AddParameter("weight", Tensor.Zeros([1, features]));

        public Tensor Weight { get; }

        protected override Tensor Forward(Tensor input) => input.Mul(Weight).Sum(1, keepDim: true);
    }

    private sealed class Session : ITrainingObserver
    {
        private readonly Line _model;
        private readonly Trainer<NumberBatch> _trainer;
        private readonly RunFolder _folder;
        private readonly Numbers _numbers;

        private Session(RunFolder folder, int features)
        {
            _folder = folder;
            _model = new Line(features);
            _numbers = new Numbers(features);
            _trainer = new Trainer<NumberBatch>(folder, _numbers, Epochs)
            {
                Evaluate = () => [("test_weight", _model.Weight.ToDoubles()[0])],
                Observer = this,
            }.Track("model", new ModuleState(_model));
        }

        public List<string> Seen { get; } = [];

        /// <summary>After how many steps the program is killed; where an epoch ends there, after its metrics.</summary>
        public int KillAfter { get; set; } = int.MaxValue;

        public void OnProgress(TrainingProgress progress) { }

        public void OnEpoch(TrainingProgress progress)
        {
            if (Seen.Count == KillAfter)
                throw new Killed();
        }

        public static Session Begin(string path)
        {
            var folder = RunFolder.CreateAt(path);
            folder.WriteConfig([]);
            return new Session(folder, 3);
        }

        public static Session Continue(string path, int features = 3)
        {
            var session = new Session(RunFolder.Open(path), features);
            session._trainer.Resume();
            return session;
        }

        public bool Run(int stopAfter = int.MaxValue)
        {
            using var stop = new CancellationTokenSource();
            return _trainer.Run(
                batch =>
                {
                    var difference = _model.Call(batch.X).Sub(batch.Y);
                    var loss = difference.Mul(difference).Mean();
                    loss.Backward();
                    using (Autograd.NoGrad())
                    {
                        var updated = _model.Weight.Sub(_model.Weight.Grad!.Affine(0.1)).ToArray<float>();
                        _model.Weight.CopyFrom<float>(updated);
                        _model.Weight.Grad = null;
                    }
                    if (Seen.Count == KillAfter)
                        throw new Killed();
                    Seen.Add(batch.Name);
                    if (Seen.Count == stopAfter)
                        stop.Cancel();
                    return new StepResult(loss).With("spread", difference.Detach().Mul(difference.Detach()).Mean());
                },
                stop.Token
            );
        }

        public IReadOnlyList<(string Name, double Value)> LastEpoch => _trainer.LastEpoch;

        public float[] Weights() => _model.Weight.ToArray<float>();

        /// <summary>The metrics without what tells the time.</summary>
        public List<string> Metrics() =>
            [
                .. File.ReadAllLines(_folder.MetricsPath)
                    .Select(line =>
                    {
                        var values = JsonNode.Parse(line)!.AsObject();
                        Assert.That(values.Remove("seconds") && values.Remove("items_per_second"), Is.True);
                        return values.ToJsonString();
                    }),
            ];
    }
}
