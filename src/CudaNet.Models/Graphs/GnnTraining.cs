using CudaNet.IO;
using CudaNet.Nn;
using CudaNet.Optim;
using CudaNet.Reporting;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>How a graph network is trained.</summary>
internal sealed record GnnSettings(int Epochs, double LearningRate, string Layer, long Seed);

/// <summary>A graph network with its graph: cross-entropy at the labelled nodes, minimised with AdamW.</summary>
/// <param name="network">Logits of all nodes.</param>
/// <param name="data">The graph.</param>
/// <param name="settings">How to train.</param>
internal sealed class GnnTraining(NodeClassifier network, CommunityGraph data, GnnSettings settings)
    : IPreparedRecipe,
        IReportSections
{
    private const string ModelPart = "model";

    public string Description =>
        $"{settings.Layer} graph network on {data.Graph.Nodes} nodes with {data.Graph.Edges.Count} edges, {data.Labelled.NumElements} nodes labelled";

    public long ParameterCount => network.ParameterCount;

    public void Restore(RunFolder folder) =>
        new ModuleState(network).LoadState(Checkpoint.Load(folder.CheckpointPath).Section(ModelPart));

    public IReadOnlyDictionary<string, double>? Run(RecipeRun run)
    {
        var optimizer = new AdamW(network.Parameters(), settings.LearningRate);
        var trainer = new Trainer<WholeGraph>(run.Folder, new WholeGraphs(), settings.Epochs)
        {
            Observer = run.Observer,
            // Nothing is chosen by what is found on the other nodes.
            Evaluate = () => [("test_accuracy", Accuracy(Logits()))],
        }
            .Track(ModelPart, new ModuleState(network))
            .Track("optimizer", new OptimizerState(optimizer));
        if (run.Resume)
            trainer.Resume();
        var finished = trainer.Run(_ => new StepResult(Step(optimizer, Logits)), run.Stop);
        if (!finished)
            return null;
        return new Dictionary<string, double>
        {
            ["test_accuracy"] = Accuracy(Logits()),
            ["features_only_accuracy"] = FeaturesOnly(),
            ["edges_within_communities"] = data.Homophily(),
            ["epochs"] = settings.Epochs,
            ["steps"] = trainer.Step,
            ["train_seconds"] = trainer.Seconds,
        };
    }

    public IReadOnlyList<ReportSection> ReportSections()
    {
        using var frame = Lifetime.Frame();
        var right = Right(Logits());
        var adjacency = data.Graph.Adjacency.ToDoubles();
        var pixels = adjacency.Select(edge => (byte)(edge == 0 ? 255 : 40)).ToArray();
        var picture = new Picture(pixels, data.Graph.Nodes, data.Graph.Nodes);
        return
        [
            new(
                "Graph",
                "The adjacency matrix, with the nodes of each community next to each other: two dark squares and what joins them.",
                [new PictureSheet([new(picture, null, "Adjacency matrix")], Width: 400)]
            ),
            new(
                "Nodes",
                "How many of the nodes that were not labelled are recognised, by the number of their neighbours.",
                [ByDegree(right)]
            ),
        ];
    }

    private Tensor Logits() => network.Call(new NodeFeatures(data.Features, data.Graph));

    private Tensor Step(AdamW optimizer, Func<Tensor> logits)
    {
        var labels = data.Communities.IndexSelect(0, data.Labelled);
        var loss = logits().IndexSelect(0, data.Labelled).CrossEntropy(labels);
        optimizer.ZeroGrad();
        loss.Backward();
        optimizer.Step();
        return loss;
    }

    /// <summary>1 for each hidden node whose community is found, else 0.</summary>
    private Tensor Right(Tensor logits) =>
        logits.ArgMax(1).Eq(data.Communities).Cast(DType.Float32).IndexSelect(0, data.Hidden);

    private double Accuracy(Tensor logits) => Right(logits).Mean().Item();

    /// <summary>What a network of the same size reaches that is trained in the same way but does not see the edges.</summary>
    private double FeaturesOnly()
    {
        var blind = GnnRecipe.WithoutGraph(data.Features.Shape[1], new Generator(settings.Seed));
        var optimizer = new AdamW(blind.Parameters(), settings.LearningRate);
        for (var step = 0; step < settings.Epochs; step++)
        {
            using var frame = Lifetime.Frame();
            Step(optimizer, () => blind.Call(data.Features));
        }
        return Accuracy(blind.Call(data.Features));
    }

    private ReportTable ByDegree(Tensor right)
    {
        var degrees = data.Graph.Degrees.IndexSelect(0, data.Hidden).ToDoubles();
        var groups = degrees
            .Zip(right.ToDoubles(), (degree, found) => (Degree: (int)degree, Found: found))
            .GroupBy(node => node.Degree / 5)
            .OrderBy(group => group.Key);
        return new ReportTable(
            ["neighbours", "nodes", "recognised"],
            [
                .. groups.Select(
                    IReadOnlyList<string> (group) =>
                        [
                            $"{group.Key * 5} to {group.Key * 5 + 4}",
                            Numbers.General(group.Count()),
                            Numbers.Percent(group.Average(node => node.Found)),
                        ]
                ),
            ]
        );
    }

    /// <summary>A step sees the whole graph, which the training holds: there is nothing to cut into batches.</summary>
    private readonly record struct WholeGraph : IBatch
    {
        public int Count => 1;
    }

    private sealed class WholeGraphs : IBatches<WholeGraph>
    {
        public int Count => 1;

        public WholeGraph Get(long epoch, int index) => default;
    }
}
