using CudaNet.Nn;
using static CudaNet.Tests.Fixtures.FixtureTensors;

namespace CudaNet.Tests.Fixtures.UnderstandingDeepLearning;

/// <summary>Problems of chapter 11 of "Understanding Deep Learning" (Prince 2023): residual networks and batch normalisation.</summary>
[TestFixture]
public sealed class Chapter11ResidualNetworkTests
{
    /// <summary>Unrolled, a residual network is x + f₁(x) + f₂(x + f₁(x)) + …: its derivative is the sum over all paths.</summary>
    [Test]
    public void Udl_11_1_Unrolled()
    {
        double[] slopes = [0.3, -0.7, 1.1, 0.4];
        var x = Leaf(1.5);
        var y = slopes.Aggregate(x, (h, slope) => h + slope * h);
        var paths = Enumerable
            .Range(0, 16)
            .Sum(path => slopes.Where((_, block) => (path >> block & 1) == 1).Aggregate(1.0, (a, b) => a * b));
        Assert.That(Gradient(y, x)[0], Is.EqualTo(paths).Within(1e-14));
        var f1 = slopes[0] * x;
        var f2 = slopes[1] * (x + f1);
        Assert.That((x + f1 + f2).Item(), Is.EqualTo(1.5 * 1.3 * 0.3).Within(1e-14));
    }

    /// <summary>How many paths go through j of K blocks: C(K, j), found as the j-th derivative of what K blocks with weight ε do.</summary>
    [TestCase(3, 1.0, 3, 3, 1)]
    [TestCase(4, 1.0, 4, 6, 4, 1)]
    [TestCase(5, 1.0, 5, 10, 10, 5, 1)]
    public void Udl_11_2_PathCounts(int blocks, params double[] counts)
    {
        var weight = Leaf(0);
        var y = Enumerable.Range(0, blocks).Aggregate(Vector(1), (h, _) => h + weight * h);
        var factorial = 1.0;
        for (var through = 0; through <= blocks; through++)
        {
            Assert.That(y.Item() / factorial, Is.EqualTo(counts[through]).Within(1e-12), $"through {through}");
            factorial *= through + 1;
            if (through < blocks)
                y = Autograd.Grad(y.Sum(), weight, createGraph: true);
        }
    }

    /// <summary>Of four blocks, what the first contributes reaches the output along eight paths.</summary>
    [Test]
    public void Udl_11_3_PathsThroughTheFirstBlock()
    {
        var first = Leaf(0);
        Tensor h = Vector(1);
        h += first * h;
        for (var block = 1; block < 4; block++)
            h += h;
        Assert.That(Gradient(h, first)[0], Is.EqualTo(8));
    }

    /// <summary>Variances of what is uncorrelated add up, so that every residual block doubles it.</summary>
    [Test]
    public void Udl_11_4_VarianceDoubles()
    {
        var h = Draw(1, 400_000);
        for (var block = 0; block < 4; block++)
            h += h.Std().Item() * Draw(block + 2, 400_000);
        Assert.That(h.Var().Item(), Is.EqualTo(16).Within(2).Percent);
        var (a, b) = (Draw(9, 1000), Draw(10, 1000) + 0.5 * Draw(9, 1000));
        var covariance = ((a - a.Mean()) * (b - b.Mean())).Sum() / 999.0;
        var sum = a.Var().Item() + b.Var().Item() + 2 * covariance.Item();
        Assert.That((a + b).Var().Item(), Is.EqualTo(sum).Within(1e-12), "with the factor 2 that is missing in print");
    }

    /// <summary>A network of one input, ten hidden layers of twenty units and one output: 3841 parameters, with batch normalisation 4241.</summary>
    [Test]
    public void Udl_11_6_ParameterCount()
    {
        long[] sizes = [1, .. Enumerable.Repeat(20L, 10), 1];
        Assert.That(Dense(sizes).ParameterCount, Is.EqualTo(3841));
        var layers = DenseLayers(sizes)
            .SelectMany(layer => layer is Relu ? [new BatchNorm1d(20, dtype: DType.Float64), layer] : new[] { layer });
        var network = new Sequential([.. layers]);
        Assert.That(network.ParameterCount, Is.EqualTo(4241));
        Assert.That(network.Call(Draw(1, 8, 1)).Shape, Is.EqualTo(new Shape(8, 1)));
    }

    /// <summary>Weights before a batch normalisation can shrink without any effect on the function: a penalty on them does nothing but that.</summary>
    [Test]
    public void Udl_11_7_WeightsBeforeBatchNorm()
    {
        var (x, weight) = (Draw(1, 64, 5), Leaf(Draw(2, 3, 5)));
        Tensor Network(double scale) => x.Linear(scale * weight).BatchNorm(eps: 0);
        Assert.That(Distance(Network(0.01), Network(1)), Is.LessThan(1e-12));
        var along = (Autograd.Grad([Network(1)], [weight], [Draw(3, 64, 3)])[0] * weight).Sum(1);
        Assert.That(along.ToDoubles(), Is.All.Zero.Within(1e-12), "the loss does not change along the weights");
    }

    /// <summary>A residual block of 512 channels, BN-ReLU-conv, has 2,360,832 parameters; one with a bottleneck of 128 has 280,832.</summary>
    [Test]
    public void Udl_11_8_ResidualBlocks()
    {
        static Module<Tensor, Tensor>[] Convolution(long inputs, long outputs, long kernel) =>
            [new BatchNorm2d(inputs), new Relu(), new Conv2d(inputs, outputs, kernel, padding: kernel / 2)];
        var block = new Sequential(Convolution(512, 512, 3));
        Assert.That(block.ParameterCount, Is.EqualTo(2_360_832));
        var bottleneck = new Sequential([
            .. Convolution(512, 128, 1),
            .. Convolution(128, 128, 3),
            .. Convolution(128, 512, 1),
        ]);
        Assert.That(bottleneck.ParameterCount, Is.EqualTo(280_832));
        var x = Tensor.RandN([1, 512, 2, 2], generator: new Generator(1));
        Assert.That((x + bottleneck.Call(x)).Shape, Is.EqualTo(x.Shape));
    }
}
