namespace CudaNet;

/// <summary>The mean of each window.</summary>
internal abstract class AvgPoolOp(string name, PoolKind kind, string attributes)
    : PoolOp(name, kind, $"input; {attributes} -> output")
{
    internal override CpuKernel? Cpu => CpuAvgPool.Forward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var shape = call.Input(0).Shape;
        outputs[0] = new(Pool.Require(call, PoolKind, shape).OutputShape(shape), call.RequireFloating());
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
internal abstract class AvgPoolBackwardOp(string name, PoolKind kind, string attributes)
    : PoolOp(name + Backwards, kind, $"grad_output; {attributes}, input_size: ints -> grad_input")
{
    internal override CpuKernel? Cpu => CpuAvgPool.Backward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var shape = Unpooled(call.Attributes, call.Input(0).Shape);
        var pooled = Pool.Require(call, PoolKind, shape).OutputShape(shape);
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

/// <summary>The mean of each window of a sliding kernel.</summary>
internal sealed class AvgPool2dOp() : AvgPoolOp("avg_pool2d", PoolKind.Average, Described)
{
    public const string Described =
        "kernel_size: ints, stride: ints = (), padding: ints = 0, ceil_mode: bool = false, count_include_pad: bool = true";

    public static readonly AvgPool2dOp Instance = new();

    protected override PoolOp Adjoint => AvgPool2dBackwardOp.Instance;
}

/// <summary>The adjoint of <see cref="AvgPool2dOp"/>.</summary>
internal sealed class AvgPool2dBackwardOp() : AvgPoolBackwardOp("avg_pool2d", PoolKind.Average, AvgPool2dOp.Described)
{
    public static readonly AvgPool2dBackwardOp Instance = new();

    protected override PoolOp Adjoint => AvgPool2dOp.Instance;
}

/// <summary>Average pooling.</summary>
public static class AvgPool2dExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The mean of each window of images (N, C, H, W) or (C, H, W). Sizes are one number, or two for height and width.
        /// </summary>
        /// <param name="kernelSize">The extent of a window.</param>
        /// <param name="stride">The step from window to window; that of the kernel when left out.</param>
        /// <param name="padding">How far windows reach over the edges, into zeros; at most half the kernel.</param>
        /// <param name="ceilMode">Whether a last, incomplete window counts.</param>
        /// <param name="countIncludePad">Whether the zeros count in the mean.</param>
        /// <exception cref="ShapeException">The input is no image, or no window fits into it.</exception>
        /// <exception cref="AttributeException">A size is out of its range.</exception>
        public Tensor AvgPool2d(
            ReadOnlySpan<long> kernelSize,
            ReadOnlySpan<long> stride = default,
            ReadOnlySpan<long> padding = default,
            bool ceilMode = false,
            bool countIncludePad = true
        ) =>
            AvgPool2dOp.Instance.Apply(
                [input],
                Attributes.Of(kernelSize, stride, padding.IsEmpty ? [0L] : padding, ceilMode, countIncludePad)
            );
    }
}
