namespace CudaNet;

/// <summary>
/// The reduced singular value decomposition A = U·diag(S)·Vᵀ, values falling. Signs are chosen so that the largest element of each column of U is
/// positive, which makes the decomposition a function where the values differ.
/// </summary>
internal sealed class SvdOp() : MatrixOp("svd", "input -> u, s, vh")
{
    public static readonly SvdOp Instance = new();

    protected override double CubicCost => 20;

    protected internal override Saved Saves => Saved.Outputs(0, 1, 2);

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        RequireMatrices(call);
        var (shape, dtype) = (call.Input(0).Shape, call.Input(0).DType);
        var (batch, k) = (BatchOf(shape), Math.Min(shape[-2], shape[-1]));
        outputs[0] = new([.. batch.Dims, shape[-2], k], dtype);
        outputs[1] = new([.. batch.Dims, k], dtype);
        outputs[2] = new([.. batch.Dims, k, shape[-1]], dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var input = call.Input();
        var k = (int)call.Output(1).Shape[-1];
        for (long b = 0; b < MatrixCount(input); b++)
        {
            var matrix = Read(input, b);
            var factors = Decompose(input.Shape, b, () => matrix.Svd());
            var u = factors.U.SubMatrix(0, matrix.RowCount, 0, k);
            var vh = factors.VT.SubMatrix(0, k, 0, matrix.ColumnCount);
            FixSigns(u, vh);
            Write(call.Output(0), b, u);
            Write(call.Output(1), b, factors.S.ToArray());
            Write(call.Output(2), b, vh);
        }
    }

    /// <summary>
    /// U·[(F∘(UᵀŪ − ŪᵀU))·S + S·(F∘(VᵀV̄ − V̄ᵀV)) + S̄]·Vᵀ + (1 − UUᵀ)·Ū·S⁻¹·Vᵀ + U·S⁻¹·V̄ᵀ·(1 − VVᵀ), with Fᵢⱼ = 1/(sⱼ² − sᵢ²) off the diagonal (Townsend
    /// 2016). It has no bound where values meet.
    /// </summary>
    protected internal override void Backward(BackwardCall call)
    {
        var (u, s, vh) = (call.Output(0), call.Output(1), call.Output(2));
        var (gradU, gradV) = (call.GradOutput(0), Transposed(call.GradOutput(2)));
        var v = Transposed(vh);
        var gaps = InverseGaps(s.Square());
        var (row, column) = (s.Unsqueeze(-2), s.Unsqueeze(-1));
        var inner = gaps * Skew(u, gradU) * row + column * (gaps * Skew(v, gradV)) + Diagonal(call.GradOutput(1));
        var gradient = u.MatMul(inner).MatMul(vh);
        if (u.Shape[-2] > u.Shape[-1])
            gradient += (Outside(u, gradU) / row).MatMul(vh);
        if (v.Shape[-2] > v.Shape[-1])
            gradient += (u / row).MatMul(Transposed(Outside(v, gradV)));
        call.Set(0, gradient);
    }

    private static Tensor Skew(Tensor basis, Tensor gradient)
    {
        var product = Transposed(basis).MatMul(gradient);
        return product - Transposed(product);
    }

    /// <summary>The part of a gradient that leaves the space of the columns.</summary>
    private static Tensor Outside(Tensor basis, Tensor gradient) =>
        gradient - basis.MatMul(Transposed(basis).MatMul(gradient));

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in new[] { DType.Float32, DType.Float64 })
        foreach (var shape in new long[][] { [1, 1], [3, 1], [2, 5, 3], [2, 3, 5], [9, 9], [0, 4, 2] })
            yield return new OpCase(this, dtype, Label(shape), [Dominant(shape)]);
        foreach (var shape in new long[][] { [3, 3], [2, 4, 2], [2, 3] })
            yield return new OpCase(this, DType.Float64, Label(shape), [Dominant(shape)]) { CheckGradient = true };
        yield return new OpCase(this, DType.Float32, "32x32", [Dominant(32, 32)]) { IsBenchmark = true };
    }
}
