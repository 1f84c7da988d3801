using CudaNet.Models;
using CudaNet.Random;

namespace CudaNet.Tests.Models;

[TestFixture]
public sealed class NoisyVotesTests
{
    private const int Items = 4000;
    private const int Classes = 4;

    // One expert among sources that are wrong about every other time.
    private static readonly double[] s_reliability = [0.95, 0.55, 0.55, 0.45, 0.45];

    private static (int[,] Votes, int[] Truth) Simulate()
    {
        var random = new PhiloxStream(11, 0);
        var truth = new int[Items];
        var votes = new int[Items, s_reliability.Length];
        for (var item = 0; item < Items; item++)
        {
            truth[item] = random.NextInt(Classes);
            for (var source = 0; source < s_reliability.Length; source++)
                votes[item, source] =
                    random.NextDouble() < 0.1 ? NoisyVotes.Abstain
                    : random.NextDouble() < s_reliability[source] ? truth[item]
                    : (truth[item] + 1 + random.NextInt(Classes - 1)) % Classes;
        }
        return (votes, truth);
    }

    private static double Accuracy(double[,] probabilities, int[] truth) =>
        NoisyVotes.Labels(probabilities).Zip(truth).Count(pair => pair.First == pair.Second) / (double)truth.Length;

    [Test]
    public void Weighing_the_sources_beats_the_majority()
    {
        var (votes, truth) = Simulate();
        var noisy = new NoisyVotes(votes, Classes);
        var (majority, weighed) = (Accuracy(noisy.Majority(), truth), Accuracy(noisy.DawidSkene().Posterior, truth));
        Assert.That(weighed, Is.GreaterThan(majority + 0.05), $"majority {majority}");
        Assert.That(weighed, Is.GreaterThan(0.85));
    }

    [Test]
    public void What_is_found_of_the_sources_is_how_they_voted()
    {
        var (votes, _) = Simulate();
        var model = new NoisyVotes(votes, Classes).DawidSkene();
        for (var source = 0; source < s_reliability.Length; source++)
        for (var label = 0; label < Classes; label++)
            Assert.That(
                model.Confusion[source, label, label],
                Is.EqualTo(s_reliability[source]).Within(0.1),
                $"source {source}, class {label}"
            );
        Assert.That(model.Priors, Is.All.EqualTo(1.0 / Classes).Within(0.05));
    }

    [Test]
    public void A_source_that_is_always_wrong_in_the_same_way_informs()
    {
        // Three sources are right four times in five; the fourth always takes one class for the other.
        var random = new PhiloxStream(5, 0);
        var votes = new int[Items, 4];
        var truth = new int[Items];
        for (var item = 0; item < Items; item++)
        {
            truth[item] = random.NextInt(2);
            for (var source = 0; source < 3; source++)
                votes[item, source] = random.NextDouble() < 0.8 ? truth[item] : 1 - truth[item];
            votes[item, 3] = 1 - truth[item];
        }
        var noisy = new NoisyVotes(votes, 2);
        Assert.That(Accuracy(noisy.DawidSkene().Posterior, truth), Is.GreaterThan(0.99));
        Assert.That(Accuracy(noisy.Majority(), truth), Is.LessThan(0.9));
    }

    [Test]
    public void The_majority_shares_its_votes()
    {
        var shares = new NoisyVotes(
            new[,]
            {
                { 0, 0, 1 },
                { -1, -1, -1 },
                { 2, -1, 2 },
            },
            3
        ).Majority();
        Assert.That(
            shares,
            Is.EqualTo(
                    new[,]
                    {
                        { 2 / 3.0, 1 / 3.0, 0 },
                        { 1 / 3.0, 1 / 3.0, 1 / 3.0 },
                        { 0, 0, 1 },
                    }
                )
                .Within(1e-12)
        );
        Assert.That(NoisyVotes.Labels(shares), Is.EqualTo(new[] { 0, 0, 2 }));
    }

    [Test]
    public void A_vote_for_no_class_is_refused() =>
        Assert.That(
            () =>
                new NoisyVotes(
                    new[,]
                    {
                        { 0, 3 },
                    },
                    3
                ),
            Throws.ArgumentException.With.Message.Contains("class 3")
        );
}
