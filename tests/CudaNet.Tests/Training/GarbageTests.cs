using CudaNet.Data;
using CudaNet.Nn;
using CudaNet.Optim;
using CudaNet.Training;

namespace CudaNet.Tests.Training;

/// <summary>A steady training step leaves nothing behind that only a collection of the whole heap would find.</summary>
[TestFixture]
[NonParallelizable]
public sealed class GarbageTests
{
    private const int WarmUpSteps = 500;
    private const int Steps = 10_000;
    private const int BatchSize = 64;

    [Test]
    public void Ten_thousand_steps_of_a_small_network_need_no_full_collection() => Train(width: 16);

    [Test]
    [Category("Verify")]
    public void Ten_thousand_steps_of_the_mlp_recipe_need_no_full_collection() => Train(width: 512);

    /// <summary>The step of the mlp recipe, 784-width-width-10 on batches of 64 images.</summary>
    private static void Train(int width)
    {
        var random = new Generator(1);
        var model = new Sequential(
            new Linear(DrawnDigits.Height * DrawnDigits.Width, width, generator: random),
            new Relu(),
            new Linear(width, width, generator: random),
            new Relu(),
            new Linear(width, 10, generator: random)
        );
        var optimizer = new AdamW(model.Parameters());
        var batches = new ImageBatches(DrawnDigits.Draw(1, 20 * BatchSize), BatchSize, seed: 1);
        var collections = 0;
        for (var step = 0; step < WarmUpSteps + Steps; step++)
        {
            if (step == WarmUpSteps)
                collections = GC.CollectionCount(2);
            using var frame = Lifetime.Frame();
            var batch = batches.Get(0, step % batches.Count);
            var logits = model.Call(batch.Images);
            var loss = logits.CrossEntropy(batch.Labels);
            optimizer.ZeroGrad();
            loss.Backward();
            optimizer.Step();
            logits.ArgMax(1).Eq(batch.Labels).Cast(DType.Float32).Mean().Item();
        }
        Assert.That(GC.CollectionCount(2), Is.EqualTo(collections));
    }
}
