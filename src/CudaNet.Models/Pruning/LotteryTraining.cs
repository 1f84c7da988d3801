using System.Globalization;
using CudaNet.Data;
using CudaNet.Nn;
using CudaNet.Optim;
using CudaNet.Reporting;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>How tickets are looked for.</summary>
internal sealed record LotterySettings(
    double Sparsity,
    int Rounds,
    int Seeds,
    int Epochs,
    int BatchSize,
    double LearningRate,
    long Seed
);

/// <summary>Where the weights and the mask of a training come from.</summary>
internal enum LotteryKind
{
    /// <summary>All weights.</summary>
    Dense,

    /// <summary>The first weights again, less the smallest that the training before has left.</summary>
    Ticket,

    /// <summary>The last mask with other first weights.</summary>
    Reinitialized,
}

/// <summary>One training.</summary>
/// <param name="Repetition">Chooses the first weights.</param>
/// <param name="Kind">What is trained.</param>
/// <param name="Sparsity">The share of the weights that is pruned.</param>
internal sealed record LotteryMember(int Repetition, LotteryKind Kind, double Sparsity);

/// <summary>For each repetition the whole network, tickets of growing sparsity, and the last mask with new weights.</summary>
internal sealed class LotteryTraining(LotterySettings settings, Lazy<TrainTestImages> data, string source)
    : TrainingSeries<LotteryMember>(Series(settings))
{
    private MagnitudePruning? _pruning;
    private MagnitudePruning? _inherited;

    public override string Description =>
        $"lottery tickets on {data.Value.Train.Count.ToString("N0", CultureInfo.InvariantCulture)} {source}, {settings.Seeds} × {settings.Rounds} rounds to {Numbers.Percent(settings.Sparsity, 1)} sparsity";

    public override long ParameterCount => Build(Members[0]).ParameterCount;

    protected override int Steps => Batches(Members[0]).Count * settings.Epochs;

    protected override IBatches<ImageBatch> Batches(LotteryMember member) =>
        new ImageBatches(data.Value.Train, settings.BatchSize, seed: Seed(member.Repetition));

    protected override Module<Tensor, Tensor> Build(LotteryMember member)
    {
        // Far from the seeds of the repetitions themselves.
        const long Apart = 1_000_000;
        var seed = (long)Seed(member.Repetition) + (member.Kind == LotteryKind.Reinitialized ? Apart : 0);
        var random = new Generator(seed);
        var layers = new[] { DigitTraining.Pixels, 300, 100, DigitTraining.Classes };
        var linear = layers.Zip(layers.Skip(1), (from, to) => new Linear(from, to, generator: random)).ToList();
        foreach (var layer in linear)
        {
            Init.GlorotNormal(layer.Weight, generator: random);
            Init.Zeros(layer.Bias!);
        }
        return new Sequential(linear[0], new Relu(), linear[1], new Relu(), linear[2]);
    }

    protected override Optimizer Optimize(Module<Tensor, Tensor> model) =>
        new Adam(model.Parameters(), learningRate: settings.LearningRate);

    protected override IStateful Extra(Module<Tensor, Tensor> model)
    {
        // OnBegin says what becomes of the mask of the network before.
        (_inherited, _pruning) = (_pruning, new MagnitudePruning(Weights(model)));
        return new PruningState(_pruning);
    }

    protected override void OnBegin(LotteryMember member, Module<Tensor, Tensor>? previous)
    {
        if (member.Kind == LotteryKind.Dense)
            return;
        if (member.Kind == LotteryKind.Ticket)
            _inherited!.PruneGlobal(member.Sparsity);
        _pruning!.CopyMasks(_inherited!);
    }

    protected override void OnStep() => _pruning!.Apply();

    protected override IReadOnlyList<(string Name, double Value)> Judge(LotteryMember member)
    {
        var predictions = DigitPredictions.Of(Model, data.Value.Test);
        return
        [
            ("test_loss", predictions.Loss),
            ("test_accuracy", predictions.Accuracy),
            ("sparsity", _pruning!.Sparsity),
        ];
    }

    protected override Dictionary<string, double> Summarize()
    {
        var (dense, ticket, other) = (
            Mean(LotteryKind.Dense, 0),
            Mean(LotteryKind.Ticket, settings.Sparsity),
            Mean(LotteryKind.Reinitialized, settings.Sparsity)
        );
        return new()
        {
            ["dense_accuracy"] = dense,
            ["ticket_accuracy"] = ticket,
            ["reinitialized_accuracy"] = other,
            ["ticket_minus_dense_points"] = 100 * (ticket - dense),
            ["ticket_minus_reinitialized_points"] = 100 * (ticket - other),
            ["sparsity"] = settings.Sparsity,
        };
    }

    public override IReadOnlyList<ReportSection> ReportSections()
    {
        var outcomes = Outcomes("test_accuracy");
        var sparsities = Members.Select(member => member.Sparsity).Distinct().Order().ToList();
        var lines = new List<ChartLine>
        {
            new(
                "tickets",
                [
                    .. from sparsity in sparsities
                    let kind = sparsity == 0 ? LotteryKind.Dense : LotteryKind.Ticket
                    let mean = Mean(kind, sparsity)
                    where double.IsFinite(mean)
                    select (100 * sparsity, mean),
                ]
            ),
        };
        if (Mean(LotteryKind.Reinitialized, settings.Sparsity) is var other && double.IsFinite(other))
            lines.Add(new("new weights", [(100 * settings.Sparsity, other)]));
        return
        [
            new(
                "Tickets",
                $"Test accuracy by the share of the weights that is pruned, in percent; means of {settings.Seeds} repetitions. Each \"epoch\" above is one whole training.",
                [
                    new LineChart("Accuracy", "% of the weights pruned", lines, IsShare: true),
                    new ReportTable(
                        ["repetition", "weights", "pruned", "test accuracy"],
                        [
                            .. outcomes.Select(
                                IReadOnlyList<string> (outcome) =>
                                    [
                                        $"{outcome.Member.Repetition + 1}",
                                        Words(outcome.Member.Kind),
                                        Numbers.Percent(outcome.Member.Sparsity, 1),
                                        Numbers.Percent(outcome.Value),
                                    ]
                            ),
                        ]
                    ),
                ]
            ),
        ];
    }

    private static string Words(LotteryKind kind) =>
        kind switch
        {
            LotteryKind.Dense => "all",
            LotteryKind.Ticket => "ticket",
            _ => "ticket's mask, new weights",
        };

    private double Mean(LotteryKind kind, double sparsity) =>
        Outcomes("test_accuracy")
            .Where(outcome => outcome.Member.Kind == kind && outcome.Member.Sparsity == sparsity)
            .Select(outcome => outcome.Value)
            .DefaultIfEmpty(double.NaN)
            .Average();

    private ulong Seed(int repetition) => (ulong)(settings.Seed + repetition);

    private static IEnumerable<Tensor> Weights(Module<Tensor, Tensor> model) =>
        model.Parameters().Where(parameter => parameter.Rank == 2);

    private static List<LotteryMember> Series(LotterySettings settings)
    {
        var members = new List<LotteryMember>();
        for (var repetition = 0; repetition < settings.Seeds; repetition++)
        {
            members.Add(new(repetition, LotteryKind.Dense, 0));
            for (var round = 1; round < settings.Rounds; round++)
                members.Add(
                    new(
                        repetition,
                        LotteryKind.Ticket,
                        1 - Math.Pow(1 - settings.Sparsity, (double)round / settings.Rounds)
                    )
                );
            members.Add(new(repetition, LotteryKind.Ticket, settings.Sparsity));
            members.Add(new(repetition, LotteryKind.Reinitialized, settings.Sparsity));
        }
        return members;
    }
}
