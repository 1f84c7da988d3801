namespace CudaNet.Tests.Ops;

/// <summary>Reductions at the values where kernels go wrong: NaN, infinities, ties, nothing at all, and integers beyond 2⁵³.</summary>
[TestFixture("cpu")]
[TestFixture("simt")]
public sealed class ReductionTests(string deviceName)
{
    private Device _device = Device.Cpu;

    [SetUp]
    public void OpenDevice() => _device = TestDevices.Open(deviceName);

    [Test]
    public void NaNWinsAMaximumWhereverItStands([Values(1, 7, 64, 1000)] int n, [Values(0, 0.4, 0.999)] double where)
    {
        using var frame = Lifetime.Frame();
        var values = Enumerable.Range(0, n).Select(i => i == n - 1 ? float.PositiveInfinity : i).ToArray();
        var at = (int)(where * n);
        values[at] = float.NaN;
        var x = Tensor.From(values, device: _device);
        Assert.That(x.Max().Item(), Is.NaN);
        Assert.That(x.ArgMax().Item(), Is.EqualTo(at));
    }

    [Test]
    public void AMaximumOfMinusInfinitiesIsOne([Values(3, 100)] int n)
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.Full([n], double.NegativeInfinity, device: _device);
        Assert.That(x.Max().Item(), Is.EqualTo(double.NegativeInfinity));
        Assert.That(x.ArgMax().Item(), Is.Zero);
    }

    [Test]
    public void TheFirstOfTiesIsTheArgMax()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.From<float>([1, 5, 5, 2, 9, 0, 9, 9], [2, 4], _device);
        Assert.That(x.ArgMax(1).ToArray<long>(), Is.EqualTo(new long[] { 1, 0 }));
        Assert.That(x.ArgMax(0).ToArray<long>(), Is.EqualTo(new long[] { 1, 0, 1, 1 }));
        Assert.That(x.ArgMax().ToArray<long>(), Is.EqualTo(new long[] { 4 }));
        Assert.That(x.ArgMax(1, keepDim: true).Shape, Is.EqualTo(new Shape(2, 1)));
    }

    [Test]
    public void TiesShareTheGradientOfAMaximum()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.From<float>([1, 5, 5, 2, 3, 0], [2, 3], _device);
        x.RequiresGrad = true;
        x.Max(1).Backward(Tensor.From<float>([2, 7], device: _device));
        Assert.That(x.Grad!.ToArray<float>(), Is.EqualTo(new float[] { 0, 1, 1, 0, 7, 0 }));
    }

    [Test]
    public void IntegersAreAddedAndComparedExactly()
    {
        using var frame = Lifetime.Frame();
        const long big = (1L << 53) + 1;
        var x = Tensor.From<long>([big, 2, -5, big - 2], [2, 2], _device);
        Assert.That(x.Sum(0).ToArray<long>(), Is.EqualTo(new[] { big - 5, big }));
        Assert.That(x.Max().ToArray<long>(), Is.EqualTo(new[] { big }));
        var narrow = Tensor.From<int>([int.MaxValue, int.MaxValue, 3], device: _device).Sum();
        Assert.That(narrow.ToArray<long>(), Is.EqualTo(new[] { 2L * int.MaxValue + 3 }));
        Assert.That(Tensor.From<bool>([true, false, true], device: _device).Sum().Item(), Is.EqualTo(2));
    }

    [Test]
    public void ALongSumKeepsItsSmallTerms()
    {
        using var frame = Lifetime.Frame();
        // Added one after the other in f32, 2²⁵ ones stop at 2²⁴.
        var ones = Tensor.Ones([1], device: _device).Expand(1 << (deviceName == "cpu" ? 25 : 18));
        Assert.That(ones.Sum().Item(), Is.EqualTo(ones.NumElements));
        Assert.That(ones.Mean().Item(), Is.EqualTo(1));
    }

    [Test]
    public void NothingHasASumButNoMaximum()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.Empty([2, 0], device: _device);
        Assert.That(x.Sum(1).ToArray<float>(), Is.EqualTo(new float[] { 0, 0 }));
        Assert.That(x.Mean(1).ToArray<float>(), Is.All.NaN);
        Assert.That(x.Max(0).NumElements, Is.Zero);
        Assert.That(
            () => x.Max(1),
            Throws
                .TypeOf<ShapeException>()
                .With.Message.Contains("max(input (2, 0) f32)")
                .And.Message.Contains("no largest")
        );
        Assert.That(() => x.ArgMax(), Throws.TypeOf<ShapeException>());
    }

    [Test]
    public void ErrorsNameTheAxis()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.Ones([2, 3], device: _device);
        Assert.That(
            () => x.Sum(2),
            Throws.TypeOf<ShapeException>().With.Message.Contains("axis 2 is outside (2, 3); expected -2 to 1")
        );
        Assert.That(() => x.Max([0, -2]), Throws.TypeOf<ShapeException>().With.Message.Contains("named twice"));
        Assert.That(
            () => ArgMaxOp.Instance.Apply([x], Attributes.Of(new long[] { 0, 1 }, false)),
            Throws.TypeOf<AttributeException>().With.Message.Contains("one dim")
        );
    }
}
