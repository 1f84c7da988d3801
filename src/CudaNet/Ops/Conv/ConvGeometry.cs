namespace CudaNet;

/// <summary>
/// What the convolutions and their gradients have in common, over any number of spatial axes: the input (N, C, …), the weight
/// (O, C / groups, …), the output (N, O, …), and which products x·w each element of the output is the sum of. Cross-correlation, as in
/// PyTorch: the kernel is not flipped.
/// </summary>
internal sealed class ConvGeometry
{
    /// <summary>The attributes with which the signature of each of the ops begins, in the order in which they are read here.</summary>
    public const string AttributeText = "stride: ints = 1, padding: ints = 0, dilation: ints = 1, groups: int = 1";

    private readonly Attributes _attributes;

    private ConvGeometry(Shape input, Shape weight, Attributes attributes)
    {
        _attributes = attributes;
        (Input, Weight) = (input, weight);
        Span<long> output = stackalloc long[input.Rank];
        (output[0], output[1]) = (input[0], weight[0]);
        for (var axis = 0; axis < Axes; axis++)
            output[axis + 2] = Math.Max(
                0,
                (input[axis + 2] + 2 * Padding(axis) - Covered(axis) + Stride(axis)) / Stride(axis)
            );
        Output = new Shape(output);
    }

    public Shape Input { get; }

    public Shape Weight { get; }

    public Shape Output { get; }

    /// <summary>The spatial axes.</summary>
    public int Axes => Input.Rank - 2;

    public long Groups => _attributes.Int(3);

    /// <summary>The channels of the input that one group has.</summary>
    public long ChannelsIn => Weight[1];

    /// <summary>The channels of the output that one group has.</summary>
    public long ChannelsOut => Weight[0] / Groups;

    /// <summary>Multiply-adds, those with padding included.</summary>
    public double Products => (double)Output.NumElements * ChannelsIn * Spatial(Weight);

    public long Stride(int axis) => Value(0, axis);

    public long Padding(int axis) => Value(1, axis);

    public long Dilation(int axis) => Value(2, axis);

    /// <summary>How many positions a kernel reaches over, its gaps included.</summary>
    public long Covered(int axis) => (Weight[axis + 2] - 1) * Dilation(axis) + 1;

    /// <summary>The number of positions of an image, or of a kernel.</summary>
    public static long Spatial(Shape shape)
    {
        long count = 1;
        foreach (var extent in shape.Dims[2..])
            count *= extent;
        return count;
    }

    // A single value stands for all axes.
    private long Value(int attribute, int axis)
    {
        var values = _attributes.Ints(attribute);
        return values[values.Length == 1 ? 0 : axis];
    }

    /// <summary>The attributes that the ops share, and behind them the shape of the result where an op needs to be told.</summary>
    public static Attributes With(Attributes attributes, Shape? size = null) =>
        size is null
            ? Attributes.Of(attributes.Ints(0), attributes.Ints(1), attributes.Ints(2), attributes.Int(3))
            : Attributes.Of(attributes.Ints(0), attributes.Ints(1), attributes.Ints(2), attributes.Int(3), size);

    /// <summary>The geometry of a call whose shapes have been checked.</summary>
    public static ConvGeometry Of(Shape input, Shape weight, Attributes attributes) => new(input, weight, attributes);

    /// <summary>The geometry of a call.</summary>
    /// <exception cref="ShapeException">The shapes do not fit each other.</exception>
    /// <exception cref="AttributeException">A stride, padding, dilation or number of groups is outside its range.</exception>
    public static ConvGeometry Check(in OpCall call, Shape input, Shape weight, int axes)
    {
        if (input.Rank != axes + 2 || weight.Rank != axes + 2)
            throw call.ShapeError(
                $"expected an input with {axes + 2} axes (N, C, …) and a weight with {axes + 2} (O, C / groups, …); got {input} and {weight}"
            );
        RequireValues(call, 0, axes, least: 1);
        RequireValues(call, 1, axes, least: 0);
        RequireValues(call, 2, axes, least: 1);
        RequireChannels(call, input, weight);
        var geometry = new ConvGeometry(input, weight, call.Attributes);
        for (var axis = 0; axis < axes; axis++)
        {
            if (weight[axis + 2] < 1)
                throw call.ShapeError(
                    $"the kernel needs at least one position along each axis; the weight is {weight}"
                );
            var padded = input[axis + 2] + 2 * geometry.Padding(axis);
            if (padded < geometry.Covered(axis))
                throw call.ShapeError(
                    $"along axis {axis + 2} the kernel reaches over {geometry.Covered(axis)} positions and the padded input has {padded}; use a smaller kernel or dilation, or more padding"
                );
        }
        return geometry;
    }

