namespace CudaNet;

/// <summary>
/// Transposed convolution (Zeiler et al. 2010), the adjoint of a convolution in its input, with a bias: each element of the input adds its
/// multiple of the kernel to the output, at steps of the stride.
/// </summary>
internal abstract class ConvTransposeOp(string name, int axes)
    : Op(name, $"input, weight, bias?; {ConvGeometry.AttributeText}, output_padding: ints = 0 -> output")
{
    protected internal override Saved Saves => Saved.Inputs(0, 1);

    protected internal override bool Takes(int index, Tensor input) =>
        index == 0 ? ConvGeometry.TakesImages(input, axes) : input.IsContiguous;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var geometry = ConvGeometry.CheckTransposed(call, call.Input(0).Shape, call.Input(1).Shape, axes);
        ConvGeometry.RequireBias(call, geometry.Input[1]);
        outputs[0] = new(geometry.Input, dtype) { IsChannelsLast = call.Input(0).IsChannelsLast };
    }

    public override void Reference(ReferenceCall call)
    {
        var (weight, y) = (call.Input(1), call.Output());
        ConvGeometry.StartWithBias(y, call.InputOrNull(2));
        ConvGeometry.Of(y.Shape, weight.Shape, call.Attributes).AddAdjoint(call.Input(0), weight, y);
        y.Terms++;
    }

    protected internal override void Backward(BackwardCall call)
    {
        var (family, gradient) = (new ConvFamily(axes), call.GradOutput());
        if (call.Needs(0))
            call.Set(0, family.Forward(gradient, call.Input(1), call.Attributes));
        if (call.Needs(1))
            call.Set(1, family.BackwardFilter(call.Input(0), gradient, call.InputShape(1), call.Attributes));
        if (call.Has(2) && call.Needs(2))
            call.Set(2, family.BackwardBias(gradient));
    }

    public override double Flops(in OpCall call) =>
        2.0 * call.Input(0).NumElements * call.Input(1).Shape[1] * ConvGeometry.Spatial(call.Input(1).Shape);

    public override IEnumerable<OpCase> Cases() =>
        ConvCases.For(
            this,
            axes,
            "output",
            (g, draw) => [draw(g.Output), draw(g.Weight), draw(new Shape(g.Input[1]))],
            g => Attributes.Of(g.Stride, g.Padding, g.Dilation, g.Groups, g.OutputPadding)
        );

    /// <summary>Runs the op over images with or without a batch; an empty list stands for the default.</summary>
    public Tensor Call(
        Tensor input,
        Tensor weight,
        Tensor? bias,
        ReadOnlySpan<long> stride,
        ReadOnlySpan<long> padding,
        ReadOnlySpan<long> outputPadding,
        long groups,
        ReadOnlySpan<long> dilation
    )
    {
        if (input.Rank == axes + 1)
            return Call(input.Unsqueeze(0), weight, bias, stride, padding, outputPadding, groups, dilation).Squeeze(0);
        stride = stride.IsEmpty ? [1] : stride;
        dilation = dilation.IsEmpty ? [1] : dilation;
        outputPadding = outputPadding.IsEmpty ? [0] : outputPadding;
        if (input.Rank == axes + 2 && outputPadding.Length is 1 || outputPadding.Length == axes)
            input = Lengthen(input, stride, dilation, ref outputPadding);
        return Apply(
            [input, weight, bias],
            Attributes.Of(stride, padding.IsEmpty ? [0] : padding, dilation, groups, outputPadding)
        );
    }

    /// <summary>Where the output's padding reaches over a whole stride, as a dilation allows, that is a zero more in the input.</summary>
    private Tensor Lengthen(
        Tensor input,
        ReadOnlySpan<long> stride,
        ReadOnlySpan<long> dilation,
        ref ReadOnlySpan<long> outputPadding
    )
    {
        var rest = new long[axes];
        var zeros = new long[2 * axes];
        for (var axis = 0; axis < axes; axis++)
        {
            var (step, wanted) = (At(stride, axis), At(outputPadding, axis));
            var more = step >= 1 && wanted >= step && wanted < At(dilation, axis) ? wanted / step : 0;
            rest[axis] = wanted - more * step;
            zeros[2 * (axes - 1 - axis) + 1] = more;
        }
        if (!zeros.Any(more => more > 0))
            return input;
        outputPadding = rest;
        return input.Pad(zeros);

        static long At(ReadOnlySpan<long> values, int axis) => values[Math.Min(axis, values.Length - 1)];
    }
}
