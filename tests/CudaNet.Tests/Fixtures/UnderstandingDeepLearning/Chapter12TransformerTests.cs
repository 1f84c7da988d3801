using CudaNet.Nn;
using static CudaNet.Tests.Fixtures.FixtureTensors;

namespace CudaNet.Tests.Fixtures.UnderstandingDeepLearning;

/// <summary>Problems of chapter 12 of "Understanding Deep Learning" (Prince 2023): attention. Rows are tokens, in the book columns.</summary>
[TestFixture]
public sealed class Chapter12TransformerTests
{
    private const int Tokens = 6;
    private const int Width = 4;

    private readonly Tensor[] _weights = [Draw(1, Width, Width), Draw(2, Width, Width), Draw(3, Width, Width)];
    private readonly Tensor[] _biases = [Draw(4, Width), Draw(5, Width), Draw(6, Width)];

    private Tensor Projected(Tensor x, int which) => x.Linear(_weights[which], _biases[which]);

    /// <summary>Self-attention without scaling, as the book has it.</summary>
    private Tensor Attention(Tensor x, bool isCausal = false) =>
        Projected(x, 0)
            .Unsqueeze(0)
            .ScaledDotProductAttention(
                Projected(x, 1).Unsqueeze(0),
                Projected(x, 2).Unsqueeze(0),
                scale: 1,
                isCausal: isCausal
            )
            .Squeeze(0);

    /// <summary>Queries, keys and values of N = 6 tokens of D = 4: 3D² weights, 3D biases and N² attention weights; a full layer would have D²N² and DN.</summary>
    [Test]
    public void Udl_12_1_ParameterCounts()
    {
        var qkv = new Linear(Width, 3 * Width);
        Assert.That((qkv.Weight.NumElements, qkv.Bias!.NumElements), Is.EqualTo((48L, 12L)));
        var full = new Linear(Tokens * Width, Tokens * Width);
        Assert.That((full.Weight.NumElements, full.Bias!.NumElements), Is.EqualTo((576L, 24L)));
        var x = Draw(7, Tokens, Width);
        Assert.That(Projected(x, 0).MatMul(Projected(x, 1).T).NumElements, Is.EqualTo(36));
    }

    /// <summary>Permuted tokens give the permuted result, exactly what a loop over queries gives: with queries and keys swapped, as printed, it would be another.</summary>
    [Test]
    public void Udl_12_3_PermutationEquivariance()
    {
        var x = Draw(7, Tokens, Width);
        var order = Tensor.From<long>([3, 0, 5, 1, 4, 2]);
        var result = Attention(x);
        Assert.That(Distance(Attention(x.IndexSelect(0, order)), result.IndexSelect(0, order)), Is.LessThan(1e-14));
        var (q, k, v) = (Projected(x, 0), Projected(x, 1), Projected(x, 2));
        for (var n = 0; n < Tokens; n++)
        {
            var weights = (k * q.Narrow(0, n, 1)).Sum(1).Softmax(0);
            Assert.That(weights.Sum().Item(), Is.EqualTo(1).Within(1e-14));
            var expected = (weights.Unsqueeze(1) * v).Sum(0);
            Assert.That(Distance(result.Select(0, n), expected), Is.LessThan(1e-13));
        }
        var swapped = k.MatMul(q.T).Softmax(1).MatMul(v);
        Assert.That(Distance(result, swapped), Is.GreaterThan(0.1));
    }

    /// <summary>With z = (−3, 1, 100, 5, −1) softmax is saturated: no element of its Jacobian is over 5.6·10⁻⁴².</summary>
    [Test]
    public void Udl_12_4_SaturatedSoftmax()
    {
        var z = Vector(-3, 1, 100, 5, -1);
        double[] expected = [1.85e-45, 1.01e-43, 1, 5.52e-42, 1.37e-44];
        Assert.That(z.Softmax(0).ToDoubles(), Is.EqualTo(expected).Within(0.5).Percent);
        // y(1 − y) of the largest is what rounding leaves of 1 − 1.
        var jacobian = Autograd.Jacobian(t => t.Softmax(0), z);
        Assert.That(jacobian.Abs().ToDoubles(), Is.All.LessThan(5.6e-42));
        Assert.That(Autograd.Jacobian(t => t.Softmax(0), z / 100.0).Abs().Max().Item(), Is.GreaterThan(0.1));
    }

    /// <summary>A new token changes no earlier result of causal attention: computed with the kept keys and values it is that of the whole pass.</summary>
    [Test]
    public void Udl_12_7_KeyValueCache()
    {
        var x = Draw(7, Tokens, Width);
        var whole = Attention(x, isCausal: true);
        Tensor? keys = null;
        Tensor? values = null;
        for (var n = 0; n < Tokens; n++)
        {
            var token = x.Narrow(0, n, 1);
            keys = keys is null ? Projected(token, 1) : Tensor.Concat([keys, Projected(token, 1)], 0);
            values = values is null ? Projected(token, 2) : Tensor.Concat([values, Projected(token, 2)], 0);
            var query = Projected(token, 0).Unsqueeze(0);
            var step = query.ScaledDotProductAttention(keys.Unsqueeze(0), values.Unsqueeze(0), scale: 1);
            Assert.That(Distance(step.Reshape(Width), whole.Select(0, n)), Is.LessThan(1e-13), $"token {n}");
        }
    }

    /// <summary>Attention over N = 256 patches costs N²D products per matrix, over D = 512 channels D²N.</summary>
    [Test]
    public void Udl_12_9_DaViTCost()
    {
        var x = Tensor.Zeros([256, 512]);
        double Products(Func<Tensor> scores)
        {
            using var cost = CostCounter.Start();
            scores();
            return cost.ByOp["matmul"].Flops / 2;
        }
        Assert.That(Products(() => x.MatMul(x.T)), Is.EqualTo(33_554_432));
        Assert.That(Products(() => x.T.MatMul(x)), Is.EqualTo(67_108_864));
    }

    /// <summary>Linear attention with a kernel g: what is summed over keys first, O(N), is what the N² weights give.</summary>
    [Test]
    public void Udl_12_10_LinearAttention()
    {
        static Tensor Features(Tensor t) => t.Elu() + 1;
        var x = Draw(7, Tokens, Width);
        var (q, k, v) = (Features(Projected(x, 0)), Features(Projected(x, 1)), Projected(x, 2));
        var weights = q.MatMul(k.T);
        var quadratic = (weights / weights.Sum(1, keepDim: true)).MatMul(v);
        var linear = q.MatMul(k.T.MatMul(v)) / q.MatMul(k.Sum(0).Unsqueeze(1));
        Assert.That(Distance(linear, quadratic), Is.LessThan(1e-14));
    }
}
