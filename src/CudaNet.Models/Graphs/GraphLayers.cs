using CudaNet.Nn;

namespace CudaNet.Models;

/// <summary>What a layer of a graph network works on.</summary>
/// <param name="Features">(nodes, channels).</param>
/// <param name="Graph">Who is whose neighbour.</param>
public readonly record struct NodeFeatures(Tensor Features, Graph Graph);

/// <summary>A layer that gives each node a new row: what a node gets depends on the graph, not on how its nodes are numbered.</summary>
public abstract class GraphLayer : Module<NodeFeatures, Tensor>
{
    /// <summary>(nodes, inputs) → (nodes, outputs).</summary>
    public Tensor Call(Tensor features, Graph graph)
    {
        graph.RequireNodes(features);
        return Call(new NodeFeatures(features, graph));
    }
}

/// <summary>
/// The sum aggregation of UDL's equation 13.7 and problem 13.7: each node's row times one matrix plus the sum of its neighbours' rows times another, H·Ωᵀ + A·H·Ψᵀ + β.
/// </summary>
public sealed class SumGraphLayer : GraphLayer
{
    private readonly Linear _self;
    private readonly Linear _neighbours;

    /// <summary>A layer of this many channels.</summary>
    public SumGraphLayer(long inputs, long outputs, DType dtype = DType.Float32, Generator? generator = null) =>
        (_self, _neighbours) = (
            AddModule("self", new Linear(inputs, outputs, true, dtype, null, generator)),
            AddModule("neighbours", new Linear(inputs, outputs, false, dtype, null, generator))
        );

    /// <inheritdoc/>
    protected override Tensor Forward(NodeFeatures input) =>
        _self.Call(input.Features) + _neighbours.Call(input.Graph.SumOfNeighbours(input.Features));
}

/// <summary>
/// A graph convolution (Kipf, Welling 2017): D̃^(−½)·(A + I)·D̃^(−½)·H·Wᵀ + b, with D̃ the degrees when each node is its own neighbour, too.
/// </summary>
public sealed class GcnLayer : GraphLayer
{
    private readonly Linear _linear;

    /// <summary>A layer of this many channels.</summary>
    public GcnLayer(long inputs, long outputs, DType dtype = DType.Float32, Generator? generator = null)
    {
        _linear = AddModule("linear", new Linear(inputs, outputs, false, dtype, null, generator));
        Bias = AddParameter("bias", Tensor.Zeros([outputs], dtype));
    }

    /// <summary>b, (outputs).</summary>
    public Tensor Bias { get; }

    /// <inheritdoc/>
    protected override Tensor Forward(NodeFeatures input)
    {
        var (features, graph) = input;
        var scale = (graph.Degrees + 1).Rsqrt().Cast(features.DType).Unsqueeze(1);
        var scaled = _linear.Call(features) * scale;
        return (graph.SumOfNeighbours(scaled) + scaled) * scale + Bias;
    }
}

/// <summary>
/// The mean of a node and its neighbours, (D + I)^(−1)·(A + I)·H, times a matrix: GraphSAGE's aggregation (Hamilton, Ying, Leskovec 2017) in the form of UDL's
/// problem 13.9.
/// </summary>
public sealed class GraphSageLayer : GraphLayer
{
    private readonly Linear _linear;

    /// <summary>A layer of this many channels.</summary>
    public GraphSageLayer(long inputs, long outputs, DType dtype = DType.Float32, Generator? generator = null) =>
        _linear = AddModule("linear", new Linear(inputs, outputs, true, dtype, null, generator));

    /// <summary>The mean of each node's row and its neighbours' rows, (nodes, channels).</summary>
    public static Tensor Mean(Tensor features, Graph graph)
    {
        var counts = (graph.Degrees + 1).Cast(features.DType).Unsqueeze(1);
        return (graph.SumOfNeighbours(features) + features) / counts;
    }

    /// <inheritdoc/>
    protected override Tensor Forward(NodeFeatures input) => _linear.Call(Mean(input.Features, input.Graph));
}

/// <summary>
/// Graph attention (Veličković et al. 2018): each node takes a mean of its own and its neighbours' transformed rows z, with weights softmax over them of
/// LeakyReLU(a·z_target + b·z_source). One head.
/// </summary>
public sealed class GraphAttentionLayer : GraphLayer
{
    private readonly Linear _linear;
    private readonly double _negativeSlope;

