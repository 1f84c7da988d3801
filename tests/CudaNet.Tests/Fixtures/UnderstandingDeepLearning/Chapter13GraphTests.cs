using CudaNet.Models;
using static CudaNet.Tests.Fixtures.FixtureTensors;

namespace CudaNet.Tests.Fixtures.UnderstandingDeepLearning;

/// <summary>Problems of chapter 13 of "Understanding Deep Learning" (Prince 2023): graph networks. Rows are nodes, in the book columns.</summary>
[TestFixture]
public sealed class Chapter13GraphTests
{
    /// <summary>The first matrix of problem 13.2.</summary>
    private static Graph First { get; } =
        new(7, [(0, 1), (0, 2), (1, 3), (1, 4), (1, 5), (2, 5), (2, 6), (3, 5), (3, 6), (4, 6)]);

    /// <summary>A graph with the degrees and numbers of walks that belong to the second one.</summary>
    private static Graph Second { get; } =
        new(7, [(0, 2), (0, 3), (0, 6), (1, 2), (1, 3), (1, 4), (3, 4), (3, 5), (3, 6), (4, 6), (5, 6)]);

    private static readonly int[] s_order = [3, 0, 6, 1, 5, 2, 4];

    private static Tensor Order { get; } = Tensor.From(s_order.Select(i => (long)i).ToArray());

    private static GraphLayer[] Layers() =>
        [
            new SumGraphLayer(3, 5, DType.Float64, new Generator(1)),
            new GcnLayer(3, 5, DType.Float64, new Generator(2)),
            new GraphSageLayer(3, 5, DType.Float64, new Generator(3)),
            new GraphAttentionLayer(3, 5, 0.2, DType.Float64, new Generator(4)),
        ];

    /// <summary>The adjacency matrices are symmetric, with zeros on the diagonal and the degrees 2433233 and 3325324.</summary>
    [Test]
    public void Udl_13_2_AdjacencyMatrices()
    {
        foreach (var (graph, degrees) in new[] { (First, "2433233"), (Second, "3325324") })
        {
            var a = graph.Adjacency;
            Assert.That(Distance(a, a.T), Is.Zero);
            Assert.That((a * Tensor.Eye(7, null, DType.Float64)).ToDoubles(), Is.All.Zero);
            Assert.That(string.Concat(a.Sum(1).ToDoubles()), Is.EqualTo(degrees));
            Assert.That(string.Concat(graph.Degrees.ToDoubles()), Is.EqualTo(degrees));
            Assert.That(Graph.FromAdjacency(a).Edges, Is.EquivalentTo(graph.Edges));
        }
    }

    /// <summary>Walks from node 1 to node 2 in 3 and in 7 steps: (A^K)₁₂.</summary>
    [Test]
    public void Udl_13_3_Walks()
    {
        double Walks(Graph graph, int length) => graph.WalkCounts(length).Select(0, 0).Select(0, 1).Item();
        Assert.That((Walks(First, 3), Walks(First, 7)), Is.EqualTo((6.0, 321.0)));
        Assert.That((Walks(Second, 3), Walks(Second, 7)), Is.EqualTo((3.0, 573.0)));
    }

    /// <summary>Walks of two steps from a node to itself are as many as it has neighbours.</summary>
    [Test]
    public void Udl_13_4_WalksOfTwoSteps()
    {
        var back = (First.WalkCounts(2) * Tensor.Eye(7, null, DType.Float64)).Sum(1);
        Assert.That(back.ToDoubles(), Is.EqualTo(First.Degrees.ToDoubles()));
    }

    /// <summary>A readout of the mean does not depend on the order of the nodes.</summary>
    [Test]
    public void Udl_13_6_ReadoutInvariance()
    {
        var (h, readout) = (Draw(1, 7, 3), new MeanReadout(3, 1, DType.Float64, new Generator(2)));
        var permuted = readout.Call(h.IndexSelect(0, Order)).Sigmoid();
        Assert.That(Distance(permuted, readout.Call(h).Sigmoid()), Is.LessThan(1e-15));
    }

    /// <summary>GraphLayer[H, A]·P = GraphLayer[H·P, Pᵀ·A·P], of every layer; and the printed layer is Ω·H + Ψ·H·A + β.</summary>
    [Test]
    public void Udl_13_7_PermutationEquivariance()
    {
        var h = Draw(1, 7, 3);
        foreach (var layer in Layers())
        {
            var permuted = layer.Call(h.IndexSelect(0, Order), First.Permute(s_order));
            var expected = layer.Call(h, First).IndexSelect(0, Order);
            Assert.That(Distance(permuted, expected), Is.LessThan(1e-14), layer.GetType().Name);
        }
        var sum = Layers()[0];
        var state = sum.StateDict();
        var own = h.Linear(state["self.weight"], state["self.bias"]);
        var matrices = own + First.Adjacency.MatMul(h).Linear(state["neighbours.weight"]);
        Assert.That(Distance(sum.Call(h, First), matrices), Is.LessThan(1e-14));
    }

