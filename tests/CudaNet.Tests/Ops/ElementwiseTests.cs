namespace CudaNet.Tests.Ops;

/// <summary>Element-wise ops against known numbers, at the values where kernels go wrong.</summary>
[TestFixture]
public sealed class ElementwiseTests
{
    private const float Inf = float.PositiveInfinity;
    private const float NaN = float.NaN;

    /// <summary>Long enough for the vector loop, with a tail.</summary>
    private const int Repeats = 23;

    private static readonly float[] Special = [0f, -0f, NaN, Inf, -Inf, 1f, -1f, 1e-40f, 3e38f, -3e38f];

    private static IEnumerable<TestCaseData> SpecialValues()
    {
        TestCaseData Case(string name, Func<Tensor, Tensor> op, params float[] expected) =>
            new TestCaseData(op, expected).SetArgDisplayNames(name);

        var e = MathF.E;
        yield return Case("exp", x => x.Exp(), 1, 1, NaN, Inf, 0, e, 1 / e, 1, Inf, 0);
        yield return Case("log", x => x.Log(), -Inf, -Inf, NaN, Inf, NaN, 0, NaN, -92.103403f, 88.596848f, NaN);
        yield return Case("sqrt", x => x.Sqrt(), 0, -0f, NaN, Inf, NaN, 1, NaN, 9.999973e-21f, 1.7320508e19f, NaN);
        yield return Case("tanh", x => x.Tanh(), 0, -0f, NaN, 1, -1, 0.7615942f, -0.7615942f, 1e-40f, 1, -1);
        yield return Case("sigmoid", x => x.Sigmoid(), 0.5f, 0.5f, NaN, 1, 0, 0.7310586f, 0.26894143f, 0.5f, 1, 0);
        yield return Case("relu", x => x.Relu(), 0, -0f, NaN, Inf, 0, 1, 0, 1e-40f, 3e38f, 0);
        yield return Case("abs", x => x.Abs(), 0, 0, NaN, Inf, Inf, 1, 1, 1e-40f, 3e38f, 3e38f);
        yield return Case("neg", x => -x, -0f, 0, NaN, -Inf, Inf, -1, 1, -1e-40f, -3e38f, 3e38f);
        yield return Case("affine", x => 2 * x + 1, 1, 1, NaN, Inf, -Inf, 3, -1, 1, Inf, -Inf);
        yield return Case(
            "reciprocal",
            x => 1 / x,
            Inf,
            -Inf,
            NaN,
            0,
            -0f,
            1,
            -1,
            Inf,
            3.3333333e-39f,
            -3.3333333e-39f
        );
        yield return Case("pow 2", x => x.Pow(2), 0, 0, NaN, Inf, Inf, 1, 1, 0, Inf, Inf);
        yield return Case(
            "pow -1",
            x => x.Pow(-1),
            Inf,
            -Inf,
            NaN,
            0,
            -0f,
            1,
            -1,
            Inf,
            3.3333333e-39f,
            -3.3333333e-39f
        );
        yield return Case("pow 0", x => x.Pow(0), 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
        yield return Case("pow 3", x => x.Pow(3), 0, -0f, NaN, Inf, -Inf, 1, -1, 0, Inf, -Inf);
        yield return Case("pow 0.5", x => x.Pow(0.5), 0, 0, NaN, Inf, Inf, 1, NaN, 9.999973e-21f, 1.7320508e19f, NaN);
    }

    [TestCaseSource(nameof(SpecialValues))]
    public void SpecialValuesAreRight(Func<Tensor, Tensor> op, float[] expected)
    {
        float[] values = [.. Enumerable.Repeat(Special, Repeats).SelectMany(v => v)];
        var y = op(Tensor.From(values)).ToArray<float>();
        for (var i = 0; i < y.Length; i++)
            AssertSame(y[i], expected[i % Special.Length], $"at {values[i]}, element {i}");
    }

    [TestCase(3, 4, ExpectedResult = 7)]
    [TestCase(long.MaxValue, 1, ExpectedResult = long.MinValue)]
    [TestCase((1L << 53) + 1, 0, ExpectedResult = (1L << 53) + 1)]
    public long AdditionOfIntegersIsExactAndWraps(long a, long b) =>
        (Tensor.From(new[] { a, a, a }) + Tensor.From(new[] { b })).ToArray<long>()[2];

    [Test]
    public void MultiplicationOfIntegersWraps()
    {
        int[] a = [.. Enumerable.Range(0, 37).Select(i => 0x12345678 + 0x01234567 * i)];
        Assert.That(
            Tensor.From(a).Mul(Tensor.From(a)).ToArray<int>(),
            Is.EqualTo(a.Select(v => unchecked(v * v)).ToArray())
        );
        byte[] b = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
        Assert.That(
            Tensor.From(b).Mul(Tensor.From(b)).ToArray<byte>(),
            Is.EqualTo(b.Select(v => unchecked((byte)(v * v))).ToArray())
        );
        Assert.That(
            (Tensor.From(b) - 1).ToArray<byte>(),
            Is.EqualTo(b.Select(v => unchecked((byte)(v - 1))).ToArray())
        );
    }

    [Test]
    public void TheLowestIntegerIsItsOwnNegative() =>
        Assert.That(
            Tensor.From([long.MinValue, 5L, -5L]).Neg().ToArray<long>(),
            Is.EqualTo(new[] { long.MinValue, -5, 5 })
        );

    [Test]
    public void ComparisonsWithNaNAreFalseExceptNe()
    {
        var x = Tensor.From([1f, NaN, 2f]);
        var y = Tensor.From([1f, 1f, NaN]);
        Assert.Multiple(() =>
        {
            Assert.That(x.Eq(y).ToArray<bool>(), Is.EqualTo(new[] { true, false, false }));
            Assert.That(x.Ne(y).ToArray<bool>(), Is.EqualTo(new[] { false, true, true }));
            Assert.That((x < y).ToArray<bool>(), Is.EqualTo(new[] { false, false, false }));
            Assert.That((x <= y).ToArray<bool>(), Is.EqualTo(new[] { true, false, false }));
            Assert.That((x > y).ToArray<bool>(), Is.EqualTo(new[] { false, false, false }));
            Assert.That((x >= y).ToArray<bool>(), Is.EqualTo(new[] { true, false, false }));
        });
    }

    [Test]
    public void IntegersAboveTheReachOfDoublesCompareExactly()
    {
        var big = 1L << 60;
        var x = Tensor.From([big, big + 1, big - 1]);
        Assert.That((x > Tensor.From([big])).ToArray<bool>(), Is.EqualTo(new[] { false, true, false }));
    }

    [Test]
    public void WhereMovesBitsOfEveryDtype([Values] DType dtype)
    {
        var condition = Tensor.From([.. Enumerable.Range(0, 101).Select(i => i % 3 == 0)]);
        var input = Tensor.Full([101], 1, dtype);
        var other = Tensor.Full([101], 0, dtype);
        double[] expected = [.. Enumerable.Range(0, 101).Select(i => i % 3 == 0 ? 1.0 : 0.0)];
        Assert.That(Tensor.Where(condition, input, other).ToDoubles(), Is.EqualTo(expected));
        Assert.That(Tensor.Where(condition, 1, other).ToDoubles(), Is.EqualTo(expected));
    }

    [Test]
    public void NoGradientFlowsThroughTheBranchNotTaken()
    {
        var x = Tensor.From([0f, 4f]);
        x.RequiresGrad = true;
        // The classic trap: the untaken branch has an infinite derivative at 0.
        var safe = Tensor.Where(x > 0, x, 1);
        Tensor.Where(x > 0, safe.Sqrt(), 0).Sum().Backward();
        Assert.That(x.Grad!.ToArray<float>(), Is.EqualTo(new[] { 0f, 0.25f }));
    }

    [Test]
    public void PowersHaveGradientsAtZero([Values(1, 2, 3)] int exponent)
    {
        var x = Tensor.From([0.0, 2.0]);
        x.RequiresGrad = true;
        x.Pow(exponent).Sum().Backward();
        double[] expected = [exponent == 1 ? 1 : 0, exponent * Math.Pow(2, exponent - 1)];
        Assert.That(x.Grad!.ToDoubles(), Is.EqualTo(expected).Within(1e-12));
    }

    [Test]
    public void ThirdDerivativesAreRight()
    {
        var x = Tensor.From([0.3, -0.7]);
        x.RequiresGrad = true;
        var y = x.Tanh();
        for (var order = 0; order < 3; order++)
            y = Autograd.Grad([y.Sum()], [x], createGraph: true)[0]!;
        double[] expected =
        [
            .. x.ToDoubles()
                .Select(v =>
                {
                    var t = Math.Tanh(v);
                    return (1 - t * t) * (6 * t * t - 2);
                }),
        ];
        Assert.That(y.ToDoubles(), Is.EqualTo(expected).Within(1e-12));
    }

    [Test]
    public void ErrorsNameTheCallAndWhatToDo()
    {
        var x = Tensor.Zeros([2, 3]);
        Assert.Multiple(() =>
        {
            Assert.That(
                () => x + Tensor.Zeros([4]),
                Throws.TypeOf<ShapeException>().With.Message.Contains("add(input (2, 3) f32, other (4) f32)")
            );
            Assert.That(
                () => x + Tensor.Zeros([3], DType.Float64),
                Throws.TypeOf<DTypeException>().With.Message.Contains("Cast")
            );
            Assert.That(
                () => Tensor.Zeros([3], DType.Int64).Exp(),
                Throws.TypeOf<DTypeException>().With.Message.Contains("exp(input (3) i64)")
            );
            Assert.That(
                () => Tensor.Where(x, x, x),
                Throws.TypeOf<DTypeException>().With.Message.Contains("condition of dtype bool")
            );
            Assert.That(
                () => Tensor.Zeros([3], DType.Bool) + Tensor.Zeros([3], DType.Bool),
                Throws.TypeOf<DTypeException>().With.Message.Contains("bool")
            );
            Assert.That(() => -Tensor.Zeros([3], DType.UInt8), Throws.TypeOf<DTypeException>());
            Assert.That(
                () => Tensor.Zeros([3], DType.Int64) > 0.5,
                Throws.TypeOf<DTypeException>().With.Message.Contains("0.5")
            );
        });
    }

    [Test]
    public void PolynomialsKeepTheirAccuracyOverTheWholeRange()
    {
        // The bounds are those that ElementwiseMath states, in units of the last place of f32 rounded up.
        AssertAccurate(x => x.Exp(), Math.Exp, -87, 88.7, 1.2e-7);
        AssertAccurate(x => x.Log(), Math.Log, 1e-6, 10, 2e-7);
        AssertAccurate(x => x.Tanh(), Math.Tanh, -10, 10, 2e-7);
        AssertAccurate(x => x.Sigmoid(), v => 1 / (1 + Math.Exp(-v)), -80, 20, 2e-7);
    }

    private static void AssertAccurate(
        Func<Tensor, Tensor> op,
        Func<double, double> exact,
        double low,
        double high,
        double bound
    )
    {
        const int n = 20_001;
        float[] x = [.. Enumerable.Range(0, n).Select(i => (float)(low + (high - low) * i / (n - 1)))];
        var y = op(Tensor.From(x)).ToArray<float>();
        for (var i = 0; i < n; i++)
        {
            var expected = exact(x[i]);
            if (Math.Abs(y[i] - expected) > bound * Math.Abs(expected))
                Assert.Fail($"at {x[i]:R}: {y[i]:R} instead of {expected:R}");
        }
    }

    private static void AssertSame(float actual, float expected, string where)
    {
        var same = float.IsNaN(expected)
            ? float.IsNaN(actual)
            : actual == expected || MathF.Abs(actual - expected) <= 3e-7f * MathF.Abs(expected);
        var sameSign = expected != 0 || float.IsNegative(actual) == float.IsNegative(expected);
        if (!same || !sameSign)
            Assert.Fail($"{actual:R} instead of {expected:R} {where}");
    }
}
