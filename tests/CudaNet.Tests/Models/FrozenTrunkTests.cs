namespace CudaNet.Tests.Models;

using CudaNet;
using CudaNet.Data;
using CudaNet.Models;
using CudaNet.Nn;
using CudaNet.Optim;
using CudaNet.Training;

[TestFixture]
public sealed class FrozenTrunkTests
{
    [Test]
    public void Only_the_head_learns_and_the_trunk_stays_bit_for_bit()
    {
        var random = new Generator(1);
        var trunk = new Sequential(
            new Unflatten(1, [1, 28, 28]),
            new Conv2d(1, 8, 3, stride: 2, generator: random),
            new BatchNorm2d(8),
            new Relu(),
            new Dropout(0.5, random),
            new Flatten()
        );
        var model = FrozenTrunk.With(trunk, new Linear(8 * 13 * 13, 10, generator: random));
        var before = trunk.StateDict().ToDictionary(p => p.Key, p => Bytes(p.Value));
        var head = model.Children[1].Module.Parameters().First().ToArray<float>();
        var optimizer = new AdamW(model.Parameters().Where(p => p.RequiresGrad), learningRate: 0.01, weightDecay: 0.1);
        var batches = new ImageBatches(DrawnDigits.Draw(1, 1000), 50, seed: 1);
        var losses = new List<double>();
        model.Train();
        for (var i = 0; i < 3 * batches.Count; i++)
        {
            using var frame = Lifetime.Frame();
            var batch = batches.Get(i / batches.Count, i % batches.Count);
            var loss = model.Call(batch.Images).CrossEntropy(batch.Labels);
            optimizer.ZeroGrad();
            loss.Backward();
            optimizer.Step();
            losses.Add(loss.Item());
        }
        foreach (var (name, bytes) in before)
            Assert.That(Bytes(trunk.StateDict()[name]), Is.EqualTo(bytes), name);
        Assert.That(model.Children[1].Module.Parameters().First().ToArray<float>(), Is.Not.EqualTo(head));
        Assert.That(losses.TakeLast(10).Average(), Is.LessThan(0.5 * losses.Take(3).Average()));
        Assert.That(model.Summary([1, 784]).TrainableParameters, Is.EqualTo(8 * 13 * 13 * 10 + 10));
    }

    private static byte[] Bytes(Tensor tensor) =>
        [.. tensor.ToDoubles().SelectMany(value => BitConverter.GetBytes(value))];
}
