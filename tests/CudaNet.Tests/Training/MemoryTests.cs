using System.Diagnostics;
using CudaNet.Nn;
using CudaNet.Optim;
using CudaNet.Tests.IO;
using CudaNet.Training;

namespace CudaNet.Tests.Training;

[TestFixture]
public sealed class MemoryTests
{
    private const int StepsPerEpoch = 1000;
    private const long Allowance = 8L << 20;

    [Test]
    [Category("Verify")]
    public void A_hundred_thousand_steps_hold_the_memory_of_a_thousand() => Train(epochs: 100);

    [Test]
    public void Five_thousand_steps_hold_the_memory_of_a_thousand() => Train(epochs: 5);

    private static void Train(int epochs)
    {
        using var folder = new TemporaryFolder();
        var random = new Generator(1);
        var model = new Sequential(
            new Linear(32, 64, generator: random),
            new Relu(),
            new Linear(64, 10, generator: random)
        );
        var optimizer = new AdamW(model.Parameters());
        var memory = new MemoryPerEpoch();
        var trainer = new Trainer<ImageBatch>(RunFolder.CreateAt(folder.File("run")), new Noise(), epochs)
        {
            Observer = memory,
        }
            .Track("model", new ModuleState(model))
            .Track("optimizer", new OptimizerState(optimizer));
        trainer.Run(batch =>
        {
            var loss = model.Call(batch.Images).CrossEntropy(batch.Labels);
            optimizer.ZeroGrad();
            loss.Backward();
            optimizer.Step();
            return new StepResult(loss);
        });
        Assert.That(memory.Resident, Has.Count.EqualTo(epochs));
        Assert.That(memory.Resident[^1], Is.LessThanOrEqualTo(memory.Resident[0] + Allowance));
        Assert.That(memory.Tensors[^1], Is.LessThanOrEqualTo(memory.Tensors[0]));
    }

    private sealed class Noise : IBatches<ImageBatch>
    {
        public int Count => StepsPerEpoch;

        public ImageBatch Get(long epoch, int index)
        {
            var random = new CudaNet.Random.PhiloxStream(3, (ulong)(epoch * StepsPerEpoch + index));
            var (images, labels) = (new float[8 * 32], new long[8]);
            for (var i = 0; i < images.Length; i++)
                images[i] = random.NextFloat();
            for (var i = 0; i < labels.Length; i++)
                labels[i] = random.NextInt(10);
            return new ImageBatch(Tensor.From(images, [8, 32]), Tensor.From(labels));
        }
    }

    private sealed class MemoryPerEpoch : ITrainingObserver
    {
        public List<long> Resident { get; } = [];

        public List<long> Tensors { get; } = [];

        public void OnProgress(TrainingProgress progress) { }

        public void OnEpoch(TrainingProgress progress)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            using var process = Process.GetCurrentProcess();
            Resident.Add(process.WorkingSet64);
            Tensors.Add(Device.Cpu.MemoryStatistics.InUse);
        }
    }
}
