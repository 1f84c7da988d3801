using MathNet.Numerics.LinearAlgebra;

namespace CudaNet;

/// <summary>A⁻¹.</summary>
internal sealed class InverseOp() : MatrixOp("inverse", "input -> output")
{
    public static readonly InverseOp Instance = new();

    protected override double CubicCost => 2;

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
            var matrix = Read(input, b);
            var identity = Matrix<double>.Build.DenseIdentity(matrix.RowCount);
            Write(call.Output(), b, Solve(this, input.Shape, b, matrix, identity));
        }
    }

    /// <summary>A⁻¹·B.</summary>
    /// <exception cref="LinearAlgebraException">A pivot is 0.</exception>
    internal static Matrix<double> Solve(MatrixOp op, Shape shape, long which, Matrix<double> a, Matrix<double> b)
    {
        var factors = a.LU();
        return factors.U.Diagonal().All(pivot => pivot != 0)
            ? factors.Solve(b)
            : throw op.Unfit(shape, which, "is singular");
    }

    /// <summary>−Yᵀ·ḡ·Yᵀ with Y = A⁻¹.</summary>
    protected internal override void Backward(BackwardCall call)
    {
        var transposed = Transposed(call.Output());
        call.Set(0, -transposed.MatMul(call.GradOutput()).MatMul(transposed));
    }

    public override IEnumerable<OpCase> Cases() => SquareCases();
}
