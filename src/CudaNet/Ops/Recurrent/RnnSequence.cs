namespace CudaNet;

/// <summary>The functions that a plain recurrent layer applies.</summary>
public enum RnnNonlinearity
{
    /// <summary>tanh x.</summary>
    Tanh,

    /// <summary>max(x, 0).</summary>
    Relu,
}

/// <summary>The recurrent part of a plain layer over whole sequences. Its derivatives follow from its output.</summary>
internal sealed class RnnSequenceOp()
    : SequenceOp(
        "rnn_sequence",
        "input_gates, hx, weight_hh, bias_hh?, lengths?; reverse: bool = false, nonlinearity: tanh|relu = tanh -> output, h_n"
    )
{
    public static readonly RnnSequenceOp Instance = new();

    protected override int Gates => 1;

    protected override int Weight => 2;

    internal override CpuKernel? Cpu => CpuRnn.Sequence;

    protected internal override Saved Saves => Saved.Inputs(1, 2, 4).AndOutputs(0);

    public static bool IsRelu(Attributes attributes) => (RnnNonlinearity)attributes.Int(1) == RnnNonlinearity.Relu;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var (steps, batch, units, dtype) = Require(call);
        outputs[0] = new(new(steps, batch, units), dtype);
        outputs[1] = new(new(batch, units), dtype);
    }

    protected override Bounded Unit(
        ReferenceCall call,
        in StepPlace place,
        ReadOnlySpan<Bounded> x,
        ReadOnlySpan<Bounded> hidden,
        double stored
    ) => IsRelu(call.Attributes) ? (x[0] + hidden[0]).Relu() : (x[0] + hidden[0]).Tanh();

    protected internal override void Backward(BackwardCall call)
    {
        var gradients = RnnSequenceBackwardOp.Instance.ApplyAll(
            [call.GradOutput(), call.GradOutput(1), call.Input(Weight), call.InputOrNull(Lengths), call.Output()],
            call.Attributes
        );
        call.Set(0, gradients[0]);
        call.Set(1, gradients[1]);
        SetWeights(call, gradients[0]!);
    }

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (h, weight, bias) = (inputs[1]!, inputs[2]!, inputs[3]);
        var order = new ComposedOrder(inputs[0]!.Shape[0], inputs[4], attributes.Bool(0));
        var x = order.Sort(inputs[0]!);
        var outputs = new List<Tensor>();
        for (long step = 0; step < x.Shape[0]; step++)
        {
            var sum = x.Select(0, step).Add(h.Linear(weight, bias));
            var next = IsRelu(attributes) ? sum.Relu() : sum.Tanh();
            outputs.Add(order.Choose(step, next, 0));
            h = order.Choose(step, next, h);
        }
        return [order.Sort(Tensor.Stack([.. outputs])), h];
    }

    public override IEnumerable<OpCase> Cases() =>
        Enum.GetValues<RnnNonlinearity>()
            .SelectMany(nonlinearity =>
                SequenceCases.Forward(
                    this,
                    Gates,
                    (gates, state, weight, bias, lengths) => [gates, state, weight, bias, lengths],
                    reverse => Attributes.Of(reverse, (long)nonlinearity),
                    nonlinearity
                )
            );
}

/// <summary>The gradients of <see cref="RnnSequenceOp"/> from its output.</summary>
internal sealed class RnnSequenceBackwardOp()
    : SequenceBackwardOp(
        "rnn_sequence_backward",
        "grad_output, grad_h_n, weight_hh, lengths?, output; reverse: bool, nonlinearity: tanh|relu -> grad_input_gates, grad_hx"
    )
{
    public static readonly RnnSequenceBackwardOp Instance = new();

    protected override int Gates => 1;

    protected override int Weight => 2;

    protected override int GradState => 1;

    internal override CpuKernel? Cpu => CpuRnn.SequenceBackward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var (steps, batch, units, dtype) = Require(call);
        SequenceRules.RequireRows(call, 4, steps, batch, units);
        outputs[0] = new(new(steps, batch, units), dtype);
        outputs[1] = new(new(batch, units), dtype);
    }

    protected override Bounded Unit(ReferenceCall call, in StepPlace place, Bounded dh, double stored)
    {
        Bounded one = 1;
        Bounded h = call.Input(4)[place.Of(0, 1)];
        var d =
            !RnnSequenceOp.IsRelu(call.Attributes) ? dh * (one - h * h)
            : h.Value > 0 ? dh
            : 0;
        d.Write(call.Output(), place.Of(0, 1));
        return 0;
    }

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (dh, weight) = (inputs[1]!, inputs[Weight]!);
        var order = new ComposedOrder(inputs[0]!.Shape[0], inputs[Lengths], attributes.Bool(0));
        var (gradient, output) = (order.Sort(inputs[0]!), order.Sort(inputs[4]!));
        var gates = new Tensor[gradient.Shape[0]];
        foreach (var step in order.Backwards())
        {
            var (arriving, h) = (dh.Add(gradient.Select(0, step)), output.Select(0, step));
            var d = RnnSequenceOp.IsRelu(attributes)
                ? Tensor.Where(h.Gt(0), arriving, 0)
                : arriving.Mul(h.Square().Affine(-1, 1));
            gates[step] = order.Choose(step, d, 0);
            dh = order.Choose(step, gates[step].MatMul(weight), dh);
        }
        return [order.Sort(Tensor.Stack(gates)), dh];
    }

    public override IEnumerable<OpCase> Cases() =>
        Enum.GetValues<RnnNonlinearity>()
            .SelectMany(nonlinearity =>
                SequenceCases.Backward(
                    this,
                    Gates,
                    1,
                    (output, state, extra, weight, lengths, kept) => [output, state, weight, lengths, kept],
                    reverse => Attributes.Of(reverse, (long)nonlinearity),
                    nonlinearity
                )
            )
            .Concat(CaseSizes.Floating.Select(ZeroCase));

    /// <summary>Outputs of max(x, 0), of which about half are 0: nothing flows back through these.</summary>
    private OpCase ZeroCase(DType dtype)
    {
        var size = new SequenceSize(3, 5, 9, HasLengths: true);
        CaseInput output = Draw.Uniform(-0.9, 0.9, size.Steps, size.Batch, size.Units) with
        {
            Map = (_, h) => Math.Max(h, 0),
            Differentiate = false,
        };
        return SequenceCases.AwayFromKinks(
            new(
                this,
                dtype,
                size.Label(",nonlinearity=relu,zeros"),
                [
                    Draw.Normal(size.Steps, size.Batch, size.Units),
                    Draw.Normal(size.Batch, size.Units),
                    size.Weight(Gates),
                    size.Lengths,
                    output,
                ],
                Attributes.Of(false, (long)RnnNonlinearity.Relu)
            ),
            RnnNonlinearity.Relu
        );
    }
}
