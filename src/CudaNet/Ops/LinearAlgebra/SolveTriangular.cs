namespace CudaNet;

/// <summary>X with A·X = B for a triangular A, whose other triangle is not read.</summary>
internal sealed class SolveTriangularOp()
    : MatrixOp("solve_triangular", "input, other; upper: bool, unitriangular: bool = false -> output")
{
    public static readonly SolveTriangularOp Instance = new();

    protected override double CubicCost => 1;

    protected internal override Saved Saves => Saved.Inputs(0).AndOutputs(0);

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        call.RequireSameDType();
        RequireSquare(call);
        RequireMatrices(call, 1);
        RequireFit(call);
        outputs[0] = new(call.Input(1).Shape, call.Input(1).DType);
    }

    internal static void RequireFit(in OpCall call)
    {
        var (a, b) = (call.Input(0).Shape, call.Input(1).Shape);
        if (!BatchOf(a).Equals(BatchOf(b)) || a[-1] != b[-2])
            throw call.ShapeError("expected as many rows on the right as the matrices have, in as many stacks");
    }

    public override void Reference(ReferenceCall call)
    {
        var (a, b, x) = (call.Input(0), call.Input(1), call.Output());
        var (upper, unit) = (call.Attributes.Bool(0), call.Attributes.Bool(1));
        var (n, columns) = (a.Shape[-1], b.Shape[-1]);
        x.Terms = n;
        for (long m = 0; m < MatrixCount(a); m++)
        for (long c = 0; c < columns; c++)
        for (long step = 0; step < n; step++)
        {
            var row = upper ? n - 1 - step : step;
            var sum = b[(m * n + row) * columns + c];
            var size = Math.Abs(sum);
            for (var k = upper ? row + 1 : 0; k < (upper ? n : row); k++)
            {
                var weight = a[(m * n + row) * n + k];
                sum -= weight * x[(m * n + k) * columns + c];
                size += Math.Abs(weight) * Math.Abs(x[(m * n + k) * columns + c]);
            }
            var pivot = unit ? 1 : a[(m * n + row) * n + row];
            if (pivot == 0)
                throw Unfit(a.Shape, m, "is singular: there is a 0 on its diagonal");
            x[(m * n + row) * columns + c] = sum / pivot;
            if (x.Magnitude.Length > 0)
                x.Magnitude[(m * n + row) * columns + c] = size / Math.Abs(pivot);
        }
    }

    /// <summary>A⁻ᵀ·ḡ for B, and for A the triangle of −B̄·Xᵀ.</summary>
    protected internal override void Backward(BackwardCall call)
    {
        var (upper, unit) = (call.Attributes.Bool(0), call.Attributes.Bool(1));
        var other = Transposed(call.Input(0)).SolveTriangular(call.GradOutput(), !upper, unit);
        call.Set(1, other);
        if (!call.Needs(0))
            return;
        var full = -other.MatMul(Transposed(call.Output()));
        var inside = unit ? 1 : 0;
        call.Set(0, upper ? full.Triu(inside) : full.Tril(-inside));
    }

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in new[] { DType.Float32, DType.Float64 })
        foreach (var upper in new[] { false, true })
        foreach (var unit in new[] { false, true })
        foreach (
            var (batch, n, columns) in new (long[], long, long)[] { ([], 1, 1), ([3], 5, 2), ([], 17, 3), ([0], 2, 2) }
        )
            yield return Case(dtype, batch, n, columns, upper, unit);
        yield return Case(DType.Float32, [3], 6, 6, true, false).With(CaseLayout.Transposed);
        foreach (var upper in new[] { false, true })
            yield return Case(DType.Float64, [2], 3, 2, upper, upper) with
            {
                CheckGradient = true,
            };
        yield return Case(DType.Float32, [], 64, 64, false, false) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, long[] batch, long n, long columns, bool upper, bool unit) =>
        new(
            this,
            dtype,
            $"{Label([.. batch, n, columns])},upper={upper},unitriangular={unit}",
            [Dominant([.. batch, n, n]), Draw.Normal([.. batch, n, columns])],
            Attributes.Of(upper, unit)
        );
}
