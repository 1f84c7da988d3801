namespace CudaNet.Tests.Ops;

/// <summary>Convolutions against PyTorch and against their own gradients, and their errors.</summary>
[TestFixture("cpu")]
[TestFixture("simt")]
public sealed class ConvTests(string deviceName)
{
    private Device _device = Device.Cpu;

    [SetUp]
    public void OpenDevice() => _device = TestDevices.Open(deviceName);

    /// <summary>Output and gradients as recorded by tests/golden/make_conv.py from PyTorch 1.13: input sin(1.7 i + 0.3), weight
    /// cos(0.6 i), bias 0.5 + i / 4, cotangent sin(0.8 i); each result is multiplied by cos(0.9 i) and added up.</summary>
    [TestCase(
        new long[] { 2, 3, 7, 9 },
        new long[] { 4, 3, 3, 3 },
        new long[] { 1, 1 },
        new long[] { 1, 1 },
        new long[] { 1, 1 },
        1,
        new[] { 5.54808644689235, -37.2413992922974, 5.0942981436949, -0.122244992790167 }
    )]
    [TestCase(
        new long[] { 2, 4, 9, 8 },
        new long[] { 6, 2, 3, 2 },
        new long[] { 2, 3 },
        new long[] { 2, 0 },
        new long[] { 1, 2 },
        2,
        new[] { 1.36932201965604, -0.22048596195828, -2.3423690507477, 1.89610896522462 }
    )]
    [TestCase(
        new long[] { 1, 5, 11, 6 },
        new long[] { 5, 1, 5, 3 },
        new long[] { 1, 2 },
        new long[] { 4, 1 },
        new long[] { 2, 1 },
        5,
        new[] { 10.4677390557095, 5.24522377893762, 1.09825271862617, 3.37289853241027 }
    )]
    public void AgreesWithPyTorch(
        long[] shape,
        long[] weightShape,
        long[] stride,
        long[] padding,
        long[] dilation,
        long groups,
        double[] expected
    )
    {
        using var frame = Lifetime.Frame();
        var x = Filled(shape, i => Math.Sin(1.7 * i + 0.3));
        var weight = Filled(weightShape, i => Math.Cos(0.6 * i));
        var bias = Filled([weightShape[0]], i => 0.5 + 0.25 * i);
        x.RequiresGrad = weight.RequiresGrad = bias.RequiresGrad = true;
        var y = x.Conv2d(weight, bias, stride, padding, dilation, groups);
        var gradients = Autograd.Grad([y], [x, weight, bias], [Filled([.. y.Shape], i => Math.Sin(0.8 * i))]);
        Tensor[] results = [y, .. gradients];
        for (var i = 0; i < results.Length; i++)
        {
            var probe = Filled([.. results[i].Shape], n => Math.Cos(0.9 * n));
            Assert.That(
                (results[i] * probe).Sum().Item(),
                Is.EqualTo(expected[i]).Within(1e-11).Percent,
                $"result {i}"
            );
        }
    }

    /// <summary>⟨conv(x, w), y⟩ = ⟨x, backward_data(y, w)⟩ = ⟨w, backward_filter(y, x)⟩: the three passes sum up the same products.</summary>
    [Test]
    public void BothGradientsAreAdjointToTheForwardPass([Range(0, 19)] int seed)
    {
        using var frame = Lifetime.Frame();
        var random = new System.Random(seed);
        var groups = random.Next(3) == 0 ? random.Next(2, 5) : 1;
        var shape = new Shape(random.Next(1, 4), groups * random.Next(1, 9), random.Next(5, 20), random.Next(5, 36));
        var kernel = new Shape(groups * random.Next(1, 20), shape[1] / groups, random.Next(1, 4), random.Next(1, 5));
        var (x, weight) = (Sample(random, shape), Sample(random, kernel));
        var attributes = Attributes.Of(
            new long[] { random.Next(1, 4), random.Next(1, 3) },
            new long[] { random.Next(0, 4), random.Next(3, 5) },
            new long[] { random.Next(1, 3), random.Next(1, 3) },
            groups
        );
        var forward = Conv2dOp.Instance.Apply([x, weight, null], attributes);
        var y = Sample(random, forward.Shape);
        var inner = (forward * y).Sum().Item();
        var byInput = (x * new ConvFamily(2).BackwardData(y, weight, shape, attributes)).Sum().Item();
        var byWeight = (weight * new ConvFamily(2).BackwardFilter(y, x, kernel, attributes)).Sum().Item();
        var tolerance = 1e-12 * (forward.Abs() * y.Abs()).Sum().Item();
        Assert.Multiple(() =>
        {
            Assert.That(byInput, Is.EqualTo(inner).Within(tolerance), "backward_data");
            Assert.That(byWeight, Is.EqualTo(inner).Within(tolerance), "backward_filter");
        });
    }

