using CudaNet.Models;
using CudaNet.Random;
using CudaNet.Training;

namespace CudaNet.Tests.Models;

[TestFixture]
public sealed class GuessesTests
{
    private static readonly float[] s_rows = [0.5f, 0.3f, 0.2f, 0.1f, 0.1f, 0.8f];

    [Test]
    public void Sharpening_at_one_half_squares_and_normalises()
    {
        var sharp = Guesses.Sharpen(Tensor.From(s_rows, [2, 3]), 0.5).ToArray<float>();
        var expected = new[] { 25.0 / 38, 9.0 / 38, 4.0 / 38, 1.0 / 66, 1.0 / 66, 64.0 / 66 };
        Assert.That(sharp, Is.EqualTo(expected).Within(1e-6));
    }

    [Test]
    public void Sharpening_at_one_changes_nothing_and_at_zero_is_refused()
    {
        var rows = Tensor.From(s_rows, [2, 3]);
        Assert.That(Guesses.Sharpen(rows, 1).ToArray<float>(), Is.EqualTo(s_rows).Within(1e-6));
        Assert.That(() => Guesses.Sharpen(rows, 0), Throws.TypeOf<AttributeException>());
    }

    [Test]
    public void Sure_targets_give_the_cross_entropy_of_their_classes()
    {
        var logits = Tensor.From([1f, -2, 0.5f, 0, 3, -1], [2, 3]);
        var labels = Tensor.From([2L, 1]);
        var soft = Guesses.SoftCrossEntropy(logits, Guesses.OneHot(labels, 3)).ToArray<float>();
        var hard = logits.CrossEntropy(labels, reduction: Reduction.None).ToArray<float>();
        Assert.That(soft, Is.EqualTo(hard).Within(1e-6));
    }

    [Test]
    public void A_mixture_lies_between_its_partners()
    {
        var mixed = Guesses.MixUp(Tensor.From([1f, 0]), Tensor.From([0f, 4]), 0.75);
        Assert.That(mixed.ToArray<float>(), Is.EqualTo(new[] { 0.75, 1 }).Within(1e-6));
    }

    /// <summary>E max(B, 1 − B) for B ~ Beta(α, α) is 1/2 + E|B − 1/2|: 3/4 at α = 1, and 1/2 + 1/π at α = 1/2 (arcsine).</summary>
    [TestCase(1.0, 0.75)]
    [TestCase(0.5, 0.5 + 1 / Math.PI)]
    public void Shares_are_those_of_a_beta_distribution(double alpha, double mean)
    {
        var random = new PhiloxStream(7, 0);
        var shares = Enumerable.Range(0, 20_000).Select(_ => Guesses.MixingShare(ref random, alpha)).ToList();
        Assert.That(shares, Has.All.InRange(0.5, 1));
        Assert.That(shares.Average(), Is.EqualTo(mean).Within(0.005));
    }

    [Test]
    public void A_shuffle_has_every_number_once_and_moves_them()
    {
        var random = new PhiloxStream(3, 0);
        var order = Guesses.Shuffle(ref random, 50).ToArray<long>();
        Assert.That(order.Order(), Is.EqualTo(Enumerable.Range(0, 50).Select(i => (long)i)));
        Assert.That(order, Is.Not.Ordered);
    }

    [Test]
    public void Alignment_scales_by_the_ratio_of_frequencies()
    {
        // Decay 0: the mean is that of the last batch alone.
        var alignment = new DistributionAlignment([0.5, 0.5], decay: 0);
        var batch = Tensor.From([0.8f, 0.2f, 0.8f, 0.2f], [2, 2]);
        Assert.That(alignment.Align(batch).ToArray<float>(), Is.EqualTo(batch.ToArray<float>()).Within(1e-6));
        Assert.That(alignment.Mean, Is.EqualTo(new[] { 0.8, 0.2 }).Within(1e-6));
        Assert.That(alignment.Align(batch).ToArray<float>(), Is.All.EqualTo(0.5).Within(1e-6));
    }

    [Test]
    public void Aligned_guesses_tend_to_the_frequencies_of_the_classes()
    {
        double[] frequencies = [0.2, 0.3, 0.5];
        var alignment = new DistributionAlignment(frequencies, decay: 0.9);
        var batch = Tensor.From([0.6f, 0.3f, 0.1f], [1, 3]);
        Tensor aligned = batch;
        for (var i = 0; i < 200; i++)
            aligned = alignment.Align(batch);
        Assert.That(aligned.ToArray<float>(), Is.EqualTo(frequencies).Within(1e-4));
    }

    [Test]
    public void Alignment_goes_on_where_it_was_saved()
    {
        var (one, other) = (new DistributionAlignment([0.5, 0.5]), new DistributionAlignment([0.5, 0.5]));
        var batch = Tensor.From([0.9f, 0.1f], [1, 2]);
        one.Align(batch);
        var state = new TrainingState();
        one.SaveState(state);
        other.LoadState(state);
        Assert.That(other.Align(batch).ToArray<float>(), Is.EqualTo(one.Align(batch).ToArray<float>()));
    }

    [Test]
    public void Frequencies_that_are_none_are_refused()
    {
        Assert.That(() => new DistributionAlignment([0.5, 0.6]), Throws.TypeOf<AttributeException>());
        Assert.That(() => new DistributionAlignment([1.0, 0.0]), Throws.TypeOf<AttributeException>());
    }
}
