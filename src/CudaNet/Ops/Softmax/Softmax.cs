namespace CudaNet;

internal sealed class SoftmaxOp() : SoftmaxFamilyOp("softmax", "input; dim: int -> output")
{
    public static readonly SoftmaxOp Instance = new();

    protected internal override Saved Saves => Saved.Outputs(0);

    internal override CpuKernel? Cpu => CpuSoftmax.Forward;

    protected override void Slice(ReferenceCall call, long first, long step, long n)
    {
        var (x, y) = (call.Input(), call.Output());
        var stats = ExpSum.Of(x, first, step, n);
        for (long i = 0, at = first; i < n; i++, at += step)
        {
            y[at] = Math.Exp(x[at] - stats.Max) / stats.Sum;
            // An error of the exponent is one of the power's logarithm.
            y.Magnitude[at] = y[at] * (1 + Math.Abs(x[at] - stats.Max) + stats.Noise);
        }
    }

    protected internal override void Backward(BackwardCall call) =>
        call.Set(0, SoftmaxBackwardOp.Instance.Apply([call.GradOutput(), call.Output()], call.Attributes));

    public override double Flops(in OpCall call) => 5.0 * call.Input(0).NumElements;

    protected override CaseInput[] DrawInputs(params long[] shape) => [Draw.Uniform(-6, 6, shape)];
}

/// <summary>output · (grad_output − Σ grad_output · output).</summary>
internal sealed class SoftmaxBackwardOp()
    : SoftmaxFamilyOp("softmax_backward", "grad_output, output; dim: int -> grad_input")
{
    public static readonly SoftmaxBackwardOp Instance = new();

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel? Cpu => CpuSoftmax.Backward;

    protected override void Slice(ReferenceCall call, long first, long step, long n)
    {
        var (g, y, gx) = (call.Input(0), call.Input(1), call.Output());
        double sum = 0,
            absolute = 0;
        for (long i = 0, at = first; i < n; i++, at += step)
        {
            sum += g[at] * y[at];
            absolute += Math.Abs(g[at] * y[at]);
        }
        for (long i = 0, at = first; i < n; i++, at += step)
        {
            gx[at] = y[at] * (g[at] - sum);
            gx.Magnitude[at] = Math.Abs(y[at]) * (Math.Abs(g[at]) + absolute);
        }
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var dtype = inputs[0]!.DType;
        var (g, y) = (inputs[0]!.Cast(dtype.Accumulator), inputs[1]!.Cast(dtype.Accumulator));
        var mean = g.Mul(y).Sum((int)attributes.Int(0), keepDim: true);
        return [y.Mul(g.Sub(mean)).Cast(dtype)];
    }

    public override double Flops(in OpCall call) => 4.0 * call.Input(0).NumElements;

    protected override CaseInput[] DrawInputs(params long[] shape) => [Draw.Normal(shape), Draw.Uniform(0, 1, shape)];
}

/// <summary>Softmax.</summary>
public static class SoftmaxExtensions
{
    extension(Tensor input)
    {
        /// <summary>exp(input) / Σ exp(input) along <paramref name="dim"/>, computed from input − max, so that it never overflows. A slice of
        /// nothing but −∞ gives NaN.</summary>
        public Tensor Softmax(int dim) => SoftmaxOp.Instance.Apply([input], Attributes.Of((long)dim));
    }
}
