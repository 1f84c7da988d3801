namespace CudaNet;

/// <summary>
/// The three computations of a convolution over some number of spatial axes. Each is linear in both of its inputs, and the gradients of
/// each are the other two.
/// </summary>
internal readonly record struct ConvFamily(int Axes)
{
    private Op ForwardOp => Axes == 2 ? Conv2dOp.Instance : Conv3dOp.Instance;

    private Op BackwardDataOp => Axes == 2 ? Conv2dBackwardDataOp.Instance : Conv3dBackwardDataOp.Instance;

    private Op BackwardFilterOp => Axes == 2 ? Conv2dBackwardFilterOp.Instance : Conv3dBackwardFilterOp.Instance;

    /// <summary>The convolution without a bias, with the attributes of any op of the family.</summary>
    public Tensor Forward(Tensor input, Tensor weight, Attributes attributes) =>
        Forward(input, weight, null, attributes);

    /// <summary>The convolution, with the attributes of any op of the family.</summary>
    public Tensor Forward(Tensor input, Tensor weight, Tensor? bias, Attributes attributes) =>
        ForwardOp.Apply([input, weight, bias], ConvGeometry.With(attributes));

    /// <param name="gradient">The gradient of the output.</param>
    /// <param name="weight">The convolution's weight.</param>
    /// <param name="input">The shape of its input.</param>
    /// <param name="attributes">Of any op of the family.</param>
    public Tensor BackwardData(Tensor gradient, Tensor weight, Shape input, Attributes attributes) =>
        BackwardDataOp.Apply([gradient, weight], ConvGeometry.With(attributes, input));

    /// <param name="gradient">The gradient of the output.</param>
    /// <param name="input">The convolution's input.</param>
    /// <param name="weight">The shape of its weight.</param>
    /// <param name="attributes">Of any op of the family.</param>
    public Tensor BackwardFilter(Tensor gradient, Tensor input, Shape weight, Attributes attributes) =>
        BackwardFilterOp.Apply([gradient, input], ConvGeometry.With(attributes, weight));

    /// <summary>The gradient of a bias.</summary>
    public Tensor BackwardBias(Tensor gradient) => gradient.Sum([0, .. Enumerable.Range(2, Axes)]);
}

/// <summary>
/// Convolution (LeCun et al. 1989), in the sense of cross-correlation: output[n, o, p] = bias[o] + Σ over c and k of
/// input[n, c, p·stride − padding + k·dilation] · weight[o, c, k], zero outside of the input.
/// </summary>
internal abstract class ConvOp(string name, int axes)
    : Op(name, $"input, weight, bias?; {ConvGeometry.AttributeText} -> output")
{
    protected internal override Saved Saves => Saved.Inputs(0, 1);

    protected internal override bool Takes(int index, Tensor input) =>
        index == 0 ? ConvGeometry.TakesImages(input, axes) : input.IsContiguous;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var geometry = ConvGeometry.Check(call, call.Input(0).Shape, call.Input(1).Shape, axes);
        ConvGeometry.RequireBias(call, geometry.Output[1]);
        outputs[0] = new(geometry.Output, dtype) { IsChannelsLast = call.Input(0).IsChannelsLast };
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, weight, bias, y) = (call.Input(0), call.Input(1), call.InputOrNull(2), call.Output());
        var geometry = ConvGeometry.Of(x.Shape, weight.Shape, call.Attributes);
        ConvGeometry.StartWithBias(y, bias);
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
        var (family, gradient) = (new ConvFamily(axes), call.GradOutput());
        if (call.Needs(0))
            call.Set(0, family.BackwardData(gradient, call.Input(1), call.InputShape(0), call.Attributes));
        if (call.Needs(1))
            call.Set(1, family.BackwardFilter(gradient, call.Input(0), call.InputShape(1), call.Attributes));
        if (call.Has(2) && call.Needs(2))
            call.Set(2, family.BackwardBias(gradient));
    }

    public override double Flops(in OpCall call) =>
        2 * ConvGeometry.Of(call.Input(0).Shape, call.Input(1).Shape, call.Attributes).Products;

    public override IEnumerable<OpCase> Cases() =>
        ConvCases.For(
            this,
            axes,
            "input",
            (g, draw) => [draw(g.Input), draw(g.Weight), draw(new Shape(g.Weight[0]))],
            g => Attributes.Of(g.Stride, g.Padding, g.Dilation, g.Groups)
        );

    /// <summary>Runs the op over images with or without a batch; an empty list stands for the default.</summary>
    public Tensor Call(
        Tensor input,
        Tensor weight,
        Tensor? bias,
        ReadOnlySpan<long> stride,
        ReadOnlySpan<long> padding,
        ReadOnlySpan<long> dilation,
        long groups
    )
    {
        var attributes = Attributes.Of(
            stride.IsEmpty ? [1] : stride,
            padding.IsEmpty ? [0] : padding,
            dilation.IsEmpty ? [1] : dilation,
            groups
        );
        return input.Rank == axes + 1
            ? Apply([input.Unsqueeze(0), weight, bias], attributes).Squeeze(0)
            : Apply([input, weight, bias], attributes);
    }
}

