namespace CudaNet;

/// <summary>What stands beyond the edges of a padded tensor.</summary>
public enum PadMode
{
    /// <summary>One value.</summary>
    Constant,

    /// <summary>The input mirrored at its edge elements, which are not repeated: c b | a b c | b a.</summary>
    Reflect,

    /// <summary>The edge elements: a a | a b c | c c.</summary>
    Replicate,

    /// <summary>The other end: b c | a b c | a b.</summary>
    Circular,
}

/// <summary>One axis of a padding.</summary>
internal readonly record struct PadAxis(long Input, long Before, long After)
{
    public long Output => Input + Before + After;

    /// <summary>The input position that an output position shows; −1 for none.</summary>
    public long Source(PadMode mode, long output)
    {
        var at = output - Before;
        if (at >= 0 && at < Input)
            return at;
        return mode switch
        {
            PadMode.Reflect => at < 0 ? -at : 2 * (Input - 1) - at,
            PadMode.Replicate => at < 0 ? 0 : Input - 1,
            PadMode.Circular => at < 0 ? at + Input : at - Input,
            _ => -1,
        };
    }

    /// <summary>How many output positions show an input position.</summary>
    public long Count(PadMode mode, long input)
    {
        var (first, last) = Run(mode, input);
        return (HasLeft(mode, input) ? 1 : 0) + last - first + 1 + (HasRight(mode, input) ? 1 : 0);
    }

    /// <summary>The k-th of these output positions.</summary>
    public long Place(PadMode mode, long input, long k)
    {
        if (HasLeft(mode, input) && k-- == 0)
            return Before + (mode == PadMode.Reflect ? -input : input - Input);
        var (first, last) = Run(mode, input);
        return k <= last - first
            ? first + k
            : Before + (mode == PadMode.Reflect ? 2 * (Input - 1) - input : input + Input);
    }

    /// <summary>The place of the element itself and, where edges are replicated, its neighbours.</summary>
    private (long First, long Last) Run(PadMode mode, long input)
    {
        var own = input + Before;
        if (mode == PadMode.Replicate)
            return (input == 0 ? 0 : own, input == Input - 1 ? Output - 1 : own);
        return own >= 0 && own < Output ? (own, own) : (0, -1);
    }

    private bool HasLeft(PadMode mode, long input) =>
        (mode == PadMode.Reflect && input >= 1 && input <= Before)
        || (mode == PadMode.Circular && input >= Input - Before);

    private bool HasRight(PadMode mode, long input) =>
        (mode == PadMode.Reflect && input <= Input - 2 && input >= Input - 1 - After)
        || (mode == PadMode.Circular && input < After);

    /// <summary>The axes of a shape with the given amounts, which come in pairs from the last axis on.</summary>
    public static PadAxis[] Of(Shape input, ReadOnlySpan<long> pad)
    {
        var axes = new PadAxis[input.Rank];
        for (var i = 0; i < axes.Length; i++)
        {
            var pair = 2 * (axes.Length - 1 - i);
            axes[i] = pair < pad.Length ? new(input[i], pad[pair], pad[pair + 1]) : new(input[i], 0, 0);
        }
        return axes;
    }

    /// <summary>The same with neighbouring axes that are not padded taken as one; at least one.</summary>
    public static PadAxis[] Merge(PadAxis[] axes)
    {
        var merged = new List<PadAxis>();
        if (axes.Length == 0)
            merged.Add(new(1, 0, 0));
        foreach (var axis in axes)
            if (merged.Count > 0 && IsWhole(merged[^1]) && IsWhole(axis))
                merged[^1] = new(merged[^1].Input * axis.Input, 0, 0);
            else
                merged.Add(axis);
        return [.. merged];

        static bool IsWhole(PadAxis axis) => axis is { Before: 0, After: 0 };
    }

    /// <summary>The place in the input of each output element, −1 for none, in C order.</summary>
    public static IEnumerable<long> Places(PadAxis[] axes, PadMode mode)
    {
        var count = axes.Aggregate(1L, (n, axis) => n * axis.Output);
        for (long i = 0; i < count; i++)
        {
            var (rest, place, step) = (i, 0L, 1L);
            for (var d = axes.Length - 1; d >= 0; d--)
            {
                var source = axes[d].Source(mode, rest % axes[d].Output);
                place = source < 0 || place < 0 ? -1 : place + source * step;
                rest /= axes[d].Output;
                step *= axes[d].Input;
            }
            yield return place;
        }
    }
}

