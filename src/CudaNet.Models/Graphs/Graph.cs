namespace CudaNet.Models;

/// <summary>
/// An undirected graph without loops and multiple edges: its edges as index tensors, for layers that gather and scatter, and its matrices. Rows of node
/// features are nodes, so that the books' H, with nodes in columns, is the transpose.
/// </summary>
public sealed class Graph
{
    private Tensor? _adjacency;
    private Tensor? _degrees;

    /// <summary>A graph of these edges, on the default device.</summary>
    /// <param name="nodes">How many nodes there are; they are numbered from 0.</param>
    /// <param name="edges">Each edge once, in either direction.</param>
    /// <exception cref="ArgumentException">An edge is a loop, comes twice, or names no node.</exception>
    public Graph(int nodes, IEnumerable<(int From, int To)> edges)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(nodes, 1);
        Nodes = nodes;
        Edges = [.. edges.Select(edge => (Math.Min(edge.From, edge.To), Math.Max(edge.From, edge.To)))];
        foreach (var (from, to) in Edges)
            if (from < 0 || to >= nodes || from == to)
                throw new ArgumentException(
                    $"the edge {from}–{to} is none between two different nodes of {nodes}",
                    nameof(edges)
                );
        if (Edges.Distinct().Count() < Edges.Count)
            throw new ArgumentException("an edge comes twice", nameof(edges));
        Sources = Index([.. Edges.Select(e => (long)e.From), .. Edges.Select(e => (long)e.To)]);
        Targets = Index([.. Edges.Select(e => (long)e.To), .. Edges.Select(e => (long)e.From)]);
    }

    /// <summary>The graph of a symmetric matrix of zeros and ones with zeros on its diagonal.</summary>
    /// <exception cref="ArgumentException">It is none.</exception>
    public static Graph FromAdjacency(Tensor adjacency)
    {
        if (adjacency.Rank != 2 || adjacency.Shape[0] != adjacency.Shape[1])
            throw new ArgumentException($"an adjacency matrix is square, got {adjacency.Shape}", nameof(adjacency));
        var nodes = (int)adjacency.Shape[0];
        var values = adjacency.ToDoubles();
        var edges = new List<(int, int)>();
        for (var i = 0; i < nodes; i++)
        for (var j = 0; j < nodes; j++)
        {
            var value = values[i * nodes + j];
            if (value != values[j * nodes + i] || value is not (0 or 1) || (i == j && value != 0))
                throw new ArgumentException(
                    $"element ({i}, {j}) is {value}; expected a symmetric matrix of zeros and ones with zeros on its diagonal",
                    nameof(adjacency)
                );
            if (i < j && value == 1)
                edges.Add((i, j));
        }
        return new Graph(nodes, edges);
    }

    /// <summary>The number of nodes.</summary>
    public int Nodes { get; }

    /// <summary>The edges, the lower node first, in the order in which they were given.</summary>
    public IReadOnlyList<(int From, int To)> Edges { get; }

    /// <summary>Where messages come from, i64: each edge in one direction, then each in the other; (2 · edges).</summary>
    public Tensor Sources { get; }

    /// <summary>Where messages go to, as <see cref="Sources"/>.</summary>
    public Tensor Targets { get; }

    /// <summary>A, (nodes, nodes), f64: 1 where there is an edge.</summary>
    public Tensor Adjacency =>
        _adjacency ??= Tensor
            .Zeros([(long)Nodes * Nodes], DType.Float64)
            .ScatterAdd(0, Sources * (double)Nodes + Targets, Tensor.Ones([Sources.NumElements], DType.Float64))
            .Reshape(Nodes, Nodes)
            .Keep();

    /// <summary>How many neighbours each node has, (nodes), f64.</summary>
    public Tensor Degrees =>
        _degrees ??= Tensor
            .Zeros([Nodes], DType.Float64)
            .ScatterAdd(0, Targets, Tensor.Ones([Targets.NumElements], DType.Float64))
            .Keep();

    /// <summary>B, (nodes, edges), f64: 1 where an edge ends at a node. B·Bᵀ = A + D.</summary>
    public Tensor Incidence()
    {
        var edges = Edges.Count;
        var values = new double[Nodes * edges];
        for (var e = 0; e < edges; e++)
            values[Edges[e].From * edges + e] = values[Edges[e].To * edges + e] = 1;
        return Tensor.From(values, [Nodes, edges]);
    }

    /// <summary>The graph whose nodes are this one's edges, joined where they share a node: its adjacency is Bᵀ·B − 2I (UDL, problem 13.13).</summary>
    public Graph EdgeGraph()
    {
        var incidence = Incidence();
        return FromAdjacency(incidence.T.MatMul(incidence) - 2 * Tensor.Eye(Edges.Count, null, DType.Float64));
    }

    /// <summary>How many walks of <paramref name="length"/> steps lead from each node to each, A^length, f64: exact up to 2⁵³ (UDL, problem 13.3).</summary>
    public Tensor WalkCounts(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        var walks = Tensor.Eye(Nodes, null, DType.Float64);
        for (var step = 0; step < length; step++)
            walks = walks.MatMul(Adjacency);
        return walks;
    }

    /// <summary>The same graph with other numbers: node i of the result is node permutation[i] of this one.</summary>
    /// <exception cref="ArgumentException">The permutation does not name each node once.</exception>
    public Graph Permute(IReadOnlyList<int> permutation)
    {
        if (!permutation.Order().SequenceEqual(Enumerable.Range(0, Nodes)))
            throw new ArgumentException($"expected each of the nodes 0 … {Nodes - 1} once", nameof(permutation));
        var place = new int[Nodes];
        for (var i = 0; i < Nodes; i++)
            place[permutation[i]] = i;
        return new Graph(Nodes, Edges.Select(edge => (place[edge.From], place[edge.To])));
    }

    /// <summary>A·H without the matrix: for each node the sum of its neighbours' rows. Memory and time grow with the edges, not with the square of the nodes.</summary>
    /// <param name="features">H, (nodes, channels).</param>
    /// <exception cref="ShapeException">There are not as many rows as nodes.</exception>
    public Tensor SumOfNeighbours(Tensor features)
    {
        RequireNodes(features);
        return Receive(features.IndexSelect(0, Sources));
    }

    /// <summary>The sum, for each node, of the messages that come to it.</summary>
    /// <param name="messages">(2 · edges, channels), in the order of <see cref="Targets"/>.</param>
    internal Tensor Receive(Tensor messages)
    {
        var channels = messages.Shape[1];
        var places = Targets.Unsqueeze(1).Expand(messages.Shape.Dims).Contiguous();
        return Tensor.Zeros([Nodes, channels], messages.DType, messages.Device).ScatterAdd(0, places, messages);
    }

    internal void RequireNodes(Tensor features)
    {
        if (features.Rank != 2 || features.Shape[0] != Nodes)
            throw new ShapeException(
                $"Graph: expected ({Nodes}, channels) features of the nodes, got {features.Shape}"
            );
    }

    private static Tensor Index(long[] values) => Tensor.From<long>(values).Keep();
}
