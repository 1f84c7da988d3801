namespace CudaNet.Tests.Ops;

/// <summary>Activation functions and other element-wise ops against PyTorch, and what gradients do at kinks.</summary>
[TestFixture("cpu")]
[TestFixture("simt")]
public sealed class ActivationTests(string deviceName)
{
    private static readonly long[] Extents = [3, 4, 2];

    private static readonly Dictionary<string, Func<Tensor, Tensor, Tensor>> Functions = new()
    {
        ["leaky_relu"] = (x, _) => x.LeakyRelu(),
        ["leaky_relu 0.2"] = (x, _) => x.LeakyRelu(0.2),
        ["rrelu in evaluation"] = (x, _) => x.RRelu(training: false),
        ["elu"] = (x, _) => x.Elu(),
        ["elu 0.7"] = (x, _) => x.Elu(0.7),
        ["selu"] = (x, _) => x.Selu(),
        ["silu"] = (x, _) => x.Silu(),
        ["mish"] = (x, _) => x.Mish(),
        ["softplus"] = (x, _) => x.Softplus(),
        ["softplus 2 3"] = (x, _) => x.Softplus(2, 3),
        ["gelu"] = (x, _) => x.Gelu(),
        ["gelu tanh"] = (x, _) => x.Gelu(GeluApproximation.Tanh),
        ["hardtanh"] = (x, _) => x.Hardtanh(),
        ["relu6"] = (x, _) => (3 * x).Relu6(),
        ["softmax"] = (x, _) => x.Softmax(1),
        ["clamp"] = (x, _) => x.Clamp(-1.5, 0.5),
        ["erf"] = (x, _) => x.Erf(),
        ["expm1"] = (x, _) => x.ExpM1(),
        ["log1p"] = (x, _) => (x + 4).Log1P(),
        ["reciprocal"] = (x, _) => x.Reciprocal(),
        ["square"] = (x, _) => x.Square(),
        ["sign"] = (x, _) => x.Sign(),
        ["floor"] = (x, _) => x.Floor(),
        ["ceil"] = (x, _) => x.Ceil(),
        ["round"] = (x, _) => x.Round(),
        ["trunc"] = (x, _) => x.Trunc(),
        ["prelu"] = (x, p) => x.PRelu(p.Slice(0, 0, 1).Slice(2, 0, 1).Reshape(4)),
        ["swish"] = (x, p) => x.Swish(p),
        ["maximum"] = (x, p) => x.Maximum(p),
        ["minimum"] = (x, p) => x.Minimum(p),
        ["fmod"] = (x, p) => x.FMod(p),
        ["remainder"] = (x, p) => x.Remainder(p),
    };

    private Device _device = Device.Cpu;

    [SetUp]
    public void OpenDevice() => _device = TestDevices.Open(deviceName);

