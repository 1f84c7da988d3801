using MathNet.Numerics.LinearAlgebra;

namespace CudaNet;

/// <summary>
/// Eigenvalues, rising, and eigenvectors, in columns, of the symmetric part of a matrix. The largest element of each vector is positive.
/// </summary>
internal sealed class EighOp() : MatrixOp("eigh", "input -> eigenvalues, eigenvectors")
{
    public static readonly EighOp Instance = new();

    protected override double CubicCost => 9;

    protected internal override Saved Saves => Saved.Outputs(0, 1);

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        RequireSquare(call);
        var shape = call.Input(0).Shape;
        outputs[0] = new([.. shape.Dims[..^1]], call.Input(0).DType);
        outputs[1] = new(shape, call.Input(0).DType);
    }

    public override void Reference(ReferenceCall call)
    {
        var input = call.Input();
        for (long b = 0; b < MatrixCount(input); b++)
        {
            var matrix = ReadSymmetric(input, b);
            var factors = Decompose(input.Shape, b, () => matrix.Evd(Symmetricity.Symmetric));
            var vectors = factors.EigenVectors;
            FixSigns(vectors);
            Write(call.Output(0), b, [.. factors.EigenValues.Select(value => value.Real)]);
            Write(call.Output(1), b, vectors);
        }
    }

    /// <summary>The symmetric part of V·(diag(λ̄) + F∘(VᵀV̄))·Vᵀ with Fᵢⱼ = 1/(λⱼ − λᵢ) off the diagonal (Giles 2008, section 3.1). It has no bound
    /// where values meet.</summary>
    protected internal override void Backward(BackwardCall call)
    {
        var (values, vectors) = (call.Output(0), call.Output(1));
        var transposed = Transposed(vectors);
        var inner = Diagonal(call.GradOutput(0)) + InverseGaps(values) * transposed.MatMul(call.GradOutput(1));
        var gradient = vectors.MatMul(inner).MatMul(transposed);
        call.Set(0, 0.5 * (gradient + Transposed(gradient)));
    }

    public override IEnumerable<OpCase> Cases() => SquareCases();
}
