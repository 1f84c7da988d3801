using CudaNet.Models;
using CudaNet.Nn;
using static CudaNet.Tests.Fixtures.FixtureTensors;

namespace CudaNet.Tests.Fixtures.UnderstandingDeepLearning;

/// <summary>Problems of chapter 4 of "Understanding Deep Learning" (Prince 2023): several hidden layers.</summary>
[TestFixture]
public sealed class Chapter04DeepNetworkTests
{
    private static long[] Deep(int layers, long width) => [1, .. Enumerable.Repeat(width, layers), 1];

    /// <summary>ReLU(β₁ + λ₁Ω₁ReLU(β₀ + λ₀Ω₀x)) = λ₀λ₁·ReLU(β₁/(λ₀λ₁) + Ω₁ReLU(β₀/λ₀ + Ω₀x)) for positive λ.</summary>
    [Test]
    public void Udl_4_3_RescalingIdentity()
    {
        var (x, omega0, omega1) = (Draw(1, 50, 3), Draw(2, 4, 3), Draw(3, 2, 4));
        var (beta0, beta1) = (Draw(4, 4), Draw(5, 2));
        const double Lambda0 = 0.25;
        const double Lambda1 = 3;
        var left = x.Linear(Lambda0 * omega0, beta0).Relu().Linear(Lambda1 * omega1, beta1).Relu();
        const double Both = Lambda0 * Lambda1;
        var right = Both * x.Linear(omega0, beta0 / Lambda0).Relu().Linear(omega1, beta1 / Both).Relu();
        Assert.That(Distance(left, right), Is.LessThan(1e-14));
        Assert.That(left.Max().Item(), Is.GreaterThan(1));
    }

    /// <summary>The sizes of the matrices of a 5-20-10-7-4 network, and 439 parameters.</summary>
    [Test]
    public void Udl_4_4_Sizes()
    {
        var network = Dense(5, 20, 10, 7, 4);
        Shape[] expected =
        [
            [20, 5],
            [20],
            [10, 20],
            [10],
            [7, 10],
            [7],
            [4, 7],
            [4],
        ];
        Assert.That(network.Parameters().Select(p => p.Shape), Is.EqualTo(expected));
        Assert.That(network.ParameterCount, Is.EqualTo(439));
    }

    /// <summary>Twenty hidden layers of thirty units: depth 20, width 30, and one bias per unit.</summary>
    [Test]
    public void Udl_4_5_DepthAndWidth()
    {
        var biases = Dense(Deep(20, 30)).Parameters().Where(p => p.Rank == 1).ToList();
        Assert.That(biases.SkipLast(1).Select(b => b.NumElements), Is.EqualTo(Enumerable.Repeat(30L, 20)));
    }

    /// <summary>With ten layers of ten units another unit per layer adds more weights than another layer.</summary>
    [Test]
    public void Udl_4_6_DepthOrWidth()
    {
        long Weights(int layers, long width) =>
            Dense(Deep(layers, width)).Parameters().Where(p => p.Rank == 2).Sum(p => p.NumElements);
        Assert.That(Weights(10, 10), Is.EqualTo(920));
        Assert.That(Weights(11, 10), Is.EqualTo(1020));
        Assert.That(Weights(10, 11), Is.EqualTo(1111));
    }

    /// <summary>A network that is the identity on [a, b].</summary>
    [Test]
    public void Udl_4_7_IdentityOnAnInterval()
    {
        const double A = -1.5;
        var network = new ShallowNetwork(A, [new(-A, 1, 1), new(0, 1, 0), new(0, 1, 0)]);
        var x = Tensor.Linspace(A, 4, 100, DType.Float64).Unsqueeze(1);
        Assert.That(Distance(network.Call(x), x), Is.LessThan(1e-15));
    }

    /// <summary>The zig-zag of three units, and its compositions: K copies have 4^K pieces. (The booklet's "composed K times" is off by one.)</summary>
    [TestCase(1, 4)]
    [TestCase(2, 16)]
    [TestCase(3, 64)]
    public void Udl_4_8_ZigZag(int copies, int pieces)
    {
        var values = ZigZag.Network().Call(Matrix(1, 0, 1.0 / 6, 2.0 / 6, 4.0 / 6, 1)).ToDoubles();
        Assert.That(values, Is.EqualTo(new double[] { 0, 1, 0, 1, 0 }).Within(1e-14));
        var network = ZigZag.Compose(copies);
        Assert.That(LinearRegions.CountOnLine(network.Call, 0, 1, 5001), Is.EqualTo(pieces));
    }

    /// <summary>N ≥ 3 units can go up and down N + 1 times: four units give the values 0, 1, 0, 1, 0, 1.</summary>
    [Test]
    public void Udl_4_9_Oscillations()
    {
        var network = new ShallowNetwork(
            4,
            [new(-1.0 / 8, 1, -16), new(-2.0 / 8, 1, 12), new(4.0 / 8, -1, -8), new(-6.0 / 8, 1, 8)]
        );
        var values = network.Call(Matrix(1, 0, 1.0 / 8, 2.0 / 8, 4.0 / 8, 6.0 / 8, 1)).ToDoubles();
        Assert.That(values, Is.EqualTo(new double[] { 0, 1, 0, 1, 0, 1 }).Within(1e-14));
        Assert.That(LinearRegions.CountOnLine(network.Call, 0, 1, 1001), Is.EqualTo(5));
    }

    /// <summary>One input, one output and K layers of D: 3D + 1 + (K − 1)·D·(D + 1) parameters.</summary>
    [TestCase(1, 7)]
    [TestCase(4, 3)]
    [TestCase(20, 10)]
    public void Udl_4_10_ParameterCount(int layers, long width) =>
        Assert.That(
            Dense(Deep(layers, width)).ParameterCount,
            Is.EqualTo(3 * width + 1 + (layers - 1) * width * (width + 1))
        );

    /// <summary>One layer of 95 and ten of 5 have 286 parameters each; the first makes 96 regions, the second at most 6¹⁰, not the printed 6⁵ = 7776.</summary>
    [Test]
    public void Udl_4_11_ShallowOrDeep()
    {
        Assert.That(Dense(Deep(1, 95)).ParameterCount, Is.EqualTo(286));
        Assert.That(Dense(Deep(10, 5)).ParameterCount, Is.EqualTo(286));
        Assert.That(LinearRegions.MaximumOnLine(5, 10), Is.EqualTo(60_466_176));
        Assert.That(LinearRegions.Maximum(1, 95), Is.EqualTo(96));
        var units = Enumerable.Range(1, 95).Select(i => new HiddenUnit(-i / 96.0, 1, i % 2 == 0 ? 2 : -2));
        var shallow = new ShallowNetwork(0, [.. units]);
        Assert.That(LinearRegions.CountOnLine(shallow.Call, 0, 1, 10_007), Is.EqualTo(96));
    }
}
