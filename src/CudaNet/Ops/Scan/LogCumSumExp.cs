namespace CudaNet;

internal sealed class LogCumSumExpOp() : ScanOp("logcumsumexp")
{
    public static readonly LogCumSumExpOp Instance = new();

    protected internal override Saved Saves => Saved.Inputs(0).AndOutputs(0);

    internal override CpuKernel? Cpu => CpuScan.LogCumSumExp;

    protected override DType RequireDType(in OpCall call) => call.RequireFloating();

    protected override void Line(ReferenceCall call, long first, long step, long n)
    {
        var (x, y) = (call.Input(), call.Output());
        var (max, sum, noise) = (double.NegativeInfinity, 0.0, 0.0);
        for (long i = 0, at = first; i < n; i++, at += step)
        {
            var larger = Math.Max(max, x[at]);
            var (scale, power) = larger == max ? (1.0, Math.Exp(x[at] - larger)) : (Math.Exp(max - larger), 1.0);
            // Each power's noise is its exponent's size, which grows when the origin moves.
            noise = (scale == 0 ? 0 : scale * (noise + (larger - max) * sum)) + power * (1 + larger - x[at]);
            (max, sum) = (larger, scale * sum + power);
            if (max == double.NegativeInfinity)
                (sum, noise) = (0, 0);
            var so = new ExpSum(max, sum, noise / sum);
            (y[at], y.Magnitude[at]) = (so.Log, so.LogMagnitude);
        }
    }

    /// <summary>
    /// Σ over k ≥ i of g[k] exp(x[i] − y[k]) is exp(x[i] − y[i]) s[i] with s[i] = g[i] + exp(y[i] − y[i + 1]) s[i + 1], where no exponent is
    /// above 0.
    /// </summary>
    protected internal override void Backward(BackwardCall call)
    {
        var (dim, back) = Along(call, back: true);
        var output = call.Output();
        // Before the first number above −∞ the differences would be NaN; nothing flows there.
        var none = output.Eq(double.NegativeInfinity);
        var y = Tensor.Where(none, 0, output);
        var next = Neighbours.Shift(y, dim, forward: !back, fill: double.PositiveInfinity);
        var coefficient = Tensor.Where(none, 0, y.Sub(Tensor.Where(none, y, next)).Exp());
        var sums = call.GradOutput().LinearRecurrence(coefficient, dim, back);
        call.Set(0, call.Input(0).Sub(y).Exp().Mul(sums));
    }

    public override double Flops(in OpCall call) => 4.0 * call.Input(0).NumElements;

    protected override CaseInput[] DrawInputs(params long[] shape) => [Draw.Uniform(-6, 6, shape)];
}

/// <summary>Logarithms of cumulative sums of exponentials.</summary>
public static class LogCumSumExpExtensions
{
    extension(Tensor input)
    {
        /// <summary>log Σ exp(input) over the elements along <paramref name="dim"/> up to each one, or, with <paramref name="reverse"/>,
        /// from each one on; it never overflows. −∞ over nothing but −∞, where the gradient is 0.</summary>
        /// <exception cref="ShapeException">There is no such axis.</exception>
        public Tensor LogCumSumExp(int dim, bool reverse = false) =>
            LogCumSumExpOp.Instance.Apply([input], Attributes.Of((long)dim, reverse));
    }
}
