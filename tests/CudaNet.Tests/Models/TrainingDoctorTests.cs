using CudaNet.Models;
using CudaNet.Nn;
using CudaNet.Optim;

namespace CudaNet.Tests.Models;

/// <summary>A training that is well is found so, and each planted failure is flagged by the item that is there for it.</summary>
[TestFixture]
public sealed class TrainingDoctorTests
{
    private const int Classes = 4;
    private const int Features = 16;

    private static readonly DoctorOptions s_options = new(
        Steps: 40,
        SubsetSteps: 300,
        LearningRates: DoctorOptions.LogGrid(1e-4, 1, 5),
        WeightDecays: [1e-6, 1e-2]
    );

    // Four classes around four corners, and their labels.
    private static readonly Tensor s_items = Items();
    private static readonly Tensor s_labels = Tensor
        .From([.. Enumerable.Range(0, 512).Select(i => (long)i % Classes)])
        .Keep();

    private static Tensor Items()
    {
        var noise = Tensor.RandN([512, Features], generator: new Generator(1)).ToArray<float>();
        for (var i = 0; i < 512; i++)
            noise[i * Features + i % Classes] += 4;
        return Tensor.From(noise, [512, Features]).Keep();
    }

    private static Module Build() =>
        new Sequential(
            new Linear(Features, 32, generator: new Generator(2)),
            new Relu(),
            new Linear(32, Classes, generator: new Generator(3))
        );

    private static Tensor Loss(Module network, long start, long count) =>
        ((Module<Tensor, Tensor>)network)
            .Call(s_items.Slice(0, start, start + count))
            .CrossEntropy(s_labels.Slice(0, start, start + count));

    private static TrainingSubject Well { get; } =
        new(
            Build,
            (network, step) => Loss(network, 32 * (step % 16), 32),
            network => Loss(network, 0, 16),
            (network, rate, decay) => new AdamW(network.Parameters(), learningRate: rate, weightDecay: decay),
            0.01
        )
        {
            UninformedLoss = Math.Log(Classes),
            SubsetAccuracy = network =>
                ((Module<Tensor, Tensor>)network)
                    .Call(s_items.Slice(0, 0, 16))
                    .ArgMax(1)
                    .Eq(s_labels.Slice(0, 0, 16))
                    .Cast(DType.Float32)
                    .Mean()
                    .Item(),
        };

    private static Dictionary<string, Finding> Examine(TrainingSubject subject) =>
        new TrainingDoctor(subject, s_options).Examine().ToDictionary(finding => finding.Item);

