namespace CudaNet;

/// <summary>The function that a gated linear unit applies to its gate.</summary>
public enum GateActivation
{
    /// <summary>σ(x): GLU (Dauphin et al. 2017).</summary>
    Sigmoid,

    /// <summary>x · σ(x): SwiGLU (Shazeer 2020).</summary>
    Silu,

    /// <summary>x · Φ(x), exactly: GEGLU.</summary>
    Gelu,

    /// <summary>max(x, 0): ReGLU.</summary>
    Relu,
}

/// <summary>The functions of <see cref="GateActivation"/> in numbers and in ops.</summary>
internal static class Gates
{
    public const string Attribute = "activation: sigmoid|silu|gelu|relu = sigmoid";

    public static GateActivation Of(Attributes attributes) => (GateActivation)attributes.Int(1);

    private static ActivationOp? OpOf(GateActivation gate) =>
        gate switch
        {
            GateActivation.Silu => SiluOp.Instance,
            GateActivation.Gelu => GeluOp.Instance,
            _ => null,
        };

    private static Attributes AttributesOf(GateActivation gate) =>
        gate == GateActivation.Gelu ? Attributes.Of((long)GeluApproximation.None) : default;

    public static (double Value, double Magnitude) Value(double x, GateActivation gate)
    {
        if (OpOf(gate) is { } op)
            return (op.Evaluate(x, AttributesOf(gate)), op.Magnitude(x, AttributesOf(gate)));
        var value = gate == GateActivation.Relu ? (x < 0 ? 0 : x) : SpecialFunctions.Sigmoid(x);
        return (value, Math.Abs(value));
    }

    public static (double Value, double Magnitude) Slope(double x, GateActivation gate)
    {
        if (OpOf(gate) is { } op)
            return (op.Slope(x, AttributesOf(gate)), op.SlopeMagnitude(x, AttributesOf(gate)));
        var slope =
            gate == GateActivation.Relu ? (x > 0 ? 1 : 0) : SpecialFunctions.Sigmoid(x) * SpecialFunctions.Sigmoid(-x);
        return (slope, slope);
    }

    public static Tensor Value(Tensor x, GateActivation gate) =>
        gate switch
        {
            GateActivation.Silu => x.Silu(),
            GateActivation.Gelu => x.Gelu(),
            GateActivation.Relu => x.Relu(),
            _ => x.Sigmoid(),
        };

    public static Tensor Slope(Tensor x, GateActivation gate)
    {
        if (OpOf(gate) is { } op)
            return op.Slope(x, AttributesOf(gate));
        if (gate == GateActivation.Relu)
            return x.Gt(0).Cast(x.DType);
        // Not s·(1 − s), which cancels where s is nearly 1.
        return x.Sigmoid().Mul(x.Neg().Sigmoid());
    }
}

/// <summary>The first half of an axis times a function of the second half, in one pass.</summary>
internal sealed class GluOp() : Op("glu", $"input; dim: int = -1, {Gates.Attribute} -> output")
{
    public static readonly GluOp Instance = new();

    internal override CpuKernel Cpu => CpuGlu.Forward;

    protected internal override Saved Saves => Saved.Inputs(0);

    // As the activation functions.
    public override double ErrorConstant => 8;

    /// <summary>The shape of one half.</summary>
    internal static Shape HalfOf(in OpCall call, Tensor input)
    {
        var axis = input.Shape.Axis(call.Attributes.Int(0), call.Op.Name);
        if (input.Rank == 0 || input.Shape[axis] % 2 != 0)
            throw call.ShapeError($"expected an even number of elements along axis {axis}: values and their gates");
        return input.Shape.With(axis, input.Shape[axis] / 2);
    }

    public override void Infer(in OpCall call, Span<TensorSpec> outputs) =>
        outputs[0] = new(HalfOf(call, call.Input(0)), call.RequireFloating());

    public override void Reference(ReferenceCall call)
    {
        var (x, y, gate) = (call.Input(), call.Output(), Gates.Of(call.Attributes));
        var half = HalfLength(x.Shape, call.Attributes);
        for (long i = 0; i < y.Shape.NumElements; i++)
        {
            var at = i + i / half * half;
            var (value, magnitude) = Gates.Value(x[at + half], gate);
            y[i] = x[at] * value;
            y.Magnitude[i] = Math.Abs(x[at]) * magnitude;
        }
    }

    /// <summary>How far a gate lies behind its value in a contiguous tensor.</summary>
    internal static long HalfLength(Shape input, Attributes attributes)
    {
        var axis = input.Axis(attributes.Int(0), "glu");
        return input[axis] / 2 * input.ContiguousStrides[axis];
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (value, argument) = Halves(inputs[0]!, attributes);
        return [value.Mul(Gates.Value(argument, Gates.Of(attributes)))];
    }

    internal static (Tensor Value, Tensor Argument) Halves(Tensor input, Attributes attributes)
    {
        var axis = input.Shape.Axis(attributes.Int(0), "glu");
        var half = input.Shape[axis] / 2;
        return (input.Narrow(axis, 0, half), input.Narrow(axis, half, half));
    }

    protected internal override void Backward(BackwardCall call) =>
        call.Set(0, GluBackwardOp.Instance.Apply([call.GradOutput(), call.Input(0)], call.Attributes));

