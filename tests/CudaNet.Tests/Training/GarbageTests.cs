using CudaNet.Data;
using CudaNet.Models;
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

    [Test]
    public void Ten_thousand_steps_of_a_small_network_need_no_full_collection() =>
        Train(
            new Sequential(
                new Linear(DrawnDigits.Height * DrawnDigits.Width, 16),
                new Relu(),
                new Dropout(0.5),
                new Linear(16, 10)
            ),
            batchSize: 16
        );

    [Test]
    [Category("Verify")]
    public void Ten_thousand_steps_of_the_mlp_recipe_need_no_full_collection() =>
        Train(DigitRecipe.Mlp.Build(new Generator(1)), batchSize: 64);

    // The recipe takes batches of 64; the size of a batch changes how long this lasts, and not what a step allocates on the managed heap.
    [Test]
    [Category("Verify")]
    public void Ten_thousand_steps_of_the_cnn_recipe_need_no_full_collection() =>
        Train(DigitRecipe.Cnn.Build(new Generator(1)), batchSize: 16);

    private static void Train(Module<Tensor, Tensor> model, int batchSize)
    {
        var optimizer = new AdamW(model.Parameters());
        var batches = new ImageBatches(DrawnDigits.Draw(1, 20 * batchSize), batchSize, seed: 1);
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
