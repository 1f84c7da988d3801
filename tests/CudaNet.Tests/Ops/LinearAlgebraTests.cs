using System.Text.Json;

namespace CudaNet.Tests.Ops;

/// <summary>Decompositions: reconstruction, recorded PyTorch values and gradients (tests/golden/make_linear_algebra.py), and errors.</summary>
[TestFixture]
public sealed class LinearAlgebraTests
{
    private static readonly JsonElement Golden = JsonDocument
        .Parse(File.ReadAllText(Path.Combine(RepositoryRoot.Find(), "tests/golden/linear_algebra.json")))
        .RootElement;

    private static IEnumerable<string> Names =>
        Golden.GetProperty("cases").EnumerateArray().Select(c => c.GetProperty("name").GetString()!);

    private static readonly Dictionary<string, Func<Tensor, Tensor[]>> Functions = new()
    {
        ["cholesky"] = a => [a.Cholesky()],
        ["solve_triangular"] = a => [a.SolveTriangular(Weights([2, 4, 2], 5), upper: true)],
        ["lu"] = a => [a.Lu().Lower, a.Lu().Upper],
        ["slogdet"] = a => [(-a).SlogDet().LogAbsDet],
        ["inverse"] = a => [a.Inverse()],
        ["solve"] = a => [a.Solve(Weights([2, 4, 2], 5))],
        ["qr"] = PositiveQr,
        ["qr_wide"] = PositiveQr,
        ["svd"] = a => [a.Svd().U, a.Svd().S, a.Svd().Vh],
        ["svd_wide"] = a => [a.Svd().U, a.Svd().S, a.Svd().Vh],
        ["eigh"] = a => [a.Eigh().Eigenvalues, a.Eigh().Eigenvectors],
    };

    private static Tensor Weights(Shape shape, int index) =>
        Tensor.From([.. Enumerable.Range(0, (int)shape.NumElements).Select(i => Math.Cos(0.9 * i + index))], shape);

    /// <summary>With a positive diagonal of R, which makes the factors unique.</summary>
    private static Tensor[] PositiveQr(Tensor a)
    {
        var (q, r) = a.Qr();
        var rows = r.Shape[-2];
        var square = r.Detach().Narrow(r.Rank - 1, 0, rows);
        var signs = (square * Tensor.Eye(rows, dtype: r.DType)).Sum(-1).Sign();
        return [q * signs.Unsqueeze(-2), r * signs.Unsqueeze(-1)];
    }

    private static Tensor Matrices(int rows, int columns, DType dtype = DType.Float64)
    {
        var values = new double[2 * rows * columns];
        for (var i = 0; i < 2 * rows; i++)
        for (var j = 0; j < columns; j++)
            values[i * columns + j] = 0.5 * Math.Sin(1 + 1.3 * i + 0.7 * j) + (i % rows == j ? 2.0 * (j + 1) : 0);
        return Tensor.From(values, [2, rows, columns]).Cast(dtype);
    }

    private static Tensor Loss(Tensor[] outputs) =>
        outputs.Select((o, i) => (o * Weights(o.Shape, i)).Sum()).Aggregate((a, b) => a + b);

    [TestCaseSource(nameof(Names))]
    public void FollowsPyTorchToSecondOrder(string name)
    {
        var golden = Golden
            .GetProperty("cases")
            .EnumerateArray()
            .Single(c => c.GetProperty("name").GetString() == name);
        var a = Matrices(golden.GetProperty("rows").GetInt32(), golden.GetProperty("columns").GetInt32());
        a.RequiresGrad = true;
        var outputs = Functions[name](a);
        var gradient = Autograd.Grad(Loss(outputs), a, createGraph: true);
        var second = Autograd.Grad((gradient * Weights(gradient.Shape, 3)).Sum(), a);
        using var all = Assert.EnterMultipleScope();
        for (var i = 0; i < outputs.Length; i++)
            Close(outputs[i], golden.GetProperty("outputs")[i], $"output {i}");
        Close(gradient, golden.GetProperty("gradient"), "gradient");
        Close(second, golden.GetProperty("second"), "second gradient");
    }

    private static void Close(Tensor got, JsonElement expected, string what)
    {
        var want = expected.EnumerateArray().Select(v => v.GetDouble()).ToArray();
        var size = want.Max(Math.Abs) + 1;
        Assert.That(got.ToDoubles(), Is.EqualTo(want).Within(1e-10 * size), what);
    }

