using MathNet.Numerics.LinearAlgebra;

namespace CudaNet;

/// <summary>A[permutation] = L·U with partial pivoting, for square A: L has ones on its diagonal.</summary>
internal sealed class LuOp() : MatrixOp("lu", "input -> permutation, lower, upper")
{
    public static readonly LuOp Instance = new();

    protected override double CubicCost => 2.0 / 3;

    protected internal override Saved Saves => Saved.Outputs(0, 1, 2);

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        RequireSquare(call);
        var shape = call.Input(0).Shape;
        outputs[0] = new([.. shape.Dims[..^1]], DType.Int64);
        outputs[1] = outputs[2] = new(shape, call.Input(0).DType);
    }

    public override void Reference(ReferenceCall call)
    {
        var input = call.Input();
        for (long b = 0; b < MatrixCount(input); b++)
        {
            var (permutation, lower, upper) = Factor(Read(input, b));
            Write(call.Output(0), b, permutation);
            Write(call.Output(1), b, lower);
            Write(call.Output(2), b, upper);
        }
    }

    /// <summary>The factors of one matrix; singular ones have them too.</summary>
    internal static (double[] Permutation, Matrix<double> Lower, Matrix<double> Upper) Factor(Matrix<double> matrix)
    {
        var factors = matrix.LU();
        var rows = Matrix<double>.Build.Dense(matrix.RowCount, 1, (i, _) => i);
        rows.PermuteRows(factors.P);
        return (rows.ToColumnMajorArray(), factors.L, factors.U);
    }

    /// <summary>Pᵀ·L⁻ᵀ·(tril(Lᵀ·L̄, −1) + triu(Ū·Uᵀ))·U⁻ᵀ (de Hoog, Anderssen and Lukas 2011).</summary>
    protected internal override void Backward(BackwardCall call)
    {
        var (lower, upper) = (call.Output(1), call.Output(2));
        var inner =
            Transposed(lower).MatMul(call.GradOutput(1)).Tril(-1) + call.GradOutput(2).MatMul(Transposed(upper)).Triu();
        var left = Transposed(lower).SolveTriangular(inner, upper: true, unitriangular: true);
        var permuted = DivideByTriangular(left, Transposed(upper), upper: false);
        var rows = call.Output(0).Unsqueeze(-1).Expand(permuted.Shape.Dims);
        var zeros = Tensor.Zeros(permuted.Shape, permuted.DType, permuted.Device);
        call.Set(0, zeros.Scatter(permuted.Rank - 2, rows, permuted));
    }

    public override IEnumerable<OpCase> Cases() => SquareCases();
}
