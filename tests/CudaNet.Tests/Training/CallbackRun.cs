using System.Text.Json.Nodes;
using CudaNet.IO;
using CudaNet.Nn;
using CudaNet.Optim;
using CudaNet.Training;

namespace CudaNet.Tests.Training;

/// <summary>A small network's run, to which callbacks are added.</summary>
internal sealed class CallbackRun
{
    public const int Epochs = 6;
    public const int Batches = 4;
    public const double LearningRate = 0.01;

    private readonly GradientStep? _update;

    /// <summary>A new run, or the continuation of one.</summary>
    /// <param name="path">Its folder.</param>
    /// <param name="everything">Whether all callbacks go along.</param>
    /// <param name="resume">Whether it continues.</param>
    /// <param name="beforeResume">Adds what must be there when the checkpoint is read.</param>
    public CallbackRun(
        string path,
        bool everything = false,
        bool resume = false,
        Action<CallbackRun>? beforeResume = null
    )
    {
        Folder = resume ? RunFolder.Open(path) : RunFolder.CreateAt(path);
        Folder.WriteConfig([]);
        Model = NewModel();
        Optimizer = NewOptimizer(Model);
        Trainer = new Trainer<Rows>(Folder, new Noise(), Epochs) { Evaluate = Judge }
            .Track("model", new ModuleState(Model))
            .Track("optimizer", new OptimizerState(Optimizer));
        if (everything)
            _update = AddEverything();
        beforeResume?.Invoke(this);
        if (resume)
            Trainer.Resume();
    }

    public RunFolder Folder { get; }

    public Module<Tensor, Tensor> Model { get; }

    public AdamW Optimizer { get; }

    public Trainer<Rows> Trainer { get; }

    /// <summary>What the epochs are found to be worth; null judges the weights.</summary>
    public double[]? Judged { get; init; }

    /// <summary>The weights that were in place when each epoch was judged.</summary>
    public List<double[]> WeightsAfterEpoch { get; } = [];

    /// <summary>Steps of this session.</summary>
    public int Steps { get; private set; }

    public static Module<Tensor, Tensor> NewModel()
    {
        Generator.Default.ManualSeed(3);
        return new Sequential(new Linear(3, 4), new Tanh(), new Linear(4, 1));
    }

    public static AdamW NewOptimizer(Module model) => new(model.Parameters(), LearningRate);

    public static double[] WeightsOf(Module model) => [.. model.Parameters().SelectMany(p => p.ToDoubles())];

    public double[] Weights() => WeightsOf(Model);

    public bool Run(int stopAfter = int.MaxValue)
    {
        using var stop = new CancellationTokenSource();
        return Trainer.Run(
            batch =>
            {
                Tensor Loss() => Model.Call(batch.X).MseLoss(batch.Y);
                Tensor loss;
                if (_update is not null)
                {
                    loss = _update.Run(Loss);
                }
                else
                {
                    loss = Loss();
                    Optimizer.ZeroGrad();
                    loss.Backward();
                    Optimizer.Step();
                }
                if (++Steps == stopAfter)
                    stop.Cancel();
                return new StepResult(loss);
            },
            stop.Token
        );
    }

    /// <summary>The metrics without what tells the time.</summary>
    public List<string> Metrics() =>
        [
            .. File.ReadAllLines(Folder.MetricsPath)
                .Select(line =>
                {
                    var values = JsonNode.Parse(line)!.AsObject();
                    Assert.That(values.Remove("seconds") && values.Remove("items_per_second"), Is.True);
                    return values.ToJsonString();
                }),
        ];

    /// <summary>The arrays of a checkpoint in the folder, by name.</summary>
    public List<string> CheckpointArrays(string name) =>
        [
            .. Safetensors
                .Read(Path.Combine(Folder.Path, name, "arrays.safetensors"))
                .Arrays.OrderBy(array => array.Name, StringComparer.Ordinal)
                .Select(array => $"{array.Name}: {Convert.ToHexString(array.Bytes)}"),
        ];

    /// <summary>The events of the one file, without the times.</summary>
    public IEnumerable<string> Events() =>
        EventFileReader
            .Read(Directory.GetFiles(Folder.Path, "*tfevents*").Single())
            .Select(e => $"{e.Step} {e.Version} {string.Join(' ', e.Values.Select(v => $"{v.Tag}={v.Value:R}"))}");

    private IReadOnlyList<(string Name, double Value)> Judge()
    {
        WeightsAfterEpoch.Add(Weights());
        return [("judged", Judged?[WeightsAfterEpoch.Count - 1] ?? WeightsAfterEpoch[^1].Sum(w => w * w))];
    }

    private GradientStep AddEverything()
    {
        var update = new GradientStep(Optimizer)
        {
            AccumulationSteps = 3,
            MaxValue = 0.5,
            MaxNorm = 0.4,
            AutocastTo = DType.Float16,
            Scaler = new GradScaler(initialScale: 1024, growthInterval: 3),
        };
        Trainer
            .Add("update", update)
            .Add(
                "schedule",
                new LearningRateSchedule(new OneCycleLr(Optimizer, 0.05, totalSteps: Epochs * 2), ScheduleInterval.Step)
            )
            .Add("average", new AveragedWeights(new ExponentialMovingAverage(Model.Parameters(), decay: 0.8)))
            .Add("early_stopping", new EarlyStopping(Model, new MetricMonitor("judged"), patience: Epochs))
            .Add("best", new BestCheckpoint(Folder, Model, new MetricMonitor("judged", MetricMode.Max)))
            .Add("events", new TensorBoardEvents(Folder));
        return update;
    }

    internal sealed record Rows(Tensor X, Tensor Y) : IBatch
    {
        public int Count => (int)Y.NumElements;
    }

    private sealed class Noise : IBatches<Rows>
    {
        public int Count => Batches;

        public Rows Get(long epoch, int index)
        {
            var random = new CudaNet.Random.PhiloxStream(11, (ulong)(epoch * Batches + index));
            var x = new float[8 * 3];
            for (var i = 0; i < x.Length; i++)
                x[i] = random.NextFloat() - 0.5f;
            var y = Enumerable.Range(0, 8).Select(i => 2 * x[3 * i] - x[3 * i + 1]).ToArray();
            return new(Tensor.From(x, [8, 3]), Tensor.From(y, [8, 1]));
        }
    }
}