    [Test]
    public void AKernelOfOnePositionIsALinearLayer()
    {
        using var frame = Lifetime.Frame();
        var random = new System.Random(1);
        var (x, weight) = (Sample(random, [2, 6, 5, 7]), Sample(random, [9, 6, 1, 1]));
        var expected = x.Permute(0, 2, 3, 1).Linear(weight.Reshape(9, 6)).Permute(0, 3, 1, 2);
        Assert.That(x.Conv2d(weight).ToDoubles(), Is.EqualTo(expected.ToDoubles()).Within(1e-13));
    }

    [Test]
    public void AnImageWithoutABatchGivesOneWithoutABatch()
    {
        using var frame = Lifetime.Frame();
        var random = new System.Random(2);
        var (x, weight) = (Sample(random, [3, 6, 8]), Sample(random, [4, 3, 3, 3]));
        var y = x.Conv2d(weight, padding: 1);
        Assert.That(y.Shape, Is.EqualTo(new Shape(4, 6, 8)));
        Assert.That(y.ToDoubles(), Is.EqualTo(x.Unsqueeze(0).Conv2d(weight, padding: [1, 1]).ToDoubles()));
    }

    [Test]
    public void ShapesThatDoNotFitAreNamed()
    {
        Throws<ShapeException>(
            () => Image(3, 5, 5).Conv2d(Zeros(8, 4, 3, 3)),
            "conv2d(input (2, 3, 5, 5) f32",
            "3 channels",
            "not 4"
        );
        Throws<ShapeException>(() => Image(4, 5, 5).Conv2d(Zeros(9, 2, 3, 3), groups: 2), "2 groups must divide", "9");
        Throws<ShapeException>(
            () => Image(3, 5, 5).Conv2d(Zeros(8, 3, 3, 3), dilation: 3),
            "axis 2",
            "over 7 positions",
            "has 5"
        );
        Throws<ShapeException>(() => Image(3, 5, 5).Conv2d(Zeros(8, 3, 3, 3), Zeros(7)), "bias", "8 output channels");
        Throws<ShapeException>(() => Zeros(5, 5).Conv2d(Zeros(8, 3, 3, 3)), "4 axes (N, C, …)", "(5, 5)");
        Throws<ShapeException>(() => Image(3, 5, 5).Conv2d(Zeros(8, 3, 0, 3)), "at least one position");
        Throws<ShapeException>(
            () =>
                new ConvFamily(2).BackwardData(
                    Image(8, 4, 3),
                    Zeros(8, 3, 3, 3),
                    [2, 3, 5, 5],
                    Attributes.Of(new long[] { 1 }, new long[] { 0 }, new long[] { 1 }, 1)
                ),
            "grad_output must have the shape (2, 8, 3, 3)"
        );
    }

    [Test]
    public void AttributesOutsideTheirRangeAreNamed()
    {
        Throws<AttributeException>(() => Image(3, 5, 5).Conv2d(Zeros(8, 3, 3, 3), stride: 0), "stride", "(0)");
        Throws<AttributeException>(() => Image(3, 5, 5).Conv2d(Zeros(8, 3, 3, 3), padding: [1, -1]), "padding", "-1");
        Throws<AttributeException>(() => Image(3, 5, 5).Conv2d(Zeros(8, 3, 3, 3), stride: [1, 1, 1]), "1 or 2");
        Throws<AttributeException>(() => Image(3, 5, 5).Conv2d(Zeros(8, 3, 3, 3), groups: 0), "groups", "0");
    }

    private void Throws<TError>(Action call, params string[] parts)
        where TError : CudaNetException
    {
        using var frame = Lifetime.Frame();
        var error = Assert.Throws<TError>(call);
        foreach (var part in parts)
            Assert.That(error!.Message, Does.Contain(part));
    }

    private Tensor Image(params ReadOnlySpan<long> shape) => Zeros([2, .. shape]);

    private Tensor Zeros(params ReadOnlySpan<long> shape) => Tensor.Zeros(new Shape(shape), device: _device);

    private Tensor Filled(long[] shape, Func<long, double> formula)
    {
        var values = new double[new Shape(shape).NumElements];
        for (var i = 0; i < values.Length; i++)
            values[i] = formula(i);
        return Tensor.From(values, shape, _device);
    }

    private Tensor Sample(System.Random random, Shape shape) => Filled([.. shape], _ => random.NextDouble() * 2 - 1);
}