    /// <summary>
    /// The geometry of the convolution whose adjoint in its input is called: its <see cref="Input"/> is the result, its
    /// <see cref="Output"/> is <paramref name="output"/>. Attribute 4 is the padding of the result.
    /// </summary>
    /// <exception cref="ShapeException">The shapes do not fit each other.</exception>
    /// <exception cref="AttributeException">A size or number of groups is outside its range.</exception>
    public static ConvGeometry CheckTransposed(in OpCall call, Shape output, Shape weight, int axes)
    {
        if (output.Rank != axes + 2 || weight.Rank != axes + 2)
            throw call.ShapeError(
                $"expected an input with {axes + 2} axes (N, C, …) and a weight with {axes + 2} (C, O / groups, …); got {output} and {weight}"
            );
        foreach (var (attribute, least) in new[] { (0, 1), (1, 0), (2, 1), (4, 0) })
            RequireValues(call, attribute, axes, least);
        var groups = call.Attributes.Int(3);
        if (groups < 1)
            throw new AttributeException($"{call.Describe()}: groups must be at least 1; got {groups}");
        if (output[1] % groups != 0 || weight[0] != output[1])
            throw call.ShapeError(
                $"{groups} groups must divide the {output[1]} channels of the input, and the weight must have as many; it has {weight[0]}"
            );
        Span<long> input = stackalloc long[axes + 2];
        (input[0], input[1]) = (output[0], weight[1] * groups);
        for (var axis = 0; axis < axes; axis++)
        {
            long Value(in OpCall of, int attribute)
            {
                var values = of.Attributes.Ints(attribute);
                return values[values.Length == 1 ? 0 : axis];
            }
            var (stride, padding, more) = (Value(call, 0), Value(call, 1), Value(call, 4));
            if (weight[axis + 2] < 1 || output[axis + 2] < 1)
                throw call.ShapeError("input and weight need at least one position along each axis");
            if (more >= stride)
                throw new AttributeException(
                    $"{call.Describe()}: output_padding must be less than the stride {stride} or the dilation; got {more} along axis {axis + 2}"
                );
            input[axis + 2] =
                (output[axis + 2] - 1) * stride - 2 * padding + Value(call, 2) * (weight[axis + 2] - 1) + more + 1;
            if (input[axis + 2] < 1)
                throw call.ShapeError(
                    $"along axis {axis + 2} a padding of {padding} leaves nothing of the result; use less padding"
                );
        }
        return new ConvGeometry(new Shape(input), weight, call.Attributes);
    }

    /// <summary>Whether an input that holds images, or the gradients of some, may stay as it lies in memory.</summary>
    public static bool TakesImages(Tensor images, int axes) =>
        images.IsContiguous || (images.Rank == axes + 2 && images.IsChannelsLast);

    /// <summary>Throws unless the optional input 2 has one element for each output channel.</summary>
    public static void RequireBias(in OpCall call, long channels)
    {
        if (call.Has(2) && (call.Input(2).Rank != 1 || call.Input(2).Shape[0] != channels))
            throw call.ShapeError($"bias must have one element for each of the {channels} output channels");
    }

