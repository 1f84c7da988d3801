namespace CudaNet;

internal sealed class LogSoftmaxOp() : SoftmaxFamilyOp("log_softmax", "input; dim: int -> output")
{
    public static readonly LogSoftmaxOp Instance = new();

    protected internal override Saved Saves => Saved.Outputs(0);

    internal override CpuKernel? Cpu => CpuSoftmax.LogForward;

    protected override void Slice(ReferenceCall call, long first, long step, long n)
    {
        var (x, y) = (call.Input(), call.Output());
        var stats = ExpSum.Of(x, first, step, n);
        var log = Math.Log(stats.Sum);
        for (long i = 0, at = first; i < n; i++, at += step)
        {
            y[at] = x[at] - stats.Max - log;
            y.Magnitude[at] = Math.Abs(x[at] - stats.Max) + Math.Abs(log) + stats.Noise;
        }
    }

    protected internal override void Backward(BackwardCall call) =>
        call.Set(0, LogSoftmaxBackwardOp.Instance.Apply([call.GradOutput(), call.Output()], call.Attributes));

    public override double Flops(in OpCall call) => 5.0 * call.Input(0).NumElements;

    protected override CaseInput[] DrawInputs(params long[] shape) => [Draw.Uniform(-6, 6, shape)];
}

/// <summary>grad_output − exp(output) · Σ grad_output.</summary>
internal sealed class LogSoftmaxBackwardOp()
    : SoftmaxFamilyOp("log_softmax_backward", "grad_output, output; dim: int -> grad_input")
{
    public static readonly LogSoftmaxBackwardOp Instance = new();

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel? Cpu => CpuSoftmax.LogBackward;

    protected override void Slice(ReferenceCall call, long first, long step, long n)
    {
        var (g, y, gx) = (call.Input(0), call.Input(1), call.Output());
        double sum = 0,
            absolute = 0;
        for (long i = 0, at = first; i < n; i++, at += step)
        {
            sum += g[at];
            absolute += Math.Abs(g[at]);
        }
        for (long i = 0, at = first; i < n; i++, at += step)
        {
            var p = Math.Exp(y[at]);
            gx[at] = g[at] - p * sum;
            gx.Magnitude[at] = Math.Abs(g[at]) + p * (1 + Math.Abs(y[at])) * absolute;
        }
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var dtype = inputs[0]!.DType;
        var (g, y) = (inputs[0]!.Cast(dtype.Accumulator), inputs[1]!.Cast(dtype.Accumulator));
        return [g.Sub(y.Exp().Mul(g.Sum((int)attributes.Int(0), keepDim: true))).Cast(dtype)];
    }

    public override double Flops(in OpCall call) => 4.0 * call.Input(0).NumElements;

    protected override CaseInput[] DrawInputs(params long[] shape) => [Draw.Normal(shape), Draw.Uniform(-5, 0, shape)];
}

/// <summary>The logarithm of softmax.</summary>
public static class LogSoftmaxExtensions
{
    extension(Tensor input)
    {
        /// <summary>input − log Σ exp(input) along <paramref name="dim"/>: exact also where softmax is too small for its dtype.</summary>
        public Tensor LogSoftmax(int dim) => LogSoftmaxOp.Instance.Apply([input], Attributes.Of((long)dim));
    }
}