/// <summary>What padding and its adjoint share: attributes 0 and 1 are the amounts and the mode.</summary>
internal abstract class PadFamilyOp(string name, string signature) : Op(name, signature)
{
    protected const string Modes = "pad: ints, mode: constant|reflect|replicate|circular = constant";

    public static PadMode Mode(Attributes attributes) => (PadMode)attributes.Int(1);

    /// <summary>The shape of the padded tensor, once the amounts are known to be sensible.</summary>
    protected static Shape RequirePad(in OpCall call, Shape input)
    {
        var pad = call.Attributes.Ints(0);
        var mode = Mode(call.Attributes);
        if (pad.Length % 2 != 0 || pad.Length > 2 * input.Rank)
            throw new AttributeException(
                $"{call.Describe()}: pad holds two amounts per axis, before and after, from the last axis on: an even number of at most "
                    + $"{2 * input.Rank}; got {pad.Length}"
            );
        var axes = PadAxis.Of(input, pad);
        for (var d = 0; d < axes.Length; d++)
        {
            var axis = axes[d];
            var least = mode == PadMode.Constant ? long.MinValue : 0;
            var most = (mode, axis.Input) switch
            {
                (PadMode.Reflect, _) => axis.Input - 1,
                (PadMode.Circular, _) or (PadMode.Replicate, 0) => axis.Input,
                _ => long.MaxValue,
            };
            most = Math.Max(most, 0);
            if (axis.Before < least || axis.After < least || axis.Before > most || axis.After > most)
                throw new AttributeException(
                    $"{call.Describe()}: mode {mode.ToString().ToLowerInvariant()} takes amounts from 0"
                        + (most < long.MaxValue ? $" to {most}" : "")
                        + $" along axis {d}, whose extent is {axis.Input}; got {axis.Before} and {axis.After}"
                );
            if (axis.Output < 0)
                throw call.ShapeError(
                    $"amounts of {axis.Before} and {axis.After} cut more than the {axis.Input} positions of axis {d}"
                );
        }
        return new Shape(Array.ConvertAll(axes, axis => axis.Output));
    }

    public override double Flops(in OpCall call) => 0;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        foreach (var mode in Enum.GetValues<PadMode>())
        {
            yield return Case(dtype, mode, [1], [0, 0]);
            yield return Case(dtype, mode, [33], [3, 31]);
            yield return Case(dtype, mode, [5, 31], [1, 0]);
            yield return Case(dtype, mode, [2, 3, 7, 9], [1, 2, 3, 1]);
            yield return Case(dtype, mode, [2, 3, 4, 5], [4, 4, 3, 3, 2, 2, 1, 1]);
            yield return Case(dtype, mode, [3, 257], [0, 0, 2, 1]);
            yield return Case(dtype, mode, [2, 3, 5, 2], [0, 0, 4, 0, 0, 0]);
            yield return Case(dtype, mode, [0, 3, 4], [2, 1]);
        }
        foreach (var dtype in CaseSizes.Floating)
        {
            yield return Case(dtype, PadMode.Constant, [6, 7], [-2, 3, 1, -4]);
            yield return Case(dtype, PadMode.Constant, [6, 7], [-3, -4]);
            yield return Case(dtype, PadMode.Constant, [2, 3], [40, 5, -1, 2]);
            yield return Case(dtype, PadMode.Replicate, [2, 3], [40, 5, 33, 2]);
        }
        foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
            yield return Case(DType.Float32, PadMode.Reflect, [2, 6, 8], [2, 1, 0, 3]).With(layout);
        foreach (var mode in Enum.GetValues<PadMode>())
            yield return Case(DType.Float64, mode, [3, 4], [2, 1, 0, 2]) with
            {
                CheckGradient = true,
            };
        yield return Case(DType.Float64, PadMode.Constant, [3, 4], [-1, 2, 1, -2]) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float32, PadMode.Constant, [64, 32, 28, 28], [1, 1, 1, 1]) with
        {
            IsBenchmark = true,
        };
    }

    protected abstract OpCase Case(DType dtype, PadMode mode, long[] shape, long[] pad);

    protected static string Label(PadMode mode, long[] shape, long[] pad) =>
        $"shape={string.Join('x', shape)},pad={string.Join('_', pad)},mode={mode.ToString().ToLowerInvariant()}";
}