    private static void Close(Tensor got, Tensor expected, double within) =>
        Assert.That(got.ToDoubles(), Is.EqualTo(expected.ToDoubles()).Within(within));

    private static Tensor T(Tensor matrices) => matrices.Transpose(-2, -1);

    [TestCase("f32", 2e-5)]
    [TestCase("f64", 1e-13)]
    public void ProductsOfFactorsGiveTheMatrixBack(string dtypeName, double within)
    {
        var dtype = DTypes.Parse(dtypeName);
        var random = Tensor.RandN([3, 6, 6], dtype: dtype, generator: new Generator(4));
        var positive = random.MatMul(T(random)) + Tensor.Eye(6, dtype: dtype);
        var eye = Tensor.Eye(6, dtype: dtype);
        using var all = Assert.EnterMultipleScope();
        var lower = positive.Cholesky();
        Close(lower.MatMul(T(lower)), positive, within * 10);
        Close(T(positive.Cholesky(upper: true)), lower, 0);
        var (permutation, l, u) = random.Lu();
        Close(l.MatMul(u), random.Gather(1, permutation.Unsqueeze(-1).Expand(3, 6, 6)), within);
        Close(random.Inverse().MatMul(random), eye.Expand(3, 6, 6), within * 20);
        Close(random.MatMul(random.Solve(positive)), positive, within * 100);
        var (q, r) = random.Qr();
        Close(q.MatMul(r), random, within);
        Close(T(q).MatMul(q), eye.Expand(3, 6, 6), within);
        Close(r.Tril(-1), Tensor.Zeros(r.Shape, dtype), 0);
        var tall = random.Narrow(2, 0, 4);
        var (left, s, right) = tall.Svd();
        Close((left * s.Unsqueeze(-2)).MatMul(right), tall, within);
        Close(T(left).MatMul(left), Tensor.Eye(4, dtype: dtype).Expand(3, 4, 4), within);
        var (values, vectors) = positive.Eigh();
        Close((vectors * values.Unsqueeze(-2)).MatMul(T(vectors)), positive, within * 20);
        Close(values.Sort(-1).Values, values, 0);
    }

    [Test]
    public void TrianglesOnEitherSideAndStacksBroadcast()
    {
        var a = Matrices(4, 4);
        var b = Weights([4, 3], 0);
        var x = a.SolveTriangular(b, upper: false);
        Assert.That(x.Shape, Is.EqualTo(new Shape(2, 4, 3)));
        Close(a.Tril().MatMul(x), b.Expand(2, 4, 3), 1e-13);
        var c = Weights([3, 4], 1);
        Close(a.SolveTriangular(c, upper: true, left: false).MatMul(a.Triu()), c.Expand(2, 3, 4), 1e-13);
        var unit = a.Tril(-1) + Tensor.Eye(4, dtype: DType.Float64);
        Close(unit.MatMul(a.SolveTriangular(b, upper: false, unitriangular: true)), b.Expand(2, 4, 3), 1e-11);
        var vector = Weights([4], 2);
        Close(a.MatMul(a.Solve(vector).Unsqueeze(-1)).Squeeze(-1), vector.Expand(2, 4), 1e-13);
    }

    /// <summary>UDL 16.4: a diagonal and a triangular map, their determinants and inverses.</summary>
    [Test]
    public void Udl_16_4_DeterminantsAndInverses()
    {
        var diagonal = Tensor.From<double>([2, 0, 0, 0, 0, -5, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2], [4, 4]);
        double[] inverse = [1, 0, 0, 0, -0.5, 0.25, 0, 0, -0.75, 0.125, 0.5, 0, -6.5, 0.75, 1, 1];
        var triangular = Tensor.From<double>([1, 0, 0, 0, 2, 4, 0, 0, 1, -1, 2, 0, 4, -2, -2, 1], [4, 4]);
        using var all = Assert.EnterMultipleScope();
        Assert.That(diagonal.Det().Item(), Is.EqualTo(-20).Within(1e-12));
        Assert.That(diagonal.SlogDet().Sign.Item(), Is.EqualTo(-1));
        Close(
            diagonal.Inverse(),
            Tensor.From<double>([0.5, 0, 0, 0, 0, -0.2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0.5], [4, 4]),
            1e-15
        );
        Assert.That(triangular.Det().Item(), Is.EqualTo(8).Within(1e-12));
        Assert.That(triangular.Inverse().ToDoubles(), Is.EqualTo(inverse).Within(1e-14));
        var solved = triangular.SolveTriangular(Tensor.Eye(4, dtype: DType.Float64), upper: false);
        Assert.That(solved.ToDoubles(), Is.EqualTo(inverse).Within(1e-14));
    }

