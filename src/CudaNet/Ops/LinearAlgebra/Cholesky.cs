namespace CudaNet;

/// <summary>
/// L with A = L·Lᵀ. Of A its symmetric part is taken, so that the gradient with respect to each element is that of a function of all of them.
/// </summary>
internal sealed class CholeskyOp() : MatrixOp("cholesky", "input -> output")
{
    public static readonly CholeskyOp Instance = new();

    protected override double CubicCost => 1.0 / 3;

    protected internal override Saved Saves => Saved.Outputs(0);

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        RequireSquare(call);
        outputs[0] = new(call.Input(0).Shape, call.Input(0).DType);
    }

    public override void Reference(ReferenceCall call)
    {
        var input = call.Input();
        for (long b = 0; b < MatrixCount(input); b++)
        {
            var matrix = ReadSymmetric(input, b);
            try
            {
                Write(call.Output(), b, matrix.Cholesky().Factor);
            }
            catch (ArgumentException)
            {
                throw Unfit(input.Shape, b, "is not positive definite", "add a multiple of the identity");
            }
        }
    }

    /// <summary>½·L⁻ᵀ(P + Pᵀ)L⁻¹ with P the lower triangle of Lᵀ·ḡ, its diagonal halved (Murray 2016, equations 8 to 10).</summary>
    protected internal override void Backward(BackwardCall call)
    {
        var factor = call.Output();
        var halved = 1 - 0.5 * Tensor.Eye(factor.Shape[-1], dtype: factor.DType, device: factor.Device);
        var p = Transposed(factor).MatMul(call.GradOutput()).Tril() * halved;
        var left = Transposed(factor).SolveTriangular(p + Transposed(p), upper: true);
        call.Set(0, 0.5 * DivideByTriangular(left, factor, upper: false));
    }

    public override IEnumerable<OpCase> Cases() => SquareCases();
}
