using CudaNet.Nn;
using CudaNet.Optim;
using CudaNet.Training;

namespace CudaNet.Tests.Optim;

[TestFixture]
public sealed class MagnitudePruningTests
{
    private static Tensor Parameter(params float[] values)
    {
        var tensor = Tensor.From(values);
        tensor.RequiresGrad = true;
        return tensor.Keep();
    }

    [Test]
    public void The_smallest_of_all_go_together()
    {
        var (small, large) = (Parameter(0.1f, -0.2f, 0.3f, 0.4f), Parameter(-5, 6, 0.05f, 8));
        var pruning = new MagnitudePruning([small, large]);
        pruning.PruneGlobal(0.5);
        Assert.That(small.ToArray<float>(), Is.EqualTo(new[] { 0, 0, 0, 0.4f }));
        Assert.That(large.ToArray<float>(), Is.EqualTo(new[] { -5, 6, 0, 8f }));
        Assert.That(pruning.Masks[0].ToArray<float>(), Is.EqualTo(new[] { 0, 0, 0, 1f }));
        Assert.That(pruning.Sparsity, Is.EqualTo(0.5));
    }

    [Test]
    public void The_smallest_of_each_layer_go()
    {
        var (small, large) = (Parameter(0.1f, -0.2f, 0.3f, 0.4f), Parameter(-5, 6, 0.05f, 8));
        new MagnitudePruning([small, large]).PrunePerLayer(0.5);
        Assert.That(small.ToArray<float>(), Is.EqualTo(new[] { 0, 0, 0.3f, 0.4f }));
        Assert.That(large.ToArray<float>(), Is.EqualTo(new[] { 0, 6, 0, 8f }));
    }

    [Test]
    public void Of_equals_the_first_go_so_that_the_share_is_met()
    {
        var weight = Parameter(1, 1, -1, 1);
        new MagnitudePruning([weight]).PruneGlobal(0.5);
        Assert.That(weight.ToArray<float>(), Is.EqualTo(new[] { 0, 0, -1f, 1 }));
    }

    [Test]
    public void What_is_pruned_stays_so_when_more_is()
    {
        var weight = Parameter(0.1f, 5, 3, 4);
        var pruning = new MagnitudePruning([weight]);
        pruning.PruneGlobal(0.25);
        // Larger than all others by now, as if something had written it.
        using (CudaNet.Autograd.NoGrad())
            weight.CopyFrom<float>([9, 5, 3, 4]);
        pruning.PruneGlobal(0.5);
        Assert.That(weight.ToArray<float>(), Is.EqualTo(new[] { 0, 5, 0, 4f }));
        Assert.That(() => pruning.PruneGlobal(0.25), Throws.TypeOf<AttributeException>().With.Message.Contains("0.25"));
        Assert.That(() => pruning.PruneGlobal(1), Throws.TypeOf<AttributeException>());
    }

    [Test]
    public void Training_leaves_pruned_weights_at_zero_and_moves_the_others()
    {
        var model = new Sequential(
            new Linear(6, 8, generator: new Generator(1)),
            new Relu(),
            new Linear(8, 3, generator: new Generator(2))
        );
        var optimizer = new AdamW(model.Parameters(), learningRate: 0.01);
        var pruning = new MagnitudePruning(model.Parameters().Where(p => p.Rank == 2));
        var x = Tensor.RandN([16, 6], generator: new Generator(3));
        var labels = Tensor.From([.. Enumerable.Range(0, 16).Select(i => (long)i % 3)]);
        void Step()
        {
            optimizer.ZeroGrad();
            model.Call(x).CrossEntropy(labels).Backward();
            optimizer.Step();
        }
        // Momentum from before the pruning would move what is pruned.
        Step();
        pruning.PruneGlobal(0.5);
        var before = model.Parameters().First().ToArray<float>();
        for (var i = 0; i < 5; i++)
        {
            Step();
            pruning.Apply();
        }
        var after = model.Parameters().First().ToArray<float>();
        var mask = pruning.Masks[0].ToArray<float>();
        for (var i = 0; i < mask.Length; i++)
            if (mask[i] == 0)
                Assert.That(after[i], Is.Zero);
            else
                Assert.That(after[i], Is.Not.EqualTo(before[i]));
        Assert.That(pruning.Sparsity, Is.EqualTo(0.5).Within(1e-6));
    }

    [Test]
    public void Masks_go_over_to_another_network_and_through_a_checkpoint()
    {
        var (first, second, third) = (Parameter(1, 2, 3, 4), Parameter(4, 3, 2, 1), Parameter(5, 6, 7, 8));
        var pruning = new MagnitudePruning([first]);
        pruning.PruneGlobal(0.5);
        new MagnitudePruning([second]).CopyMasks(pruning);
        Assert.That(second.ToArray<float>(), Is.EqualTo(new[] { 0, 0, 2f, 1 }));

        var state = new TrainingState();
        new PruningState(pruning).SaveState(state);
        var restored = new MagnitudePruning([third]);
        new PruningState(restored).LoadState(state);
        restored.Apply();
        Assert.That(third.ToArray<float>(), Is.EqualTo(new[] { 0, 0, 7f, 8 }));
        Assert.That(() => new MagnitudePruning([Parameter(1, 2)]).CopyMasks(pruning), Throws.TypeOf<ShapeException>());
    }
}
