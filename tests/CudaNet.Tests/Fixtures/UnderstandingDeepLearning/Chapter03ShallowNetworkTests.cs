using CudaNet.Models;
using CudaNet.Nn;
using static CudaNet.Tests.Fixtures.FixtureTensors;

namespace CudaNet.Tests.Fixtures.UnderstandingDeepLearning;

/// <summary>Problems of chapter 3 of "Understanding Deep Learning" (Prince 2023): networks with one hidden layer.</summary>
[TestFixture]
public sealed class Chapter03ShallowNetworkTests
{
    /// <summary>The network of problem 3.8, φ = (−0.23, −1.3, 1.3, 0.66).</summary>
    private static ShallowNetwork Network(Func<Tensor, Tensor>? activation = null) =>
        new(-0.23, [new(-0.2, 0.4, -1.3), new(-0.9, 0.9, 1.3), new(1.1, -0.7, 0.66)], activation);

    private static double[] At(Module<Tensor, Tensor> network, params double[] x) =>
        network.Call(Tensor.From(x, [x.Length, 1])).ToDoubles();

    /// <summary>With the identity for an activation the output is affine: its second differences are 0.</summary>
    [Test]
    public void Udl_3_1_IdentityActivation()
    {
        var y = Network(z => z).Call(Tensor.Linspace(-2, 2, 9, DType.Float64).Unsqueeze(1)).Squeeze(1);
        var steps = y.Narrow(0, 1, 8) - y.Narrow(0, 0, 8);
        Assert.That(steps.ToDoubles(), Is.All.EqualTo(steps.ToDoubles()[0]).Within(1e-14));
    }

    /// <summary>Which units are active where: 3; 1 and 3; all; 1 and 2.</summary>
    [Test]
    public void Udl_3_2_ActivationPatterns()
    {
        var x = Matrix(1, 0.2, 0.75, 1.2, 1.8);
        var active = Network().Hidden.Call(x).Gt(0).Cast(DType.Float64).ToDoubles();
        Assert.That(active, Is.EqualTo(new double[] { 0, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 0 }));
    }

    /// <summary>The joints, the slopes between them, which autograd must find, and the values at the joints.</summary>
    [Test]
    public void Udl_3_3_JointsAndSlopes()
    {
        var network = Network();
        var joints = network.Units.Select(u => u.Joint).ToArray();
        Assert.That(joints, Is.EqualTo(new[] { 0.5, 1, 11.0 / 7 }).Within(1e-15));
        var x = Leaf(Matrix(1, 0.2, 0.75, 1.2, 1.8));
        var slopes = Gradient(network.Call(x).Sum(), x);
        Assert.That(slopes, Is.EqualTo(new[] { -0.462, -0.982, 0.188, 0.65 }).Within(1e-14));
        double[] values = [0.496, 0.265, -0.226, -0.83 / 7, 0.16];
        Assert.That(At(network, 0, 0.5, 1, 11.0 / 7, 2), Is.EqualTo(values).Within(1e-14));
    }

    /// <summary>ReLU(αz) = α·ReLU(z) for α &gt; 0, exactly where α is a power of 2; and so is the leaky one.</summary>
    [TestCase(0.25)]
    [TestCase(8)]
    public void Udl_3_5_Homogeneity(double alpha)
    {
        var z = Draw(1, 1000);
        Assert.That((alpha * z).Relu().ToDoubles(), Is.EqualTo((alpha * z.Relu()).ToDoubles()));
        Assert.That((alpha * z).LeakyRelu(0.125).ToDoubles(), Is.EqualTo((alpha * z.LeakyRelu(0.125)).ToDoubles()));
    }

    /// <summary>Scaling what comes into a unit by α and what goes out by 1/α changes nothing for α &gt; 0, and the function for α &lt; 0.</summary>
    [Test]
    public void Udl_3_6_Rescaling()
    {
        double[] x = [-1, 0.2, 0.75, 1.2, 1.8];
        var (before, network, flipped) = (At(Network(), x), Network(), Network());
        HiddenUnits.Scale(network.Hidden, network.Output, Vector(4, 0.5, 1.7));
        Assert.That(At(network, x), Is.EqualTo(before).Within(1e-14));
        Assert.That(network.Hidden.Weight.ToDoubles()[0], Is.EqualTo(1.6));
        HiddenUnits.Scale(flipped.Hidden, flipped.Output, Vector(-1, 1, 1));
        Assert.That(At(flipped, x), Is.Not.EqualTo(before).Within(0.01));
    }

    /// <summary>The minimum of the loss is not unique: units may change places.</summary>
    [Test]
    public void Udl_3_7_PermutedUnits()
    {
        double[] x = [-1, 0.2, 0.75, 1.2, 1.8];
        var network = Network();
        HiddenUnits.Permute(network.Hidden, network.Output, Tensor.From<long>([2, 0, 1]));
        Assert.That(network.Hidden.Bias!.ToDoubles(), Is.EqualTo(new[] { 1.1, -0.2, -0.9 }));
        Assert.That(At(network, x), Is.EqualTo(At(Network(), x)).Within(1e-14));
    }