    /// <summary>The same through gradients: the derivative with respect to a node's row moves with the node.</summary>
    [Test]
    public void Udl_13_7_GradientsArePermutedToo()
    {
        foreach (var layer in Layers())
        {
            var (h, g) = (Leaf(Draw(1, 7, 3)), Draw(2, 7, 5));
            var plain = Autograd.Grad([layer.Call(h, First)], [h], [g])[0];
            var moved = Leaf(h.Detach().IndexSelect(0, Order));
            var output = layer.Call(moved, First.Permute(s_order));
            var permuted = Autograd.Grad([output], [moved], [g.IndexSelect(0, Order)])[0];
            Assert.That(Distance(permuted, plain.IndexSelect(0, Order)), Is.LessThan(1e-14), layer.GetType().Name);
        }
    }

    /// <summary>The mean over a node and its neighbours is H·(A + I)·(D + I)⁻¹; rows of ones stay ones.</summary>
    [Test]
    public void Udl_13_9_GraphSageMean()
    {
        var h = Draw(1, 7, 3);
        var own = First.Adjacency + Tensor.Eye(7, null, DType.Float64);
        var expected = own.MatMul(h) / own.Sum(1, keepDim: true);
        Assert.That(Distance(GraphSageLayer.Mean(h, First), expected), Is.LessThan(1e-15));
        var ones = GraphSageLayer.Mean(Tensor.Ones([7, 2], DType.Float64), First);
        Assert.That(ones.ToDoubles(), Is.All.EqualTo(1).Within(1e-15));
    }

    /// <summary>Graph attention: a softmax over each node and its neighbours, 0 elsewhere.</summary>
    [Test]
    public void Udl_13_10_GraphAttention()
    {
        var layer = (GraphAttentionLayer)Layers()[3];
        var h = Draw(1, 7, 3);
        var weights = layer.Attention(h, First);
        Assert.That(weights.Sum(1).ToDoubles(), Is.All.EqualTo(1).Within(1e-14));
        var seen = First.Adjacency + Tensor.Eye(7, null, DType.Float64);
        Assert.That(weights.Gt(0).ToDoubles(), Is.EqualTo(seen.ToDoubles()));
        // Node 1 by hand: it sees itself and nodes 2 and 3.
        var z = h.Linear(layer.StateDict()["linear.weight"]);
        var scores = (z.Linear(layer.TargetWeight).Select(0, 0) + z.Linear(layer.SourceWeight).Squeeze(1)).Narrow(
            0,
            0,
            3
        );
        var expected = (scores.LeakyRelu(0.2).Softmax(0).Unsqueeze(1) * z.Narrow(0, 0, 3)).Sum(0);
        Assert.That(Distance(layer.Call(h, First).Select(0, 0), expected), Is.LessThan(1e-14));
    }

    /// <summary>The edge graph of a triangle with a tail, whose edges are 01, 12, 02, 23: BᵀB − 2I; and B·Bᵀ = A + D.</summary>
    [Test]
    public void Udl_13_13_EdgeGraph()
    {
        var graph = new Graph(4, [(0, 1), (1, 2), (0, 2), (2, 3)]);
        double[] expected = [0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 0];
        Assert.That(graph.EdgeGraph().Adjacency.ToDoubles(), Is.EqualTo(expected));
        var b = graph.Incidence();
        var degrees = Tensor.Eye(4, null, DType.Float64) * graph.Degrees;
        Assert.That(Distance(b.MatMul(b.T), graph.Adjacency + degrees), Is.Zero);
    }

    /// <summary>A layer that reads edges, too: (A + I)·H·Ωᵀ + B·E·Φᵀ + β.</summary>
    [Test]
    public void Udl_13_14_NodeAndEdgeLayer()
    {
        var layer = new NodeEdgeLayer(3, 2, 5, DType.Float64, new Generator(1));
        var (h, e) = (Draw(1, 7, 3), Draw(2, First.Edges.Count, 2));
        var state = layer.StateDict();
        var nodes = (First.Adjacency + Tensor.Eye(7, null, DType.Float64)).MatMul(h);
        var expected =
            nodes.Linear(state["nodes.weight"], state["nodes.bias"])
            + First.Incidence().MatMul(e).Linear(state["edges.weight"]);
        Assert.That(Distance(layer.Call((h, e, First)), expected), Is.LessThan(1e-14));
    }

    /// <summary>A graph convolution is D̃^(−½)(A + I)D̃^(−½)·H·Wᵀ, here by its matrices.</summary>
    [Test]
    public void Udl_13_GraphConvolutionByMatrices()
    {
        var (layer, h) = (Layers()[1], Draw(1, 7, 3));
        var own = First.Adjacency + Tensor.Eye(7, null, DType.Float64);
        var root = own.Sum(1).Rsqrt();
        var normalised = root.Unsqueeze(1) * own * root.Unsqueeze(0);
        var expected = normalised.MatMul(h).Linear(layer.StateDict()["linear.weight"]);
        Assert.That(Distance(layer.Call(h, First), expected), Is.LessThan(1e-14));
    }
}