    [Test]
    public void ASingularMatrixHasTheLogDeterminantMinusInfinity()
    {
        var (sign, log) = Tensor.From<double>([1, 2, 2, 4], [2, 2]).SlogDet();
        Assert.That((sign.Item(), log.Item()), Is.EqualTo((0.0, double.NegativeInfinity)));
        Assert.That(Tensor.From<double>([1, 2, 2, 4], [2, 2]).Det().Item(), Is.Zero);
    }

    [Test]
    public void PowerIterationFindsTheSpectralNorm()
    {
        var w = Matrices(5, 3).Select(0, 0).Contiguous();
        w.RequiresGrad = true;
        var (u, s, vh) = w.Detach().Svd();
        var (norm, left) = w.SpectralNorm(60, generator: new Generator(1));
        Assert.That(norm.Item(), Is.EqualTo(s.ToDoubles()[0]).Within(1e-12));
        var gradient = Autograd.Grad(norm, w);
        var outer = u.Narrow(1, 0, 1).MatMul(vh.Narrow(0, 0, 1));
        Close(gradient, outer, 1e-7);
        Assert.That(w.SpectralNorm(1, left).Norm.Item(), Is.EqualTo(norm.Item()).Within(1e-12));
    }

    [TestCase("cpu")]
    [TestCase("simt", Category = "Simt")]
    public void GradientsReachTheDevice(string name)
    {
        var device = TestDevices.Open(name);
        var a = Tensor.From(Matrices(4, 4, DType.Float32).ToArray<float>(), [2, 4, 4], device);
        a.RequiresGrad = true;
        a.Inverse().Sum().Backward();
        var expected = -T(
            a.Detach().Inverse().Sum(-1, keepDim: true).MatMul(a.Detach().Inverse().Sum(-2, keepDim: true))
        );
        Assert.That(a.Grad!.Device, Is.SameAs(device));
        Close(a.Grad, expected, 1e-6);
    }

    private static readonly (string Message, Func<object> Call)[] Refused =
    [
        ("expected square matrices, not 2 rows and 3 columns", () => Tensor.Ones([2, 3]).Inverse()),
        ("at least one row", () => Tensor.Ones([3]).Cholesky()),
        ("at least one row", () => Tensor.Ones([2, 0, 0]).Eigh()),
        ("expected f32 or f64", () => Tensor.Ones([2, 2], DType.Float16).Svd()),
        ("matrix 1 is not positive definite", () => Tensor.From<float>([1, 0, 0, 1, 1, 2, 2, 1], [2, 2, 2]).Cholesky()),
        ("matrix 0 is singular", () => Tensor.Ones([2, 2]).Inverse()),
        ("matrix 0 is singular", () => Tensor.Ones([2, 2]).Solve(Tensor.Ones([2]))),
        ("a 0 on its diagonal", () => Tensor.Zeros([2, 2]).SolveTriangular(Tensor.Ones([2, 1]), upper: true)),
        ("holds NaN", () => Tensor.Full([2, 2], double.NaN).Lu()),
        ("as many rows on the right", () => Tensor.Ones([2, 2]).Solve(Tensor.Ones([3, 1]))),
        ("as many rows on the right", () => Tensor.Ones([2, 3, 3]).Solve(Tensor.Ones([4, 3, 1]))),
        ("expected one matrix", () => Tensor.Ones([2, 2, 2]).SpectralNorm()),
        ("takes wide matrices too", () => QrOp.Instance.Apply([Tensor.Ones([2, 3])])),
    ];

    private static IEnumerable<TestCaseData> RefusedCases =>
        Refused.Select((refused, i) => new TestCaseData(i).SetArgDisplayNames($"{i}: {refused.Message}"));

    [TestCaseSource(nameof(RefusedCases))]
    public void Refuses(int which) =>
        Assert.That(
            () => Refused[which].Call(),
            Throws.InstanceOf<CudaNetException>().With.Message.Contains(Refused[which].Message)
        );
}