    /// <summary>The same network with a step function, tanh, and a rectangle: 1 on [0, 1] with both ends.</summary>
    [Test]
    public void Udl_3_8_OtherActivations()
    {
        double[] x = [0, 0.2, 0.75, 1.2, 1.8];
        double[] heaviside = [0.43, 0.43, -0.87, 0.43, -0.23];
        double[] tanh = [-0.37627, -0.385504, -0.304676, -0.185436, -0.153736];
        double[] rect = [-0.23, 0.43, -0.87, 0.43, -0.23];
        Assert.That(At(Network(z => z.Heaviside()), x), Is.EqualTo(heaviside).Within(1e-14));
        Assert.That(At(Network(z => z.Tanh()), x), Is.EqualTo(tanh).Within(5e-7));
        Assert.That(At(Network(z => z.Rect()), x), Is.EqualTo(rect).Within(1e-14));
        Assert.That(Vector(-1e-9, 0, 1, 1.000001).Rect().ToDoubles(), Is.EqualTo(new double[] { 0, 1, 1, 0 }));
        Assert.That(Vector(-1e-9, 0).Heaviside().ToDoubles(), Is.EqualTo(new double[] { 0, 1 }));
    }

    /// <summary>The third slope is the sum of the first and the fourth.</summary>
    [Test]
    public void Udl_3_9_SlopesAddUp()
    {
        var x = Leaf(Matrix(1, 0.2, 1.2, 1.8));
        var slope = Gradient(Network().Call(x).Sum(), x);
        Assert.That(slope[1], Is.EqualTo(slope[0] + slope[2]).Within(1e-14));
    }

    /// <summary>Fewer than four pieces: joints that coincide, even cancel, or outside the interval, or a unit whose weight or slope is 0.</summary>
    [TestCase(-0.2, 0.4, -1.3, 4)]
    [TestCase(-0.9, 0.9, -0.5, 3)]
    [TestCase(-0.9, 0.9, -1.3, 2)]
    [TestCase(-8, 0.4, -1.3, 3)]
    [TestCase(-0.2, 0.4, 0, 3)]
    [TestCase(0.2, 0, -1.3, 3)]
    public void Udl_3_10_FewerThanFourRegions(double offset, double slope, double weight, int pieces)
    {
        var network = new ShallowNetwork(
            -0.23,
            [new(offset, slope, weight), new(-0.9, 0.9, 1.3), new(1.1, -0.7, 0.66)]
        );
        Assert.That(LinearRegions.CountOnLine(network.Call, 0, 2, 1000), Is.EqualTo(pieces));
    }

    /// <summary>One input, four hidden units, two outputs: 12 slopes and 6 intercepts.</summary>
    [Test]
    public void Udl_3_11_ParameterCount()
    {
        var network = Dense(1, 4, 2);
        Assert.That(network.ParameterCount, Is.EqualTo(18));
        var intercepts = network.NamedParameters().Where(p => p.Name.EndsWith("bias", StringComparison.Ordinal));
        Assert.That(intercepts.Sum(p => p.Tensor.NumElements), Is.EqualTo(6));
    }

    /// <summary>Two inputs, three hidden units, one output.</summary>
    [Test]
    public void Udl_3_12_ParameterCount() => Assert.That(Dense(2, 3, 1).ParameterCount, Is.EqualTo(13));

    /// <summary>Three inputs, three hidden units, two outputs.</summary>
    [Test]
    public void Udl_3_14_ParameterCount() => Assert.That(Dense(3, 3, 2).ParameterCount, Is.EqualTo(20));

    /// <summary>Three hidden units divide a space of three dimensions into at most eight regions, and do.</summary>
    [Test]
    public void Udl_3_15_EightRegions()
    {
        Assert.That(LinearRegions.Maximum(3, 3), Is.EqualTo(8));
        var hidden = new Linear(3, 3, dtype: DType.Float64, generator: new Generator(3));
        Init.Orthogonal(hidden.Weight, generator: new Generator(4));
        Assert.That(LinearRegions.CountPatterns(hidden.Call(5 * Draw(1, 20_000, 3))), Is.EqualTo(8));
    }

    /// <summary>Two inputs, four hidden units, three outputs.</summary>
    [Test]
    public void Udl_3_16_ParameterCount() => Assert.That(Dense(2, 4, 3).ParameterCount, Is.EqualTo(27));

    /// <summary>A shallow network has (D_i + 1)·D + (D + 1)·D_o parameters.</summary>
    [TestCase(1, 1, 1)]
    [TestCase(7, 11, 5)]
    [TestCase(30, 2, 9)]
    public void Udl_3_17_ParameterCount(long inputs, long units, long outputs) =>
        Assert.That(
            Dense(inputs, units, outputs).ParameterCount,
            Is.EqualTo((inputs + 1) * units + (units + 1) * outputs)
        );

    /// <summary>Zaslavsky: D lines in general position divide the plane into Σ C(D, j) regions, j ≤ 2; random ones are counted on a wide grid.</summary>
    [TestCase(3, 7)]
    [TestCase(5, 16)]
    public void Udl_3_18_Zaslavsky(int units, int regions)
    {
        Assert.That(LinearRegions.Maximum(2, units), Is.EqualTo(regions));
        // Tangents of the unit circle at different angles: any two of them meet, and no three in a point.
        var angles = Tensor.Linspace(0.3, 2.9, units, DType.Float64);
        var normals = Tensor.Stack([angles.Cos(), angles.Sin()], 1);
        var axis = Tensor.Linspace(-20, 20, 801, DType.Float64);
        var grid = Tensor.Stack([axis.Unsqueeze(1).Expand(801, 801), axis.Unsqueeze(0).Expand(801, 801)], 2);
        var hidden = grid.Reshape(-1, 2).Linear(normals, Tensor.Ones([units], DType.Float64));
        Assert.That(LinearRegions.CountPatterns(hidden), Is.EqualTo(regions));
    }
}
