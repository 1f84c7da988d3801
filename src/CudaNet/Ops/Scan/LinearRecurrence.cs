namespace CudaNet;

/// <summary>h[k] = coefficient[k] h[k − 1] + input[k] along an axis, h before the first being 0. Its gradient is a recurrence again.</summary>
internal sealed class LinearRecurrenceOp() : ScanOp("linear_recurrence", "input, coefficient")
{
    public static readonly LinearRecurrenceOp Instance = new();

    protected internal override Saved Saves => Saved.Inputs(1).AndOutputs(0);

    internal override CpuKernel? Cpu => CpuScan.LinearRecurrence;

    protected override DType RequireDType(in OpCall call) => call.RequireFloating();

    protected override void Line(ReferenceCall call, long first, long step, long n)
    {
        var (x, coefficient, y) = (call.Input(0), call.Input(1), call.Output());
        double h = 0,
            magnitude = 0;
        for (long i = 0, at = first; i < n; i++, at += step)
        {
            y[at] = h = coefficient[at] * h + x[at];
            y.Magnitude[at] = magnitude = Math.Abs(coefficient[at]) * magnitude + Math.Abs(x[at]);
        }
    }

    protected internal override void Backward(BackwardCall call)
    {
        var (dim, back) = Along(call, back: true);
        var next = Neighbours.Shift(call.Input(1), dim, forward: !back, fill: 0);
        var gradient = call.GradOutput().LinearRecurrence(next, dim, back);
        call.Set(0, gradient);
        if (call.Needs(1))
            call.Set(1, gradient.Mul(Neighbours.Shift(call.Output(), dim, forward: back, fill: 0)));
    }

    public override double Flops(in OpCall call) => 2.0 * call.Input(0).NumElements;

    protected override CaseInput[] DrawInputs(params long[] shape) => [Draw.Normal(shape), Draw.Uniform(-1, 1, shape)];
}

/// <summary>Linear recurrences.</summary>
public static class LinearRecurrenceExtensions
{
    extension(Tensor input)
    {
        /// <summary>h[k] = coefficient[k] · h[k − 1] + input[k] along <paramref name="dim"/>, starting from 0; with
        /// <paramref name="reverse"/>, h[k + 1] takes the place of h[k − 1]. Computed as a parallel scan (Blelloch 1990).</summary>
        /// <exception cref="ShapeException">The shapes differ, or there is no such axis.</exception>
        public Tensor LinearRecurrence(Tensor coefficient, int dim, bool reverse = false) =>
            LinearRecurrenceOp.Instance.Apply([input, coefficient], Attributes.Of((long)dim, reverse));
    }
}
