using CudaNet.Data;
using CudaNet.Training;

namespace CudaNet.Tests.Training;

[TestFixture]
public sealed class ImageBatchesTests
{
    // Image i is filled with i, and has the label i.
    private static readonly LabeledImages s_images = new(
        [.. Enumerable.Range(0, 10).SelectMany(i => Enumerable.Repeat((byte)i, 4))],
        [.. Enumerable.Range(0, 10).Select(i => (byte)i)],
        10,
        2,
        2
    );

    [Test]
    public void Without_shuffling_the_order_is_that_of_the_set()
    {
        var batches = new ImageBatches(s_images, 4, shuffle: false);
        Assert.That(batches.Count, Is.EqualTo(3));
        Assert.That(batches.Get(3, 1).Labels.ToArray<long>(), Is.EqualTo(new long[] { 4, 5, 6, 7 }));
        Assert.That(batches.Get(0, 2).Labels.ToArray<long>(), Is.EqualTo(new long[] { 8, 9 }));
        Assert.That(batches.Get(0, 2).Images.Shape, Is.EqualTo(new Shape(2, 4)));
    }

    [Test]
    public void An_epoch_sees_every_image_once_with_its_label()
    {
        var batches = new ImageBatches(s_images, 3, seed: 5);
        var labels = new List<long>();
        for (var i = 0; i < batches.Count; i++)
        {
            var batch = batches.Get(1, i);
            var pixels = batch.Images.ToArray<float>();
            foreach (var (row, label) in batch.Labels.ToArray<long>().Index())
            {
                Assert.That(pixels[row * 4], Is.EqualTo(label / 255f).Within(1e-7));
                labels.Add(label);
            }
        }
        Assert.That(labels, Is.EquivalentTo(Enumerable.Range(0, 10)));
        Assert.That(labels, Is.Not.Ordered);
    }

    [Test]
    public void The_order_depends_on_seed_and_epoch_alone()
    {
        var batches = new ImageBatches(s_images, 10, seed: 5);
        var second = Order(batches, 1);
        Assert.That(Order(batches, 2), Is.Not.EqualTo(second));
        Assert.That(Order(batches, 1), Is.EqualTo(second));
        Assert.That(Order(new ImageBatches(s_images, 10, seed: 5), 1), Is.EqualTo(second));
        Assert.That(Order(new ImageBatches(s_images, 10, seed: 6), 1), Is.Not.EqualTo(second));
    }

    [Test]
    public void Pixels_are_normalised()
    {
        var batches = new ImageBatches(s_images, 10, shuffle: false, mean: 0.5, deviation: 0.25);
        var pixels = batches.Get(0, 0).Images.ToArray<float>();
        Assert.That(pixels[^1], Is.EqualTo((9 / 255.0 - 0.5) / 0.25).Within(1e-6));
    }

    private static long[] Order(ImageBatches batches, long epoch) => batches.Get(epoch, 0).Labels.ToArray<long>();
}