    /// <summary>Value and gradients as recorded by tests/golden/make_activations.py from PyTorch 1.13, multiplied by cos(0.9 i) and added
    /// up. Inputs 3 sin(1.7 i + 0.3) and 1.5 + cos(1.3 i).</summary>
    [TestCase("leaky_relu", 0.732999180162954, 4.8673979420851, 0)]
    [TestCase("leaky_relu 0.2", 0.662030431174801, 6.22339001218298, 0)]
    [TestCase("rrelu in evaluation", 0.651136105672234, 6.43154668961029, 0)]
    [TestCase("elu", 0.543407229582541, 5.8060827427657, 0)]
    [TestCase("elu 0.7", 0.601405373951214, 5.50306690145471, 0)]
    [TestCase("selu", 0.434199206551865, 6.81496656124272, 0)]
    [TestCase("silu", 0.484723831363103, 3.97124214323821, 0)]
    [TestCase("mish", 0.542032361816463, 4.14206112688017, 0)]
    [TestCase("softplus", 1.32873388189175, 4.5045674152495, 0)]
    [TestCase("softplus 2 3", 0.930868327363789, 4.36282174665053, 0)]
    [TestCase("gelu", 0.518189364703453, 4.24894084186058, 0)]
    [TestCase("gelu tanh", 0.518091268688271, 4.24891364732636, 0)]
    [TestCase("hardtanh", 0.284837412101005, 2.62392786480362, 0)]
    [TestCase("relu6", 1.49737073306978, 9.06687998848308, 0)]
    [TestCase("softmax", 0.107923714764657, 1.41990621741605, 0)]
    [TestCase("clamp", 0.20661621402478, 3.38382548697306, 0)]
    [TestCase("erf", 0.278935969573546, 2.56473304724826, 0)]
    [TestCase("expm1", 3.07497465697127, 31.6917944118182, 0)]
    [TestCase("log1p", 2.18371896610874, 3.48353642771547, 0)]
    [TestCase("reciprocal", 216.692946670617, -47609.6493925005, 0)]
    [TestCase("square", 2.43945227403501, -18.0554903243457, 0)]
    [TestCase("sign", 0.479654874650495, 0, 0)]
    [TestCase("floor", -1.54234378634396, 0, 0)]
    [TestCase("ceil", -0.185483642987306, 0, 0)]
    [TestCase("round", 0.0279825519979369, 0, 0)]
    [TestCase("trunc", -1.10374115199088, 0, 0)]
    [TestCase("prelu", -5.22943117193975, 15.0156018708787, 0.702979735874973)]
    [TestCase("swish", 1.10094929267518, 4.64688500619262, 3.00164148389091)]
    [TestCase("maximum", 3.27682269913311, 1.77373660890137, 10.1590936984306)]
    [TestCase("minimum", -0.0692236484383169, 10.1590936984306, 1.77373660890137)]
    [TestCase("fmod", 1.41210367852558, 11.932830307332, 9.86349775388577)]
    [TestCase("remainder", 2.23089060990686, 11.932830307332, 17.000298122822)]
    public void AgreesWithPyTorch(string name, double value, double gradient, double second)
    {
        using var frame = Lifetime.Frame();
        var x = Filled(i => 3 * Math.Sin(1.7 * i + 0.3));
        var p = Filled(i => 1.5 + Math.Cos(1.3 * i));
        var probe = Filled(i => Math.Cos(0.9 * i));
        x.RequiresGrad = p.RequiresGrad = true;

        var y = Functions[name](x, p);
        y.Backward(probe);

        double Sum(Tensor? t) => t is null ? 0 : (t.Detach() * probe).Sum().Item();
        Assert.Multiple(() =>
        {
            Assert.That(Sum(y), Is.EqualTo(value).Within(1e-10).Percent);
            Assert.That(Sum(x.Grad), Is.EqualTo(gradient).Within(1e-10).Percent);
            Assert.That(Sum(p.Grad), Is.EqualTo(second).Within(1e-10).Percent);
        });
    }

    [Test]
    public void EqualOperandsShareTheGradient()
    {
        var x = Tensor.From([1.0, 2, 3], device: _device);
        var y = Tensor.From([1.0, 5, 0], device: _device);
        x.RequiresGrad = y.RequiresGrad = true;
        x.Maximum(y).Sum().Backward();
        Assert.That(x.Grad!.ToDoubles(), Is.EqualTo(new[] { 0.5, 0, 1 }));
        Assert.That(y.Grad!.ToDoubles(), Is.EqualTo(new[] { 0.5, 1, 0 }));
    }

    [Test]
    public void NaNWinsAgainstEveryNumber()
    {
        var x = Tensor.From([float.NaN, 1, float.NaN], device: _device);
        var y = Tensor.From([1, float.NaN, float.NaN], device: _device);
        Assert.That(x.Maximum(y).ToDoubles(), Is.All.NaN);
        Assert.That(x.Minimum(y).ToDoubles(), Is.All.NaN);
        Assert.That(x.Clamp(-1, 1).ToDoubles(), Is.EqualTo(new[] { double.NaN, 1, double.NaN }));
    }