/// <summary>A tensor with elements put before and after it along its last axes.</summary>
internal sealed class PadOp() : PadFamilyOp("pad", $"input; {Modes}, value: float = 0 -> output")
{
    public static readonly PadOp Instance = new();

    public override bool IsExact => true;

    internal override CpuKernel? Cpu => CpuPad.Forward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs) =>
        outputs[0] = new(RequirePad(call, call.Input(0).Shape), call.Input(0).DType);

    public override void Reference(ReferenceCall call)
    {
        var (x, y) = (call.Input(), call.Output());
        var value = call.Attributes.Float(2);
        long i = 0;
        foreach (var place in PadAxis.Places(PadAxis.Of(x.Shape, call.Attributes.Ints(0)), Mode(call.Attributes)))
            y[i++] = place < 0 ? value : x[place];
    }

    protected internal override void Backward(BackwardCall call) =>
        call.Set(
            0,
            PadBackwardOp.Instance.Apply(
                [call.GradOutput()],
                Attributes.Of(call.Attributes.Ints(0), call.Attributes.Int(1), call.InputShape(0))
            )
        );

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in DTypes.All.Where(d => !d.IsFloating))
            yield return Case(dtype, PadMode.Constant, [3, 5], [1, 2, -1, 3]);
        foreach (var opCase in base.Cases())
            yield return opCase;
    }

    protected override OpCase Case(DType dtype, PadMode mode, long[] shape, long[] pad) =>
        new(
            this,
            dtype,
            Label(mode, shape, pad),
            [CaseSizes.Draw(dtype, shape)],
            Attributes.Of(pad, (long)mode, dtype.IsFloating ? 0.75 : 1.0)
        );
}

/// <summary>The adjoint of <see cref="PadOp"/>: to each element come the gradients of all places that show it.</summary>
internal sealed class PadBackwardOp()
    : PadFamilyOp("pad_backward", $"grad_output; {Modes}, input_size: ints -> grad_input")
{
    public static readonly PadBackwardOp Instance = new();

    internal override CpuKernel? Cpu => CpuPad.Backward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var shape = new Shape(call.Attributes.Ints(2));
        var padded = RequirePad(call, shape);
        if (!call.Input(0).Shape.Equals(padded))
            throw call.ShapeError($"expected a gradient of shape {padded}, that of {shape} with padding");
        outputs[0] = new(shape, call.RequireFloating());
    }

    public override void Reference(ReferenceCall call)
    {
        var (g, x) = (call.Input(), call.Output());
        var hits = new long[x.Shape.NumElements];
        long i = -1;
        foreach (var place in PadAxis.Places(PadAxis.Of(x.Shape, call.Attributes.Ints(0)), Mode(call.Attributes)))
        {
            i++;
            if (place < 0)
                continue;
            x[place] += g[i];
            x.Magnitude[place] += Math.Abs(g[i]);
            x.Terms = Math.Max(x.Terms, ++hits[place]);
        }
    }

    protected internal override void Backward(BackwardCall call) =>
        call.Set(
            0,
            PadOp.Instance.Apply(
                [call.GradOutput()],
                Attributes.Of(call.Attributes.Ints(0), call.Attributes.Int(1), 0.0)
            )
        );

    public override double Flops(in OpCall call) => call.Input(0).NumElements;

    protected override OpCase Case(DType dtype, PadMode mode, long[] shape, long[] pad) =>
        new(
            this,
            dtype,
            Label(mode, shape, pad),
            [Draw.Normal(Array.ConvertAll(PadAxis.Of(shape, pad), axis => axis.Output))],
            Attributes.Of(pad, (long)mode, shape)
        );
}

/// <summary>Padding.</summary>
public static class PadExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The tensor with elements added before and after it. <paramref name="pad"/> holds two amounts per axis, before and after, from the
        /// last axis on: (1, 2) pads the last axis, (1, 2, 3, 4) the last two. In constant mode a negative amount cuts off instead; reflect
        /// takes amounts below the extent, circular up to the extent.
        /// </summary>
        /// <exception cref="AttributeException">There are too many amounts, or one does not suit the mode.</exception>
        public Tensor Pad(ReadOnlySpan<long> pad, PadMode mode = PadMode.Constant, double value = 0) =>
            PadOp.Instance.Apply([input], Attributes.Of(pad, (long)mode, value));
    }
}
