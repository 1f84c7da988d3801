using CudaNet.Nn;

namespace CudaNet.Models;

/// <summary>
/// Classifies the nodes of a graph, of which few are labelled (Kipf, Welling 2017): two graph layers on a drawn graph of two communities, next to a network of the
/// same size that does not see the edges.
/// </summary>
public sealed class GnnRecipe : IRecipe
{
    private const int HiddenChannels = 16;

    private static readonly Dictionary<string, Func<long, long, Generator, GraphLayer>> s_layers = new()
    {
        ["gcn"] = (i, o, random) => new GcnLayer(i, o, generator: random),
        ["sage"] = (i, o, random) => new GraphSageLayer(i, o, generator: random),
        ["attention"] = (i, o, random) => new GraphAttentionLayer(i, o, generator: random),
        ["sum"] = (i, o, random) => new SumGraphLayer(i, o, generator: random),
    };

    /// <summary>The recipe.</summary>
    public static GnnRecipe Instance { get; } = new();

    private GnnRecipe() { }

    /// <inheritdoc/>
    public string Name => "gnn";

    /// <inheritdoc/>
    public string Description => "Graph network that classifies the nodes of a drawn graph of two communities.";

    /// <inheritdoc/>
    public IReadOnlyList<RecipeOption> Options { get; } =
    [
        new("layer", "LAYER", "gcn", $"The kind of graph layer: {string.Join(", ", s_layers.Keys)}."),
        new("epochs", "N", "100", "Steps; each sees the whole graph."),
        new("lr", "X", "0.01", "Learning rate of AdamW."),
        new("nodes", "N", "400", "Nodes of the graph, half of them in each community."),
        new("inside", "P", "0.04", "Probability of an edge within a community."),
        new("between", "P", "0.01", "Probability of an edge between communities."),
        new("labels", "N", "10", "Labelled nodes of each community; the others are for testing."),
        new("seed", "N", "1", "Chooses the graph and the first weights."),
    ];

    /// <inheritdoc/>
    public IPreparedRecipe Prepare(RecipeOptions options, bool loadData = true)
    {
        var kind = options.TextOrNull("layer")!;
        if (!s_layers.TryGetValue(kind, out var layer))
            throw new RecipeOptionException($"--layer {kind}: expected one of {string.Join(", ", s_layers.Keys)}");
        var nodes = options.Int("nodes", 4, 20_000);
        if (nodes % 2 == 1)
            throw new RecipeOptionException($"--nodes {nodes}: expected an even number");
        var labels = options.Int("labels", 1, nodes / 2 - 1);
        var (inside, between) = (Probability(options, "inside"), Probability(options, "between"));
        var seed = options.Long("seed", 0);
        var settings = new GnnSettings(options.Int("epochs"), options.Positive("lr"), kind, seed);
        // The graph is its own test set: there is nothing that could be tried without it.
        var data = CommunityGraph.Draw(nodes, inside, between, labels, new Generator(seed) { Offset = 1L << 40 });
        var random = new Generator(seed);
        var channels = data.Features.Shape[1];
        var network = new NodeClassifier(
            layer(channels, HiddenChannels, random),
            layer(HiddenChannels, NodeClassifier.Classes, random)
        );
        return new GnnTraining(network, data, settings);
    }

    private static double Probability(RecipeOptions options, string name) =>
        options.Positive(name) is var p and <= 1
            ? p
            : throw new RecipeOptionException(
                $"--{name} {options.TextOrNull(name)}: expected a probability, at most 1"
            );

    /// <summary>The same without edges: what the features alone can tell.</summary>
    internal static Sequential WithoutGraph(long channels, Generator random) =>
        new(
            new Linear(channels, HiddenChannels, generator: random),
            new Relu(),
            new Linear(HiddenChannels, NodeClassifier.Classes, generator: random)
        );
}

/// <summary>Two graph layers with ReLU between them: features → logits of the classes, (nodes, 2).</summary>
internal sealed class NodeClassifier : Module<NodeFeatures, Tensor>
{
    public const int Classes = 2;

    private readonly GraphLayer _first;
    private readonly GraphLayer _second;

    public NodeClassifier(GraphLayer first, GraphLayer second) =>
        (_first, _second) = (AddModule("first", first), AddModule("second", second));

    protected override Tensor Forward(NodeFeatures input) =>
        _second.Call(_first.Call(input.Features, input.Graph).Relu(), input.Graph);
}
