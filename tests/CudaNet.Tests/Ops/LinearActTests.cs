namespace CudaNet.Tests.Ops;

/// <summary>A linear layer with residual and activation in the epilogue equals the single ops, gradients included.</summary>
[TestFixture("cpu")]
[TestFixture("simt")]
public sealed class LinearActTests(string deviceName)
{
    private static readonly Dictionary<Activation, Func<Tensor, Tensor>> Functions = new()
    {
        [Activation.None] = x => x,
        [Activation.Relu] = x => x.Relu(),
        [Activation.Tanh] = x => x.Tanh(),
        [Activation.Sigmoid] = x => x.Sigmoid(),
        [Activation.Gelu] = x => x.Gelu(),
    };

    private Device _device = Device.Cpu;

    [SetUp]
    public void OpenDevice() => _device = TestDevices.Open(deviceName);

    // A dot product, an edge tile, several blocks of depth, and work for several cores.
    [Test]
    public void EqualsTheSingleOps(
        [Values] Activation activation,
        [Values] bool hasResidual,
        [Values("2,7,5", "13,29,31", "7,33,900", "96,130,80")] string extents
    )
    {
        using var frame = Lifetime.Frame();
        var sizes = extents.Split(',').Select(long.Parse).ToArray();
        var (x, w, b) = (Filled([sizes[0], sizes[2]], 1), Filled([sizes[1], sizes[2]], 2), Filled([sizes[1]], 3));
        var residual = hasResidual ? Filled([sizes[0], sizes[1]], 5) : null;
        Tensor[] leaves = residual is null ? [x, w, b] : [x, w, b, residual];
        foreach (var leaf in leaves)
            leaf.RequiresGrad = true;
        var probe = Filled([sizes[0], sizes[1]], 4);

        var fused = x.Linear(w, b, activation, residual);
        var composed = Functions[activation](residual is null ? x.Linear(w, b) : x.Linear(w, b) + residual);

        var first = Autograd.Grad([fused], leaves, [probe]);
        var second = Autograd.Grad([composed], leaves, [probe]);
        using var all = Assert.EnterMultipleScope();
        Assert.That(fused.ToDoubles(), Is.EqualTo(composed.ToDoubles()).Within(1e-12));
        for (var i = 0; i < leaves.Length; i++)
            Assert.That(first[i]!.ToDoubles(), Is.EqualTo(second[i]!.ToDoubles()).Within(1e-11));
    }

    [Test]
    public void AResidualHasTheShapeOfTheResult()
    {
        var (x, w) = (Filled([2, 3], 1), Filled([4, 3], 2));
        var error = Assert.Throws<ShapeException>(() => x.Linear(w, null, Activation.Relu, Filled([4], 3)));
        Assert.That(error!.Message, Does.Contain("residual").And.Contain("(2, 4)"));
    }

    [Test]
    public void WithoutAnActivationItIsTheLinearOpItself()
    {
        var (x, w) = (Filled([2, 3], 1), Filled([4, 3], 2));
        x.RequiresGrad = true;
        Assert.That(x.Linear(w, null, Activation.None).Node!.Name, Is.EqualTo("linear"));
        Assert.That(x.Linear(w, null, Activation.Relu).Node!.Name, Is.EqualTo("linear_act"));
    }

    private Tensor Filled(long[] shape, int seed)
    {
        var n = (int)new Shape(shape).NumElements;
        return Tensor.From([.. Enumerable.Range(0, n).Select(i => Math.Sin(seed + 1.7 * i) / 3)], shape, _device);
    }
}
