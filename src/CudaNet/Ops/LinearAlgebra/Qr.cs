using MathNet.Numerics.LinearAlgebra.Factorization;

namespace CudaNet;

/// <summary>The reduced QR decomposition of matrices that are at least as high as wide: A = Q·R, the columns of Q orthonormal.</summary>
internal sealed class QrOp() : MatrixOp("qr", "input -> q, r")
{
    public static readonly QrOp Instance = new();

    protected override double CubicCost => 4;

    protected internal override Saved Saves => Saved.Outputs(0, 1);

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        RequireMatrices(call);
        var shape = call.Input(0).Shape;
        if (shape[-2] < shape[-1])
            throw call.ShapeError("expected at least as many rows as columns; Tensor.Qr() takes wide matrices too");
        outputs[0] = new(shape, call.Input(0).DType);
        outputs[1] = new([.. BatchOf(shape).Dims, shape[-1], shape[-1]], call.Input(0).DType);
    }

    public override void Reference(ReferenceCall call)
    {
        var input = call.Input();
        for (long b = 0; b < MatrixCount(input); b++)
        {
            var factors = Read(input, b).QR(QRMethod.Thin);
            Write(call.Output(0), b, factors.Q);
            Write(call.Output(1), b, factors.R);
        }
    }

    /// <summary>(Q̄ + Q·copyltu(R·R̄ᵀ − Q̄ᵀ·Q))·R⁻ᵀ, where copyltu mirrors the lower triangle (Walter and Lehmann 2010).</summary>
    protected internal override void Backward(BackwardCall call)
    {
        var (q, r) = (call.Output(0), call.Output(1));
        var gradQ = call.GradOutput(0);
        var m = r.MatMul(Transposed(call.GradOutput(1).Triu())) - Transposed(gradQ).MatMul(q);
        var mirrored = m.Tril() + Transposed(m.Tril(-1));
        call.Set(0, DivideByTriangular(gradQ + q.MatMul(mirrored), Transposed(r), upper: false));
    }

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in new[] { DType.Float32, DType.Float64 })
        foreach (var shape in new long[][] { [1, 1], [3, 1], [2, 5, 3], [17, 17], [0, 4, 2] })
            yield return new OpCase(this, dtype, Label(shape), [Dominant(shape)]);
        foreach (var shape in new long[][] { [3, 3], [2, 4, 2] })
            yield return new OpCase(this, DType.Float64, Label(shape), [Dominant(shape)]) { CheckGradient = true };
        yield return new OpCase(this, DType.Float32, "64x64", [Dominant(64, 64)]) { IsBenchmark = true };
    }
}
