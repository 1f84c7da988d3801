namespace CudaNet.Tests.Ops;

/// <summary>Scaled dot-product attention against PyTorch, what masked queries and dropout do, and its errors.</summary>
[TestFixture("cpu")]
[TestFixture("simt")]
public sealed class AttentionTests(string deviceName)
{
    private Device _device = Device.Cpu;

    [SetUp]
    public void OpenDevice() => _device = TestDevices.Open(deviceName);

    /// <summary>Output and the gradients of query, key, value and an added mask as recorded by tests/golden/make_attention.py from
    /// PyTorch 1.13, projected on cos(0.9 i); the formulas of the inputs stand there.</summary>
    [TestCase(
        new long[] { 2, 3 },
        1,
        5,
        7,
        4,
        4,
        false,
        "none",
        new long[0],
        new long[0],
        0,
        0.206602542754019,
        1.37455095130033,
        -0.0467827796699032,
        0.378356802918526,
        0
    )]
    [TestCase(
        new long[] { 2, 3 },
        1,
        7,
        7,
        4,
        6,
        true,
        "none",
        new long[0],
        new long[0],
        0,
        1.69886956942786,
        -2.96575306269101,
        0.282898719369163,
        0.348036113396018,
        0
    )]
    [TestCase(
        new long[] { 1, 2 },
        1,
        9,
        4,
        3,
        3,
        true,
        "none",
        new long[0],
        new long[0],
        0,
        0.612305423922647,
        0.201831417963758,
        -0.0199131760582139,
        2.4728687996648,
        0
    )]
    [TestCase(
        new long[] { 1, 2 },
        1,
        4,
        9,
        3,
        3,
        true,
        "none",
        new long[0],
        new long[0],
        0.7,
        3.44251451289208,
        0.15963347313977,
        -0.320905966695147,
        -1.2602828655369,
        0
    )]
    [TestCase(
        new long[] { 2, 4 },
        2,
        6,
        5,
        8,
        8,
        false,
        "none",
        new long[0],
        new long[0],
        0,
        2.59881510475885,
        11.3979877158761,
        0.268966861700493,
        -12.0379915854181,
        0
    )]
    [TestCase(
        new long[] { 2, 2 },
        1,
        5,
        6,
        4,
        4,
        false,
        "bool",
        new long[] { 2, 1, 5, 6 },
        new long[0],
        0,
        0.223172602445357,
        2.05319666215883,
        0.0530642553176151,
        0.296198025053452,
        0
    )]
    [TestCase(
        new long[] { 2, 2 },
        1,
        5,
        6,
        4,
        4,
        false,
        "float",
        new long[] { 5, 6 },
        new long[0],
        0,
        0.140215354468793,
        1.11887039446865,
        0.459601858171305,
        0.598763743664132,
        -0.00835255913796251
    )]
    [TestCase(
        new long[] { 2, 2 },
        1,
        5,
        6,
        4,
        4,
        true,
        "float",
        new long[] { 2, 2, 1, 6 },
        new long[0],
        0,
        -0.250434042640767,
        1.55590922935433,
        -0.939238285305139,
        -1.36199567975312,
        -0.908737067807043
    )]
    [TestCase(
        new long[] { 3, 2 },
        1,
        5,
        6,
        4,
        4,
        false,
        "none",
        new long[0],
        new long[] { 1, 4, 6 },
        0,
        0.400001381624347,
        -0.822290642663343,
        0.396607695313575,
        -0.214985105363549,
        0
    )]
    [TestCase(
        new long[] { 2, 2 },
        2,
        70,
        70,
        40,
        40,
        true,
        "none",
        new long[0],
        new long[] { 33, 70 },
        0,
        0.0896596131757212,
        -0.342019971552386,
        0.0110769047939459,
        0.100014522873154,
        0
    )]
    [TestCase(
        new long[] { 1 },
        1,
        66,
        130,
        32,
        32,
        false,
        "none",
        new long[0],
        new long[0],
        0,
        0.00347797854597772,
        0.0200869621812864,
        0.000210879101473018,
        0.00118734780454655,
        0
    )]
    public void AgreesWithPyTorch(
        long[] leading,
        int group,
        long rows,
        long columns,
        long size,
        long valueSize,
        bool causal,
        string kind,
        long[] maskShape,
        long[] lengths,
        double scale,
        double output,
        double gradQuery,
        double gradKey,
        double gradValue,
        double gradMask
    )
    {
        using var frame = Lifetime.Frame();
        long[] shared = [.. leading[..^1], leading[^1] / group];
        var query = Leaf([.. leading, rows, size], i => Math.Sin(1.7 * i + 0.3));
        var key = Leaf([.. shared, columns, size], i => Math.Sin(1.3 * i + 0.7));
        var value = Leaf([.. shared, columns, valueSize], i => Math.Cos(1.1 * i + 0.2));
        var mask = kind switch
        {
            "float" => Leaf(maskShape, i => Math.Sin(2.1 * i)),
            "bool" => Filled(maskShape, i => (7 * i * i + 3 * i) % 5 != 1 ? 1 : 0).Cast(DType.Bool),
            _ => null,
        };
        var keyLengths = lengths.Length == 0 ? null : Tensor.From(lengths, device: _device);

        var result = query.ScaledDotProductAttention(
            key,
            value,
            mask,
            keyLengths,
            causal,
            scale: scale == 0 ? null : scale
        );
        Tensor[] inputs = mask is { RequiresGrad: true } ? [query, key, value, mask] : [query, key, value];
        var gradients = Autograd.Grad([result], inputs, [Filled([.. result.Shape], i => Math.Cos(0.7 * i + 0.1))]);

        using var all = Assert.EnterMultipleScope();
        Assert.That(Projection(result), Is.EqualTo(output).Within(1e-11));
        Assert.That(Projection(gradients[0]), Is.EqualTo(gradQuery).Within(1e-11));
        Assert.That(Projection(gradients[1]), Is.EqualTo(gradKey).Within(1e-11));
        Assert.That(Projection(gradients[2]), Is.EqualTo(gradValue).Within(1e-11));
        if (inputs.Length > 3)
            Assert.That(Projection(gradients[3]), Is.EqualTo(gradMask).Within(1e-11));
    }

