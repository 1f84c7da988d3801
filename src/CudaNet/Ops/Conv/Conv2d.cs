using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>
/// Convolution of images (LeCun et al. 1989), in the sense of cross-correlation: output[n, o, p] = bias[o] + Σ over c and k of
/// input[n, c, p·stride − padding + k·dilation] · weight[o, c, k], zero outside of the input.
/// </summary>
internal sealed class Conv2dOp() : Op("conv2d", $"input, weight, bias?; {ConvGeometry.AttributeText} -> output")
{
    public static readonly Conv2dOp Instance = new();

    protected internal override Saved Saves => Saved.Inputs(0, 1);

    internal override CpuKernel? Cpu => CpuConv.Forward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var geometry = ConvGeometry.Check(call, call.Input(0).Shape, call.Input(1).Shape, axes: 2);
        if (call.Has(2) && (call.Input(2).Rank != 1 || call.Input(2).Shape[0] != geometry.Output[1]))
            throw call.ShapeError($"bias must have one element for each of the {geometry.Output[1]} output channels");
        outputs[0] = new(geometry.Output, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, weight, bias, y) = (call.Input(0), call.Input(1), call.InputOrNull(2), call.Output());
        var geometry = ConvGeometry.Of(x.Shape, weight.Shape, call.Attributes);
        var positions = ConvGeometry.Spatial(y.Shape);
        for (long at = 0; at < y.Shape.NumElements; at++)
        {
            y[at] = bias?[at / positions % y.Shape[1]] ?? 0;
            y.Magnitude[at] = Math.Abs(y[at]);
        }
        geometry.ForEachProduct(
            (i, k, o) =>
            {
                y[o] += x[i] * weight[k];
                y.Magnitude[o] += Math.Abs(x[i] * weight[k]);
            }
        );
        y.Terms = geometry.ChannelsIn * ConvGeometry.Spatial(weight.Shape) + 1;
    }

    protected internal override void Backward(BackwardCall call)
    {
        var gradient = call.GradOutput();
        if (call.Needs(0))
            call.Set(0, Conv2dBackwardDataOp.Run(gradient, call.Input(1), call.InputShape(0), call.Attributes));
        if (call.Needs(1))
            call.Set(1, Conv2dBackwardFilterOp.Run(gradient, call.Input(0), call.InputShape(1), call.Attributes));
        if (call.Has(2) && call.Needs(2))
            call.Set(2, gradient.Sum([0, 2, 3]));
    }

    public override double Flops(in OpCall call) =>
        2 * ConvGeometry.Of(call.Input(0).Shape, call.Input(1).Shape, call.Attributes).Products;

    public override IEnumerable<OpCase> Cases() =>
        ConvCases.For(
            this,
            (g, draw) => [draw(g.Input), draw(g.Weight), draw(new Shape(g.Weight[0]))],
            g => Attributes.Of(g.Stride, g.Padding, g.Dilation, g.Groups)
        );
}

/// <summary>The gradient of a convolution with respect to its input: linear in the output's gradient and in the weight.</summary>
internal sealed class Conv2dBackwardDataOp()
    : Op("conv2d_backward_data", $"grad_output, weight; {ConvGeometry.AttributeText}, input_size: ints -> grad_input")
{
    public static readonly Conv2dBackwardDataOp Instance = new();

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel? Cpu => CpuConv.BackwardData;

    /// <param name="gradient">The gradient of the output.</param>
    /// <param name="weight">The convolution's weight.</param>
    /// <param name="input">The shape of its input.</param>
    /// <param name="attributes">Of any of the three ops.</param>
    public static Tensor Run(Tensor gradient, Tensor weight, Shape input, Attributes attributes) =>
        Instance.Apply([gradient, weight], ConvGeometry.With(attributes, input));

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var input = new Shape(call.Attributes.Ints(4));
        var geometry = ConvGeometry.Check(call, input, call.Input(1).Shape, axes: 2);
        geometry.RequireGradOutput(call, call.Input(0).Shape);
        outputs[0] = new(input, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (gradient, weight, result) = (call.Input(0), call.Input(1), call.Output());
        var geometry = ConvGeometry.Of(result.Shape, weight.Shape, call.Attributes);
        geometry.ForEachProduct(
            (i, k, o) =>
            {
                result[i] += gradient[o] * weight[k];
                result.Magnitude[i] += Math.Abs(gradient[o] * weight[k]);
            }
        );
        result.Terms = Math.Max(1, geometry.ChannelsOut * ConvGeometry.Spatial(weight.Shape));
    }

    protected internal override void Backward(BackwardCall call)
    {
        var gradient = call.GradOutput();
        if (call.Needs(0))
            call.Set(0, Conv2dOp.Instance.Apply([gradient, call.Input(1), null], ConvGeometry.With(call.Attributes)));
        if (call.Needs(1))
            call.Set(1, Conv2dBackwardFilterOp.Run(call.Input(0), gradient, call.InputShape(1), call.Attributes));
    }

    public override double Flops(in OpCall call) =>
        2 * ConvGeometry.Of(new Shape(call.Attributes.Ints(4)), call.Input(1).Shape, call.Attributes).Products;

    public override IEnumerable<OpCase> Cases() =>
        ConvCases.For(
            this,
            (g, draw) => [draw(g.Output), draw(g.Weight)],
            g => Attributes.Of(g.Stride, g.Padding, g.Dilation, g.Groups, g.Input)
        );
}

