using CudaNet.Data;
using CudaNet.Training;

namespace CudaNet.Tests.Data;

[TestFixture]
public sealed class CurriculumTests
{
    // Item i is the harder the smaller i is.
    private static readonly double[] s_difficulty = [.. Enumerable.Range(0, 20).Select(i => -(double)i)];

    private static long[] Draw(Curriculum curriculum, long step, int count)
    {
        var items = new long[count];
        curriculum.Fill(step, items);
        return items;
    }

    [Test]
    public void Early_steps_draw_from_the_easiest_and_late_ones_from_all()
    {
        var curriculum = new Curriculum(s_difficulty, Pacing.Linear(0.25, 10), seed: 3);
        Assert.That(Draw(curriculum, 0, 5).Order(), Is.EqualTo(new long[] { 15, 16, 17, 18, 19 }));
        var seen = new HashSet<long>();
        for (var step = 10; step < 40; step++)
            seen.UnionWith(Draw(curriculum, step, 5));
        Assert.That(seen, Has.Count.EqualTo(20));
    }

    [Test]
    public void A_step_has_no_item_twice_and_always_the_same_ones()
    {
        var curriculum = new Curriculum(s_difficulty, Pacing.Exponential(0.1, 2, 5), seed: 3);
        for (var step = 0; step < 30; step++)
        {
            var items = Draw(curriculum, step, 4);
            Assert.That(items, Is.Unique);
            Assert.That(Draw(curriculum, step, 4), Is.EqualTo(items));
        }
    }

    [Test]
    public void Pacings_reach_all_when_they_say()
    {
        var (linear, exponential, single) = (
            Pacing.Linear(0.2, 8),
            Pacing.Exponential(0.25, 2, 3),
            Pacing.SingleStep(0.5, 4)
        );
        Assert.That(
            new[] { linear(0), linear(4), linear(8), linear(99) },
            Is.EqualTo(new[] { 0.2, 0.6, 1, 1 }).Within(1e-12)
        );
        Assert.That(
            new[] { exponential(2), exponential(3), exponential(6), exponential(60) },
            Is.EqualTo(new[] { 0.25, 0.5, 1, 1 })
        );
        Assert.That(new[] { single(3), single(4) }, Is.EqualTo(new[] { 0.5, 1 }));
    }

    [Test]
    public void A_batch_is_as_large_as_ever_though_little_is_available()
    {
        var curriculum = new Curriculum(s_difficulty, Pacing.Linear(0, 100));
        Assert.That(Draw(curriculum, 0, 6).Order(), Is.EqualTo(new long[] { 14, 15, 16, 17, 18, 19 }));
        Assert.That(curriculum.Available(50), Is.EqualTo(10));
    }

    [Test]
    public void Image_batches_follow_a_curriculum()
    {
        var images = new LabeledImages(new byte[20], [.. Enumerable.Range(0, 20).Select(i => (byte)i)], 20, 1, 1);
        var curriculum = new Curriculum(s_difficulty, Pacing.SingleStep(0.2, 5), seed: 1);
        var batches = new ImageBatches(images, 4, curriculum: curriculum);
        Assert.That(batches.Count, Is.EqualTo(5));
        for (var index = 0; index < 5; index++)
            Assert.That(batches.Get(0, index).Labels.ToArray<long>(), Has.All.GreaterThanOrEqualTo(16));
        var later = Enumerable.Range(0, 20).SelectMany(i => batches.Get(1 + i / 5, i % 5).Labels.ToArray<long>());
        Assert.That(later.Distinct().Count(), Is.EqualTo(20));
        Assert.That(
            () => new ImageBatches(images.Slice(0, 10), 4, curriculum: curriculum),
            Throws.ArgumentException.With.Message.Contains("expected 10")
        );
    }

    [Test]
    public void Nonsense_is_refused()
    {
        Assert.That(() => new Curriculum([], Pacing.Linear(0, 1)), Throws.ArgumentException);
        Assert.That(() => new Curriculum([1, double.NaN], Pacing.Linear(0, 1)), Throws.ArgumentException);
        Assert.That(() => Pacing.Linear(1.5, 10), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => Pacing.Exponential(0.1, 1, 10), Throws.TypeOf<ArgumentOutOfRangeException>());
    }
}