    [Test]
    public void AQueryThatSeesNothingGivesZerosAndHasNoGradient()
    {
        using var frame = Lifetime.Frame();
        var (query, key, value) = (Leaf([2, 3, 4], i => i), Leaf([2, 5, 4], i => 1 - i), Leaf([2, 5, 4], i => i));
        var lengths = Tensor.From<long>([0, 5], device: _device);
        var result = query.ScaledDotProductAttention(key, value, keyLengths: lengths);
        var gradients = Autograd.Grad([result.Sum()], [query, key, value]);
        using var all = Assert.EnterMultipleScope();
        Assert.That(result.Select(0, 0).ToDoubles(), Is.All.Zero);
        Assert.That(result.Select(0, 1).ToDoubles(), Is.All.Not.Zero);
        foreach (var gradient in gradients)
            Assert.That(gradient.Select(0, 0).ToDoubles(), Is.All.Zero);
    }

    [Test]
    public void DropoutDrawsAnewAndARestoredGeneratorDoesNot()
    {
        using var frame = Lifetime.Frame();
        var generator = new Generator(4);
        var x = Filled([2, 9, 6], i => Math.Sin(i));
        double[] Draw() => x.ScaledDotProductAttention(x, x, dropoutP: 0.5, generator: generator).ToDoubles();
        var (first, used, second) = (Draw(), generator.Offset, Draw());
        generator.Offset = 0;
        using var all = Assert.EnterMultipleScope();
        Assert.That(used, Is.EqualTo(2 * 9 * 3), "a counter for every four keys of each query");
        Assert.That(second, Is.Not.EqualTo(first));
        Assert.That(Draw(), Is.EqualTo(first));
    }

    /// <summary>The views that a layer makes of its projections give what copies of them give.</summary>
    [Test]
    public void HeadsThatLieSideBySideAreReadInPlace()
    {
        using var frame = Lifetime.Frame();
        var projected = Filled([2, 5, 3, 4, 8], i => Math.Sin(i)).Cast(DType.Float32);
        Tensor Heads(int part) => projected.Select(2, part).Transpose(1, 2);
        var views = Heads(0).ScaledDotProductAttention(Heads(1), Heads(2), isCausal: true);
        var copies = Heads(0)
            .Contiguous()
            .ScaledDotProductAttention(Heads(1).Contiguous(), Heads(2).Contiguous(), isCausal: true);
        Assert.That(views.ToDoubles(), Is.EqualTo(copies.ToDoubles()).Within(1e-6));
    }

    [Test]
    public void ErrorsNameShapesAndTheWayOut()
    {
        using var frame = Lifetime.Frame();
        var x = Filled([2, 4, 5, 8], i => i);
        using var all = Assert.EnterMultipleScope();
        Assert.That(
            () => x.ScaledDotProductAttention(Filled([2, 3, 5, 8], i => i), Filled([2, 3, 5, 8], i => i)),
            Throws.TypeOf<ShapeException>().With.Message.Contains("the 4 heads of the query")
        );
        Assert.That(
            () => x.ScaledDotProductAttention(Filled([2, 4, 5, 7], i => i), x),
            Throws.TypeOf<ShapeException>().With.Message.Contains("one head size")
        );
        Assert.That(
            () => x.ScaledDotProductAttention(x, x, Filled([3, 5], i => i)),
            Throws
                .TypeOf<ShapeException>()
                .With.Message.Contains("attn_mask must broadcast to (…, H, L, S) = (2, 4, 5, 5)")
        );
        Assert.That(
            () => x.ScaledDotProductAttention(x, x, Filled([5, 5], i => i).Cast(DType.Float32)),
            Throws.TypeOf<DTypeException>().With.Message.Contains("true = attend")
        );
        Assert.That(
            () => x.ScaledDotProductAttention(x, x, keyLengths: Tensor.From<long>([1, 2, 3], device: _device)),
            Throws.TypeOf<ShapeException>().With.Message.Contains("one length for each sequence")
        );
        Assert.That(
            () => x.ScaledDotProductAttention(x, x, dropoutP: 1.5),
            Throws.TypeOf<AttributeException>().With.Message.Contains("1.5")
        );
    }

    private Tensor Leaf(long[] shape, Func<long, double> value)
    {
        var leaf = Filled(shape, value);
        leaf.RequiresGrad = true;
        return leaf;
    }

    private Tensor Filled(long[] shape, Func<long, double> value)
    {
        var values = new double[new Shape(shape).NumElements];
        for (long i = 0; i < values.Length; i++)
            values[i] = value(i);
        return Tensor.From(values, shape, _device);
    }

    private static double Projection(Tensor tensor) => tensor.ToDoubles().Select((x, i) => x * Math.Cos(0.9 * i)).Sum();
}