/// <summary>The gradient of a convolution with respect to its weight: linear in the output's gradient and in the input.</summary>
internal sealed class Conv2dBackwardFilterOp()
    : Op(
        "conv2d_backward_filter",
        $"grad_output, input; {ConvGeometry.AttributeText}, weight_size: ints -> grad_weight"
    )
{
    public static readonly Conv2dBackwardFilterOp Instance = new();

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel? Cpu => CpuConv.BackwardFilter;

    /// <param name="gradient">The gradient of the output.</param>
    /// <param name="input">The convolution's input.</param>
    /// <param name="weight">The shape of its weight.</param>
    /// <param name="attributes">Of any of the three ops.</param>
    public static Tensor Run(Tensor gradient, Tensor input, Shape weight, Attributes attributes) =>
        Instance.Apply([gradient, input], ConvGeometry.With(attributes, weight));

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var weight = new Shape(call.Attributes.Ints(4));
        var geometry = ConvGeometry.Check(call, call.Input(1).Shape, weight, axes: 2);
        geometry.RequireGradOutput(call, call.Input(0).Shape);
        outputs[0] = new(weight, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (gradient, x, result) = (call.Input(0), call.Input(1), call.Output());
        var geometry = ConvGeometry.Of(x.Shape, result.Shape, call.Attributes);
        geometry.ForEachProduct(
            (i, k, o) =>
            {
                result[k] += gradient[o] * x[i];
                result.Magnitude[k] += Math.Abs(gradient[o] * x[i]);
            }
        );
        result.Terms = Math.Max(1, x.Shape[0] * ConvGeometry.Spatial(gradient.Shape));
    }

    protected internal override void Backward(BackwardCall call)
    {
        var gradient = call.GradOutput();
        if (call.Needs(0))
            call.Set(0, Conv2dOp.Instance.Apply([call.Input(1), gradient, null], ConvGeometry.With(call.Attributes)));
        if (call.Needs(1))
            call.Set(1, Conv2dBackwardDataOp.Run(call.Input(0), gradient, call.InputShape(1), call.Attributes));
    }

    public override double Flops(in OpCall call) =>
        2 * ConvGeometry.Of(call.Input(1).Shape, new Shape(call.Attributes.Ints(4)), call.Attributes).Products;

    public override IEnumerable<OpCase> Cases() =>
        ConvCases.For(
            this,
            (g, draw) => [draw(g.Output), draw(g.Input)],
            g => Attributes.Of(g.Stride, g.Padding, g.Dilation, g.Groups, g.Weight)
        );
}

/// <summary>Convolutions.</summary>
public static class Conv2dExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The convolution of images, as torch.nn.functional.conv2d: input (N, C, H, W) or (C, H, W), weight (O, C / groups, kH, kW), bias
        /// (O), result (N, O, H', W') with H' = ⌊(H + 2·padding − dilation·(kH − 1) − 1) / stride⌋ + 1, or without N. Padding is with
        /// zeros. Accumulates in f32 (f64 for f64). On the CPU, 3×3 kernels over many channels are computed in tiles of 4×4 results (Winograd),
        /// so an Inf or NaN of the input becomes NaN throughout the tiles that read it.
        /// </summary>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        /// <exception cref="AttributeException">A stride, padding, dilation or number of groups is outside its range.</exception>
        [OverloadResolutionPriority(1)]
        public Tensor Conv2d(
            Tensor weight,
            Tensor? bias = null,
            long stride = 1,
            long padding = 0,
            long dilation = 1,
            long groups = 1
        ) => input.Conv2d(weight, bias, [stride], [padding], [dilation], groups);

        /// <summary>The same with a value for each of the two axes, or one for both: <c>stride: [2, 1]</c>.</summary>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        /// <exception cref="AttributeException">A stride, padding, dilation or number of groups is outside its range.</exception>
        public Tensor Conv2d(
            Tensor weight,
            Tensor? bias = null,
            ReadOnlySpan<long> stride = default,
            ReadOnlySpan<long> padding = default,
            ReadOnlySpan<long> dilation = default,
            long groups = 1
        )
        {
            var attributes = Attributes.Of(
                stride.IsEmpty ? [1] : stride,
                padding.IsEmpty ? [0] : padding,
                dilation.IsEmpty ? [1] : dilation,
                groups
            );
            return input.Rank == 3
                ? Conv2dOp.Instance.Apply([input.Unsqueeze(0), weight, bias], attributes).Squeeze(0)
                : Conv2dOp.Instance.Apply([input, weight, bias], attributes);
        }
    }
}
