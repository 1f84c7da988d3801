namespace CudaNet;

/// <summary>The mean of each window.</summary>
internal abstract class AvgPoolOp(string name, int axes, PoolKind kind, string attributes)
    : PoolOp(name, axes, kind, $"input; {attributes} -> output")
{
    /// <summary>The attributes of windows that slide.</summary>
    public const string Sliding =
        "kernel_size: ints, stride: ints = (), padding: ints = 0, ceil_mode: bool = false, count_include_pad: bool = true";

    internal override CpuKernel? Cpu => CpuAvgPool.Forward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var shape = call.Input(0).Shape;
        outputs[0] = new(Require(call, shape).OutputShape(shape), call.RequireFloating());
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, y) = (call.Input(), call.Output());
        var pool = Windows(call);
        for (long i = 0; i < y.Shape.NumElements; i++)
        {
            var window = PoolWindow.Of(pool, i);
            foreach (var at in window.Places)
            {
                y[i] += x[at] / window.Divisor;
                y.Magnitude[i] += Math.Abs(x[at]) / window.Divisor;
            }
            y.Terms = Math.Max(y.Terms, window.Divisor);
        }
    }

    protected internal override void Backward(BackwardCall call) =>
        call.Set(0, Adjoint.Apply([call.GradOutput()], AdjointAttributes(call.Attributes, call.InputShape(0))));

    public override double Flops(in OpCall call) => call.Input(0).NumElements;

    protected override CaseInput[] Inputs(Shape input, Pool pool, bool ties) =>
        [ties ? new CaseInput(input, DrawKind.Integers, -3, 4) : new CaseInput(input)];
}

/// <summary>The adjoint of <see cref="AvgPoolOp"/>: the gradient of each window, divided, goes to all its elements.</summary>
internal abstract class AvgPoolBackwardOp(string name, int axes, PoolKind kind, string attributes)
    : PoolOp(name + Backwards, axes, kind, $"grad_output; {attributes}, input_size: ints -> grad_input")
{
    internal override CpuKernel? Cpu => CpuAvgPool.Backward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var shape = Unpooled(call.Attributes, call.Input(0).Shape);
        var pooled = Require(call, shape).OutputShape(shape);
        if (!call.Input(0).Shape.Equals(pooled))
            throw call.ShapeError($"expected grad_output of shape {pooled} for an input of {shape}");
        outputs[0] = new(shape, call.RequireFloating());
    }

    public override void Reference(ReferenceCall call)
    {
        var (g, x) = (call.Input(), call.Output());
        var pool = Windows(call);
        var hits = new long[x.Shape.NumElements];
        for (long i = 0; i < g.Shape.NumElements; i++)
        {
            var window = PoolWindow.Of(pool, i);
            foreach (var at in window.Places)
            {
                x[at] += g[i] / window.Divisor;
                x.Magnitude[at] += Math.Abs(g[i]) / window.Divisor;
                x.Terms = Math.Max(x.Terms, ++hits[at]);
            }
        }
    }

    protected internal override void Backward(BackwardCall call) =>
        call.Set(0, Adjoint.Apply([call.GradOutput()], AdjointAttributes(call.Attributes, call.InputShape(0))));

    public override double Flops(in OpCall call) => 2.0 * call.Output(0).NumElements;

    protected override CaseInput[] Inputs(Shape input, Pool pool, bool ties)
    {
        var output = pool.OutputShape(input);
        return [ties ? new CaseInput(output, DrawKind.Integers, -3, 4) : new CaseInput(output)];
    }
}