    /// <summary>Fills the textbook loop's result with the bias, or with zeros.</summary>
    public static void StartWithBias(ReferenceTensor y, ReferenceTensor? bias)
    {
        var positions = Spatial(y.Shape);
        for (long at = 0; at < y.Shape.NumElements; at++)
        {
            y[at] = bias?[at / positions % y.Shape[1]] ?? 0;
            y.Magnitude[at] = Math.Abs(y[at]);
        }
    }

    private static void RequireValues(in OpCall call, int attribute, int axes, long least)
    {
        var values = call.Attributes.Ints(attribute);
        var fits = values.Length == 1 || values.Length == axes;
        foreach (var value in values)
            fits &= value >= least;
        if (!fits)
            throw new AttributeException(
                $"{call.Describe()}: {call.Op.Signature.Attributes[attribute].Name} must be 1 or {axes} whole numbers from {least}; got ({string.Join(", ", values.ToArray())})"
            );
    }

    private static void RequireChannels(in OpCall call, Shape input, Shape weight)
    {
        var groups = call.Attributes.Int(3);
        if (groups < 1)
            throw new AttributeException($"{call.Describe()}: groups must be at least 1; got {groups}");
        if (input[1] % groups != 0 || weight[0] % groups != 0)
            throw call.ShapeError(
                $"{groups} groups must divide the {input[1]} channels of the input and the {weight[0]} of the output"
            );
        if (weight[1] != input[1] / groups)
            throw call.ShapeError(
                $"an input of {input[1]} channels in {groups} groups needs a weight with {input[1] / groups} channels, not {weight[1]}"
            );
    }

    /// <summary>Throws unless a gradient has the shape of the output.</summary>
    public void RequireGradOutput(in OpCall call, Shape gradient)
    {
        if (!gradient.Equals(Output))
            throw call.ShapeError($"grad_output must have the shape {Output} of the output");
    }

    /// <summary>
    /// The definition of convolution: calls <paramref name="product"/> with the positions of each pair of elements of the input and the
    /// weight that are multiplied, and that of the element of the output to which the product belongs.
    /// </summary>
    public void ForEachProduct(Action<long, long, long> product)
    {
        var (inputs, taps, outputs) = (Spatial(Input), Spatial(Weight), Spatial(Output));
        var met = new long[outputs * taps];
        for (long i = 0; i < met.Length; i++)
            met[i] = InputPosition(i / taps, i % taps);
        for (long n = 0; n < Input[0]; n++)
        for (long o = 0; o < Output[1]; o++)
        for (long position = 0; position < outputs; position++)
        for (long c = 0; c < ChannelsIn; c++)
        for (long tap = 0; tap < taps; tap++)
        {
            var at = met[position * taps + tap];
            if (at < 0)
                continue;
            var channel = o / ChannelsOut * ChannelsIn + c;
            product(
                (n * Input[1] + channel) * inputs + at,
                (o * ChannelsIn + c) * taps + tap,
                (n * Output[1] + o) * outputs + position
            );
        }
    }

    /// <summary>The definition of the adjoint in the input: adds each output element's multiples of the kernel to a result like the input.</summary>
    public void AddAdjoint(ReferenceTensor output, ReferenceTensor weight, ReferenceTensor result)
    {
        ForEachProduct(
            (i, k, o) =>
            {
                result[i] += output[o] * weight[k];
                result.Magnitude[i] += Math.Abs(output[o] * weight[k]);
            }
        );
        result.Terms = Math.Max(1, ChannelsOut * Spatial(Weight));
    }

    /// <summary>The position in an image that a tap of the kernel meets for a position of the output, or −1 in the padding.</summary>
    private long InputPosition(long position, long tap)
    {
        long at = 0,
            pitch = 1;
        for (var axis = Axes + 1; axis >= 2; axis--)
        {
            var (own, k) = (position % Output[axis], tap % Weight[axis]);
            var along = own * Stride(axis - 2) - Padding(axis - 2) + k * Dilation(axis - 2);
            if (along < 0 || along >= Input[axis])
                return -1;
            at += along * pitch;
            pitch *= Input[axis];
            position /= Output[axis];
            tap /= Weight[axis];
        }
        return at;
    }
}
