namespace CudaNet;

/// <summary>X with A·X = B for square A.</summary>
internal sealed class SolveOp() : MatrixOp("solve", "input, other -> output")
{
    public static readonly SolveOp Instance = new();

    protected override double CubicCost => 2.0 / 3;

    protected internal override Saved Saves => Saved.Inputs(0).AndOutputs(0);

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        call.RequireSameDType();
        RequireSquare(call);
        RequireMatrices(call, 1);
        SolveTriangularOp.RequireFit(call);
        outputs[0] = new(call.Input(1).Shape, call.Input(1).DType);
    }

    public override void Reference(ReferenceCall call)
    {
        var (a, b) = (call.Input(0), call.Input(1));
        for (long m = 0; m < MatrixCount(a); m++)
            Write(call.Output(), m, InverseOp.Solve(this, a.Shape, m, Read(a, m), Read(b, m)));
    }

    /// <summary>A⁻ᵀ·ḡ for B, and −B̄·Xᵀ for A.</summary>
    protected internal override void Backward(BackwardCall call)
    {
        var other = Transposed(call.Input(0)).Solve(call.GradOutput());
        call.Set(1, other);
        if (call.Needs(0))
            call.Set(0, -other.MatMul(Transposed(call.Output())));
    }

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in new[] { DType.Float32, DType.Float64 })
        foreach (
            var (batch, n, columns) in new (long[], long, long)[] { ([], 1, 1), ([3], 5, 2), ([], 17, 3), ([0], 2, 2) }
        )
            yield return Case(dtype, batch, n, columns);
        yield return Case(DType.Float32, [3], 6, 6).With(CaseLayout.Transposed);
        yield return Case(DType.Float64, [2], 3, 2) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float32, [], 64, 64) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, long[] batch, long n, long columns) =>
        new(
            this,
            dtype,
            Label([.. batch, n, columns]),
            [Dominant([.. batch, n, n]), Draw.Normal([.. batch, n, columns])]
        );
}