    public override double Flops(in OpCall call) => 9.0 * call.Output(0).NumElements;

    public override IEnumerable<OpCase> Cases() => CasesOf(this, (_, input) => [input]);

    /// <summary>The case list of both directions; <paramref name="inputs"/> makes the inputs from the shape of a half and the input.</summary>
    internal static IEnumerable<OpCase> CasesOf(Op op, Func<long[], CaseInput, CaseInput[]> inputs)
    {
        OpCase Case(DType dtype, GateActivation gate, long[] shape, int dim, Func<long[], CaseInput>? draw = null)
        {
            var half = (long[])shape.Clone();
            half[dim < 0 ? dim + half.Length : dim] /= 2;
            var label = $"shape={string.Join('x', shape)},dim={dim},{gate.ToString().ToLowerInvariant()}";
            return new(
                op,
                dtype,
                label,
                inputs(half, (draw ?? Draw.Normal)(shape)),
                Attributes.Of((long)dim, (long)gate)
            );
        }
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (var gate in Enum.GetValues<GateActivation>())
                yield return Case(dtype, gate, [7, 2 * 33], -1, s => Draw.Uniform(-9, 9, s));
            foreach (var shape in new long[][] { [0, 6], [5, 0], [1, 2], [3, 64], [33, 16], [2, 2 * 1031], [31, 2] })
                yield return Case(dtype, GateActivation.Silu, shape, 1);
            yield return Case(dtype, GateActivation.Sigmoid, [5, 6, 7], 1);
            yield return Case(dtype, GateActivation.Sigmoid, [514, 8], 0);
        }
        // With gates at the bound itself.
        yield return Case(DType.Float32, GateActivation.Relu, [3, 16], -1, s => new(s, DrawKind.Integers, -1, 2));
        foreach (var layout in Enum.GetValues<CaseLayout>())
            yield return Case(DType.Float32, GateActivation.Gelu, [6, 8], -1).With(layout);
        foreach (var gate in Enum.GetValues<GateActivation>())
            yield return Case(DType.Float64, gate, [2, 4], -1, s => Draw.Away(0.1, 2, s)) with
            {
                CheckGradient = true,
            };
        yield return Case(DType.Float32, GateActivation.Silu, [512, 2048], -1) with
        {
            IsBenchmark = true,
        };
    }
}

/// <summary>The gradient of <see cref="GluOp"/>.</summary>
internal sealed class GluBackwardOp()
    : Op("glu_backward", $"grad_output, input; dim: int = -1, {Gates.Attribute} -> grad_input")
{
    public static readonly GluBackwardOp Instance = new();

    internal override CpuKernel Cpu => CpuGlu.Backward;

    protected internal override Saved Saves => Saved.AllInputs;

    public override double ErrorConstant => GluOp.Instance.ErrorConstant;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var (gradient, input) = (call.Input(0), call.Input(1));
        if (!gradient.Shape.Equals(GluOp.HalfOf(call, input)))
            throw call.ShapeError("expected a grad_output of half the input");
        outputs[0] = new(input.Shape, call.RequireFloating());
    }

    public override void Reference(ReferenceCall call)
    {
        var (g, x, gx, gate) = (call.Input(0), call.Input(1), call.Output(), Gates.Of(call.Attributes));
        var half = GluOp.HalfLength(x.Shape, call.Attributes);
        for (long i = 0; i < g.Shape.NumElements; i++)
        {
            var at = i + i / half * half;
            var value = Gates.Value(x[at + half], gate);
            var slope = Gates.Slope(x[at + half], gate);
            gx[at] = g[i] * value.Value;
            gx.Magnitude[at] = Math.Abs(g[i]) * value.Magnitude;
            gx[at + half] = g[i] * x[at] * slope.Value;
            gx.Magnitude[at + half] = Math.Abs(g[i] * x[at]) * slope.Magnitude;
        }
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var gate = Gates.Of(attributes);
        var (value, argument) = GluOp.Halves(inputs[1]!, attributes);
        var ofValue = inputs[0]!.Mul(Gates.Value(argument, gate));
        var ofArgument = inputs[0]!.Mul(value).Mul(Gates.Slope(argument, gate));
        return [Tensor.Concat([ofValue, ofArgument], inputs[1]!.Shape.Axis(attributes.Int(0), Name))];
    }

    public override double Flops(in OpCall call) => 14.0 * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases() => GluOp.CasesOf(this, (half, input) => [Draw.Normal(half), input]);
}

/// <summary>Gated linear units.</summary>
public static class GluExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The first half of an axis times σ of the second half, as torch.nn.functional.glu, or times another function of it: with
        /// <see cref="GateActivation.Silu"/> SwiGLU, with <see cref="GateActivation.Gelu"/> GEGLU (Shazeer 2020). One linear layer that gives both halves
        /// and this are a gated feed-forward layer.
        /// </summary>
        /// <exception cref="ShapeException">The axis does not exist or has an odd number of elements.</exception>
        public Tensor Glu(int dim = -1, GateActivation activation = GateActivation.Sigmoid) =>
            GluOp.Instance.Apply([input], Attributes.Of((long)dim, (long)activation));
    }
}