    /// <summary>The gradient at a bound is 1 for clamp and 0 for hardtanh, as in PyTorch.</summary>
    [Test]
    public void GradientsAtTheBounds()
    {
        double[] Gradient(Func<Tensor, Tensor> f)
        {
            var x = Tensor.From([-2.0, -1, 0, 1, 2], device: _device);
            x.RequiresGrad = true;
            f(x).Sum().Backward();
            return x.Grad!.ToDoubles();
        }
        Assert.That(Gradient(x => x.Clamp(-1, 1)), Is.EqualTo(new double[] { 0, 1, 1, 1, 0 }));
        Assert.That(Gradient(x => x.Hardtanh()), Is.EqualTo(new double[] { 0, 0, 1, 0, 0 }));
        Assert.That(Gradient(x => x.Heaviside() + x.Rect()), Is.All.Zero);
    }

    /// <summary>The conventions of Prince (2023), problem 3.8.</summary>
    [Test]
    public void StepsIncludeTheirEdges()
    {
        var x = Tensor.From([-0.1, 0, 0.5, 1, 1.1], device: _device);
        Assert.That(x.Heaviside().ToDoubles(), Is.EqualTo(new double[] { 0, 1, 1, 1, 1 }));
        Assert.That(x.Heaviside(0.5).ToDoubles(), Is.EqualTo(new double[] { 0, 0.5, 1, 1, 1 }));
        Assert.That(x.Rect().ToDoubles(), Is.EqualTo(new double[] { 0, 1, 1, 1, 0 }));
    }

    [Test]
    public void RoundingKeepsTheSignOfZeroAndHugeNumbers()
    {
        var x = Tensor.From(
            [-0.4f, 0.5f, 1.5f, 2.5f, -2.5f, 8388609f, -3e38f, float.NegativeInfinity, float.NaN],
            device: _device
        );
        using var all = Assert.EnterMultipleScope();
        Assert.That(Bits(x.Round()), Is.EqualTo(Bits(x, MathF.Round)));
        Assert.That(Bits(x.Floor()), Is.EqualTo(Bits(x, MathF.Floor)));
        Assert.That(Bits(x.Ceil()), Is.EqualTo(Bits(x, MathF.Ceiling)));
        Assert.That(Bits(x.Trunc()), Is.EqualTo(Bits(x, MathF.Truncate)));
    }

    [TestCase(1.0, 2.0)]
    [TestCase(0.0, 0.5)]
    public void RandomSlopesLieBetweenTheirBounds(double lower, double upper)
    {
        const int n = 20_000;
        var x = Tensor.Full([n], -1, device: _device);
        x.RequiresGrad = true;
        var y = x.RRelu(lower, upper, generator: new Generator(5));
        y.Sum().Backward();
        var slopes = x.Grad!.ToDoubles();
        using var all = Assert.EnterMultipleScope();
        Assert.That(slopes, Is.All.InRange(lower, upper));
        Assert.That(
            slopes.Average(),
            Is.EqualTo((lower + upper) / 2).Within(5 * (upper - lower) / Math.Sqrt(12.0 * n))
        );
        Assert.That(y.ToDoubles().Select(v => -v), Is.EqualTo(slopes));
    }

    [Test]
    public void SlopesOfChannelsMustFit() =>
        Assert.That(
            () => Tensor.Zeros([2, 3, 4], device: _device).PRelu(Tensor.Zeros([4], device: _device)),
            Throws.TypeOf<ShapeException>().With.Message.Contains("second axis")
        );

    private static int[] Bits(Tensor x, Func<float, float>? function = null) =>
        [.. x.ToArray<float>().Select(v => BitConverter.SingleToInt32Bits(function is null ? v : function(v)))];

    private Tensor Filled(Func<int, double> value)
    {
        var count = (int)new Shape(Extents).NumElements;
        return Tensor.From([.. Enumerable.Range(0, count).Select(value)], Extents, _device);
    }
}
