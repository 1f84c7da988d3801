namespace CudaNet.Models;

/// <summary>
/// A graph of two communities that is drawn (a stochastic block model): nodes of one community are joined more often than those of different ones, and each
/// has a row of features that says a little about its community.
/// </summary>
/// <param name="Graph">Who is joined to whom.</param>
/// <param name="Features">(nodes, channels).</param>
/// <param name="Communities">0 or 1 for each node, i64: the first half is 0.</param>
/// <param name="Labelled">The nodes whose community is told, i64.</param>
/// <param name="Hidden">The others, i64.</param>
internal sealed record CommunityGraph(Graph Graph, Tensor Features, Tensor Communities, Tensor Labelled, Tensor Hidden)
{
    private const int Channels = 8;

    /// <summary>How far apart the means of the communities' features lie, in standard deviations, along each of the channels.</summary>
    private const double Signal = 0.5;

    /// <param name="nodes">How many, even.</param>
    /// <param name="inside">The probability of an edge within a community.</param>
    /// <param name="between">The probability of an edge between the two.</param>
    /// <param name="labelled">How many nodes of each community are told.</param>
    /// <param name="generator">Draws everything.</param>
    public static CommunityGraph Draw(int nodes, double inside, double between, int labelled, Generator generator)
    {
        using var frame = Lifetime.Frame();
        var half = nodes / 2;
        var chance = Tensor.Rand([nodes, nodes], dtype: DType.Float64, generator: generator).ToDoubles();
        var edges =
            from i in Enumerable.Range(0, nodes)
            from j in Enumerable.Range(i + 1, nodes - i - 1)
            where chance[i * nodes + j] < (i < half == j < half ? inside : between)
            select (i, j);
        var communities = Tensor.From<long>([.. Enumerable.Range(0, nodes).Select(i => i < half ? 0L : 1L)]);
        var mean = (communities.Cast(DType.Float32) - 0.5) * Signal;
        var features = mean.Unsqueeze(1) + Tensor.RandN([nodes, Channels], generator: generator);
        var order = Tensor.RandPerm(half, generator: generator).ToArray<long>();
        long[] told = [.. order[..labelled], .. order[..labelled].Select(i => i + half)];
        long[] untold = [.. Enumerable.Range(0, nodes).Select(i => (long)i).Except(told)];
        return new(
            new Graph(nodes, edges),
            frame.Return(features),
            frame.Return(communities),
            frame.Return(Tensor.From<long>(told)),
            frame.Return(Tensor.From<long>(untold))
        );
    }

    /// <summary>The share of edges that stay within a community.</summary>
    public double Homophily()
    {
        var half = Graph.Nodes / 2;
        return Graph.Edges.Count == 0 ? 0 : Graph.Edges.Average(e => e.From < half == e.To < half ? 1.0 : 0.0);
    }
}