/// <summary>The gradient of a convolution with respect to its input: linear in the output's gradient and in the weight.</summary>
internal abstract class ConvBackwardDataOp(string name, int axes)
    : Op(name, $"grad_output, weight; {ConvGeometry.AttributeText}, input_size: ints -> grad_input")
{
    protected internal override Saved Saves => Saved.AllInputs;

    protected internal override bool Takes(int index, Tensor input) =>
        index == 0 ? ConvGeometry.TakesImages(input, axes) : input.IsContiguous;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var input = new Shape(call.Attributes.Ints(4));
        var geometry = ConvGeometry.Check(call, input, call.Input(1).Shape, axes);
        geometry.RequireGradOutput(call, call.Input(0).Shape);
        outputs[0] = new(input, dtype) { IsChannelsLast = call.Input(0).IsChannelsLast };
    }

    public override void Reference(ReferenceCall call) =>
        ConvGeometry
            .Of(call.Output().Shape, call.Input(1).Shape, call.Attributes)
            .AddAdjoint(call.Input(0), call.Input(1), call.Output());

    protected internal override void Backward(BackwardCall call)
    {
        var (family, gradient) = (new ConvFamily(axes), call.GradOutput());
        if (call.Needs(0))
            call.Set(0, family.Forward(gradient, call.Input(1), call.Attributes));
        if (call.Needs(1))
            call.Set(1, family.BackwardFilter(call.Input(0), gradient, call.InputShape(1), call.Attributes));
    }

    public override double Flops(in OpCall call) =>
        2 * ConvGeometry.Of(new Shape(call.Attributes.Ints(4)), call.Input(1).Shape, call.Attributes).Products;

    public override IEnumerable<OpCase> Cases() =>
        ConvCases.For(
            this,
            axes,
            "input",
            (g, draw) => [draw(g.Output), draw(g.Weight)],
            g => Attributes.Of(g.Stride, g.Padding, g.Dilation, g.Groups, g.Input)
        );
}

/// <summary>The gradient of a convolution with respect to its weight: linear in the output's gradient and in the input.</summary>
internal abstract class ConvBackwardFilterOp(string name, int axes)
    : Op(name, $"grad_output, input; {ConvGeometry.AttributeText}, weight_size: ints -> grad_weight")
{
    protected internal override Saved Saves => Saved.AllInputs;

    protected internal override bool Takes(int index, Tensor input) => ConvGeometry.TakesImages(input, axes);

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var weight = new Shape(call.Attributes.Ints(4));
        var geometry = ConvGeometry.Check(call, call.Input(1).Shape, weight, axes);
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
        var (family, gradient) = (new ConvFamily(axes), call.GradOutput());
        if (call.Needs(0))
            call.Set(0, family.Forward(call.Input(1), gradient, call.Attributes));
        if (call.Needs(1))
            call.Set(1, family.BackwardData(call.Input(0), gradient, call.InputShape(1), call.Attributes));
    }

    public override double Flops(in OpCall call) =>
        2 * ConvGeometry.Of(call.Input(1).Shape, new Shape(call.Attributes.Ints(4)), call.Attributes).Products;

    public override IEnumerable<OpCase> Cases() =>
        ConvCases.For(
            this,
            axes,
            "input",
            (g, draw) => [draw(g.Output), draw(g.Input)],
            g => Attributes.Of(g.Stride, g.Padding, g.Dilation, g.Groups, g.Weight)
        );
}
