namespace CudaNet;

/// <summary>The sign of a determinant and the logarithm of its size: 0 and −∞ for a singular matrix.</summary>
internal sealed class SlogDetOp() : MatrixOp("slogdet", "input -> sign, logabsdet")
{
    public static readonly SlogDetOp Instance = new();

    protected override double CubicCost => 2.0 / 3;

    protected internal override Saved Saves => Saved.Inputs(0);

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        RequireSquare(call);
        outputs[0] = outputs[1] = new(BatchOf(call.Input(0).Shape), call.Input(0).DType);
    }

    public override void Reference(ReferenceCall call)
    {
        var input = call.Input();
        call.Output(1).Terms = input.Shape[-1];
        for (long b = 0; b < MatrixCount(input); b++)
        {
            var (permutation, _, upper) = LuOp.Factor(Read(input, b));
            double sign = IsOdd(permutation) ? -1 : 1;
            var (log, size) = (0.0, 0.0);
            foreach (var pivot in upper.Diagonal())
            {
                sign *= Math.Sign(pivot);
                log += Math.Log(Math.Abs(pivot));
                // A pivot's own error is that of its relative size.
                size += Math.Abs(Math.Log(Math.Abs(pivot))) + 1;
            }
            call.Output(0)[b] = sign;
            call.Output(1)[b] = log;
            if (call.Output(1).Magnitude.Length > 0 && double.IsFinite(size))
                call.Output(1).Magnitude[b] = size;
        }
    }

    private static bool IsOdd(double[] permutation)
    {
        var odd = false;
        var places = (double[])permutation.Clone();
        for (var i = 0; i < places.Length; i++)
            while ((int)places[i] != i)
            {
                var to = (int)places[i];
                (places[i], places[to]) = (places[to], places[i]);
                odd = !odd;
            }
        return odd;
    }

    /// <summary>ḡ·A⁻ᵀ.</summary>
    protected internal override void Backward(BackwardCall call) =>
        call.Set(0, call.GradOutput(1).Unsqueeze(-1).Unsqueeze(-1) * Transposed(call.Input(0).Inverse()));

    public override IEnumerable<OpCase> Cases() => SquareCases();
}
