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
        Assert.That(x.Neg().Min().Item(), Is.NaN);
        Assert.That(x.Neg().ArgMin().Item(), Is.EqualTo(at));
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
    public void TheMinimumIsTheNegativeMaximumOfNegatives()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.From<float>([4, -1, -1, 2, 9, 0, 9, -7], [2, 4], _device);
        Assert.That(x.Min(1).ToArray<float>(), Is.EqualTo(new float[] { -1, -7 }));
        Assert.That(x.ArgMin(1).ToArray<long>(), Is.EqualTo(new long[] { 1, 3 }));
        Assert.That(x.ArgMin(0).ToArray<long>(), Is.EqualTo(new long[] { 0, 0, 0, 1 }));
        x.RequiresGrad = true;
        x.Min(1).Sum().Backward();
        Assert.That(x.Grad!.ToArray<float>(), Is.EqualTo(new[] { 0, 0.5f, 0.5f, 0, 0, 0, 0, 1 }));
        var integers = Tensor.From<long>([(1L << 53) + 1, 1L << 53], device: _device);
        Assert.That(integers.Min().ToArray<long>(), Is.EqualTo(new[] { 1L << 53 }));
    }

    [Test]
    public void ProductsOfIntegersAreExact()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.From<int>([int.MaxValue, int.MaxValue, 2], device: _device);
        Assert.That(x.Prod().ToArray<long>(), Is.EqualTo(new[] { unchecked(2L * int.MaxValue * int.MaxValue) }));
        Assert.That(Tensor.Empty([0], device: _device).Prod().Item(), Is.EqualTo(1));
    }

    [Test]
    public void AnyAndAllTakeEveryNumberButZero()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.From<float>([0, -0f, 0, float.NaN, 1, 1e-45f], [3, 2], _device);
        Assert.That(x.Any(1).ToArray<bool>(), Is.EqualTo(new[] { false, true, true }));
        Assert.That(x.All(1).ToArray<bool>(), Is.EqualTo(new[] { false, false, true }));
        var none = Tensor.Empty([0], device: _device);
        Assert.That((none.Any().Item(), none.All().Item()), Is.EqualTo((0, 1)));
        Assert.That(Tensor.From<long>([0, 1L << 62], device: _device).Any().Item(), Is.EqualTo(1));
    }

    [Test]
    public void LogSumExpNeitherOverflowsNorLosesRowsOfMinusInfinity()
    {
        using var frame = Lifetime.Frame();
        const float inf = float.PositiveInfinity;
        var x = Tensor.From<float>([1000, 1000, -inf, -inf, inf, 0, -inf, 3], [4, 2], _device);
        x.RequiresGrad = true;
        var y = x.LogSumExp(1);
        Assert.That(y.ToArray<float>(), Is.EqualTo(new[] { 1000.6931f, -inf, inf, 3 }).Within(1e-4f));
        y.Slice(0, 0, 2).Sum().Backward();
        Assert.That(x.Grad!.Slice(0, 0, 2).ToArray<float>(), Is.EqualTo(new[] { 0.5f, 0.5f, 0, 0 }).Within(1e-4f));
        Assert.That(Tensor.Empty([0], device: _device).LogSumExp().Item(), Is.EqualTo(-inf));
    }

    [Test]
    public void AVarianceIsThatOfNumPyWithItsCorrection([Values(0, 1, 2)] long correction)
    {
        using var frame = Lifetime.Frame();
        // Σ (x − 5)² of these is 32 (NumPy's example for std).
        var x = Tensor.From<float>([2, 4, 4, 4, 5, 5, 7, 9], device: _device);
        Assert.That(x.Var(correction: correction).Item(), Is.EqualTo(32.0 / (8 - correction)).Within(1e-6));
        Assert.That(x.Std(0, correction).Item(), Is.EqualTo(Math.Sqrt(32.0 / (8 - correction))).Within(1e-6));
        // Of a mean of 10⁴ the squares would lose all digits of the deviations in f32.
        Assert.That((x + 1e4).Var(correction: correction).Item(), Is.EqualTo(32.0 / (8 - correction)).Within(0.01));
    }

    [Test]
    public void EqualNumbersHaveNoVarianceAndOneHasNone()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.Full([3, 777], 0.1, device: _device);
        x.RequiresGrad = true;
        var deviation = x.Std(1);
        Assert.That(deviation.ToArray<float>(), Is.All.Zero);
        deviation.Sum().Backward();
        Assert.That(x.Grad!.ToArray<float>(), Is.All.Zero);
        Assert.That(Tensor.Ones([1], device: _device).Var().Item(), Is.NaN);
        Assert.That(Tensor.Ones([1], device: _device).Var(correction: 0).Item(), Is.Zero);
    }

    [TestCase(0, 2)]
    [TestCase(1, 7)]
    [TestCase(2, 5)]
    [TestCase(3, 4.497941445275415)]
    [TestCase(double.PositiveInfinity, 4)]
    [TestCase(double.NegativeInfinity, 0)]
    public void NormsOfThreeFourZero(double ord, double expected)
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.From<double>([3, 0, -4], device: _device);
        Assert.That(x.VectorNorm(ord).Item(), Is.EqualTo(expected).Within(1e-14));
    }

    [Test]
    public void TheGradientOfANormIsZeroAtZero([Values(0.5, 1, 2, 3)] double ord)
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.Zeros([4], DType.Float64, _device);
        x.RequiresGrad = true;
        x.VectorNorm(ord).Backward();
        Assert.That(x.Grad!.ToDoubles(), Is.All.Zero);
    }

    [Test]
    public void NothingHasANormUnlessItsOrderIsBelowZeroOrInfinite()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.Empty([0], device: _device);
        Assert.That(x.VectorNorm().Item(), Is.Zero);
        Assert.That(
            () => x.VectorNorm(double.PositiveInfinity),
            Throws.TypeOf<ShapeException>().With.Message.Contains("vector_norm(input (0) f32)")
        );
        Assert.That(() => x.VectorNorm(double.NaN), Throws.TypeOf<AttributeException>());
        Assert.That(() => x.Min(), Throws.TypeOf<ShapeException>().With.Message.Contains("no smallest"));
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