    private static void IsWrong(TrainingSubject subject, string item, string says)
    {
        var finding = Examine(subject)[item];
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Wrong), finding.Text);
        Assert.That(finding.Text, Does.Contain(says));
    }

    [Test]
    public void What_is_well_is_found_well()
    {
        var findings = Examine(Well);
        Assert.That(findings.Keys, Has.Count.EqualTo(7));
        foreach (var finding in findings.Values)
            Assert.That(finding.Verdict, Is.EqualTo(Verdict.Ok), $"{finding.Item}: {finding.Text}");
    }

    [Test]
    public void A_sum_in_place_of_a_mean_is_flagged_by_the_initial_loss() =>
        IsWrong(
            Well with
            {
                Loss = (network, step) => Well.Loss(network, step) * 32,
            },
            "initial loss",
            "guessing gives 1.3863"
        );

    [Test]
    public void First_weights_that_are_too_large_are_flagged_by_the_initial_loss() =>
        IsWrong(
            Well with
            {
                Build = () =>
                {
                    var network = Build();
                    foreach (var parameter in network.Parameters().Where(p => p.Rank == 2))
                        Init.Normal(parameter, std: 3, generator: new Generator(4));
                    return network;
                },
            },
            "initial loss",
            "the size of the first weights"
        );

    [Test]
    public void Labels_of_other_items_are_flagged_by_the_subset()
    {
        // Every item twice, the second time with another label: no network can know both by heart.
        var items = Tensor.Concat([s_items.Slice(0, 0, 8), s_items.Slice(0, 0, 8)]).Keep();
        var labels = Tensor.Concat([s_labels.Slice(0, 0, 8), s_labels.Slice(0, 1, 9)]).Keep();
        IsWrong(
            Well with
            {
                SubsetLoss = network => ((Module<Tensor, Tensor>)network).Call(items).CrossEntropy(labels),
            },
            "overfit a subset",
            "by heart"
        );
    }

    [Test]
    public void A_loss_that_does_not_reach_the_weights_is_flagged()
    {
        // The first layer alone is left to learn, and its gradient is cut off.
        var detached = Well with
        {
            SubsetLoss = network => Well.SubsetLoss(network).Detach() + network.Parameters().First().Sum() * 0,
            Loss = (network, step) => Well.Loss(network, step).Detach() + network.Parameters().First().Sum() * 0,
        };
        var findings = Examine(detached);
        Assert.That(findings["overfit a subset"].Verdict, Is.EqualTo(Verdict.Wrong));
        Assert.That(findings["gradient/weight ratio"].Verdict, Is.EqualTo(Verdict.Wrong));
        Assert.That(findings["gradient/weight ratio"].Text, Does.Contain("hardly move"));
        Assert.That(findings["learning rate and λ"].Verdict, Is.EqualTo(Verdict.Wrong));
    }

    [Test]
    public void A_learning_rate_far_too_large_is_flagged_as_an_explosion_that_stops_the_trial()
    {
        var findings = Examine(Well with { LearningRate = 10 });
        var explosion = findings["explosion"];
        Assert.That(explosion.Verdict, Is.EqualTo(Verdict.Wrong));
        Assert.That(explosion.Text, Does.Contain("learning rate 10 is too large"));
        Assert.That(explosion.Numbers.First(n => n.Name == "steps").Value, Is.LessThan(s_options.Steps));
        Assert.That(findings["gradient/weight ratio"].Verdict, Is.EqualTo(Verdict.Wrong));
        Assert.That(findings["learning rate and λ"].Verdict, Is.EqualTo(Verdict.Wrong));
    }

    [Test]
    public void A_loss_that_becomes_no_number_is_an_explosion() =>
        IsWrong(
            Well with
            {
                Loss = (network, step) => Well.Loss(network, step) * (step < 5 ? 1 : double.NaN),
            },
            "explosion",
            "stopped at step 5"
        );

    [Test]
    public void A_learning_rate_far_too_small_is_flagged_with_a_better_one()
    {
        IsWrong(Well with { LearningRate = 1e-7 }, "learning rate and λ", "take 0.01");
        IsWrong(Well with { LearningRate = 1e-7 }, "gradient/weight ratio", "raise the learning rate");
    }

    [Test]
    public void An_optimiser_that_is_not_told_of_the_decay_is_flagged() =>
        IsWrong(
            Well with
            {
                Optimize = (network, rate, _) => Well.Optimize(network, rate, 0),
            },
            "regularisation",
            "given the decay"
        );

    [Test]
    public void A_loss_that_is_flat_and_then_drops_is_flagged()
    {
        // As with first weights near a saddle: nothing for a while, then it goes.
        var steps = 0;
        IsWrong(
            Well with
            {
                Build = () =>
                {
                    steps = 0;
                    return Build();
                },
                Loss = (network, step) => Well.Loss(network, step) * (steps++ < 20 ? 1e-6 : 1) + (step < 20 ? 1.4 : 0),
            },
            "loss curve",
            "look at the first weights"
        );
    }

    [Test]
    public void A_grid_is_even_in_the_logarithm() =>
        Assert.That(
            DoctorOptions.LogGrid(1e-4, 1, 5),
            Is.EqualTo(new[] { 1e-4, 1e-3, 1e-2, 0.1, 1 }).Within(1e-9).Percent
        );
}