    /// <summary>A layer of this many channels.</summary>
    public GraphAttentionLayer(
        long inputs,
        long outputs,
        double negativeSlope = 0.2,
        DType dtype = DType.Float32,
        Generator? generator = null
    )
    {
        _negativeSlope = negativeSlope;
        _linear = AddModule("linear", new Linear(inputs, outputs, false, dtype, null, generator));
        TargetWeight = AddParameter("target", Init.GlorotUniform(Tensor.Empty([1, outputs], dtype), 1, generator));
        SourceWeight = AddParameter("source", Init.GlorotUniform(Tensor.Empty([1, outputs], dtype), 1, generator));
        Bias = AddParameter("bias", Tensor.Zeros([outputs], dtype));
    }

    /// <summary>a, (1, outputs).</summary>
    public Tensor TargetWeight { get; }

    /// <summary>b, (1, outputs).</summary>
    public Tensor SourceWeight { get; }

    /// <summary>(outputs).</summary>
    public Tensor Bias { get; }

    /// <summary>The weights, (nodes, nodes): row n says how much node n takes from each; rows sum to 1 and are 0 where there is no edge.</summary>
    public Tensor Attention(Tensor features, Graph graph) => Weights(_linear.Call(features), graph);

    /// <inheritdoc/>
    protected override Tensor Forward(NodeFeatures input)
    {
        var values = _linear.Call(input.Features);
        return Weights(values, input.Graph).MatMul(values) + Bias;
    }

    private Tensor Weights(Tensor values, Graph graph)
    {
        var scores = values.Linear(TargetWeight) + values.Linear(SourceWeight).T;
        var unseen = (graph.Adjacency + Tensor.Eye(graph.Nodes, null, DType.Float64, values.Device)).Eq(0);
        return scores.LeakyRelu(_negativeSlope).MaskedFill(unseen, double.NegativeInfinity).Softmax(1);
    }
}

/// <summary>
/// A layer that reads rows of the edges, too (UDL, problem 13.14): (A + I)·H·Ωᵀ + B·E·Φᵀ + β, with B the incidence of nodes and edges. (The size printed for Φ is that
/// of its transpose.)
/// </summary>
public sealed class NodeEdgeLayer : Module<(Tensor Nodes, Tensor Edges, Graph Graph), Tensor>
{
    private readonly Linear _nodes;
    private readonly Linear _edges;

    /// <summary>A layer of this many channels.</summary>
    public NodeEdgeLayer(
        long nodeInputs,
        long edgeInputs,
        long outputs,
        DType dtype = DType.Float32,
        Generator? generator = null
    ) =>
        (_nodes, _edges) = (
            AddModule("nodes", new Linear(nodeInputs, outputs, true, dtype, null, generator)),
            AddModule("edges", new Linear(edgeInputs, outputs, false, dtype, null, generator))
        );

    /// <summary>(nodes, nodeInputs) and (edges, edgeInputs), in the order of <see cref="Graph.Edges"/>, → (nodes, outputs).</summary>
    /// <exception cref="ShapeException">There are not as many rows as nodes and edges.</exception>
    protected override Tensor Forward((Tensor Nodes, Tensor Edges, Graph Graph) input)
    {
        var (nodes, edges, graph) = input;
        graph.RequireNodes(nodes);
        if (edges.Rank != 2 || edges.Shape[0] != graph.Edges.Count)
            throw new ShapeException(
                $"NodeEdgeLayer: expected ({graph.Edges.Count}, channels) features of the edges, got {edges.Shape}"
            );
        // An edge sends its row to both of its ends: in the order of the graph's targets, twice.
        var fromEdges = graph.Receive(Tensor.Concat([edges, edges], 0));
        return _nodes.Call(graph.SumOfNeighbours(nodes) + nodes) + _edges.Call(fromEdges);
    }
}

/// <summary>What a whole graph is said to be: one linear function of the mean row, which does not depend on the nodes' order (UDL, problem 13.6); (nodes, inputs) → (outputs).</summary>
public sealed class MeanReadout : Module<Tensor, Tensor>
{
    private readonly Linear _linear;

    /// <summary>A readout of this many channels.</summary>
    public MeanReadout(long inputs, long outputs, DType dtype = DType.Float32, Generator? generator = null) =>
        _linear = AddModule("linear", new Linear(inputs, outputs, true, dtype, null, generator));

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => _linear.Call(input.Mean(0, keepDim: true)).Squeeze(0);
}
