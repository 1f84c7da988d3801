namespace CudaNet;

/// <summary>The recurrent part of a GRU layer over whole sequences. The reserve holds, for each step, r, z, n and n's hidden gate.</summary>
internal sealed class GruSequenceOp()
    : SequenceOp(
        "gru_sequence",
        "input_gates, hx, weight_hh, bias_hh?, lengths?; reverse: bool = false -> output, h_n, reserve"
    )
{
    public static readonly GruSequenceOp Instance = new();

    /// <summary>What a step keeps for each unit.</summary>
    public const int Kept = 4;

    protected override int Gates => 3;

    protected override int Weight => 2;

    internal override CpuKernel? Cpu => CpuGru.Sequence;

    protected internal override Saved Saves => Saved.Inputs(1, 2, 4).AndOutputs(0, 2);

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var (steps, batch, units, dtype) = Require(call);
        outputs[0] = new(new(steps, batch, units), dtype);
        outputs[1] = new(new(batch, units), dtype);
        outputs[2] = new(new(steps, batch, Kept * units), dtype);
    }

    protected override Bounded Unit(
        ReferenceCall call,
        in StepPlace place,
        ReadOnlySpan<Bounded> x,
        ReadOnlySpan<Bounded> hidden,
        double stored
    )
    {
        Span<Bounded> kept = stackalloc Bounded[Kept];
        var h = GruCellOp.Textbook(x, hidden, Bounded.Read(call.Output(1), place.State), kept);
        for (var i = 0; i < Kept; i++)
            kept[i].Write(call.Output(2), place.Of(i, Kept));
        return h;
    }

    protected internal override void Backward(BackwardCall call)
    {
        var gradients = GruSequenceBackwardOp.Instance.ApplyAll(
            [
                call.GradOutput(),
                call.GradOutput(1),
                call.HasGradOutput(2) ? call.GradOutput(2) : null,
                call.Input(1),
                call.Input(Weight),
                call.InputOrNull(Lengths),
                call.Output(),
                call.Output(2),
            ],
            call.Attributes
        );
        call.Set(0, gradients[0]);
        call.Set(1, gradients[2]);
        SetWeights(call, gradients[1]!);
    }

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (h, weight, bias) = (inputs[1]!, inputs[2]!, inputs[3]);
        var order = new ComposedOrder(inputs[0]!.Shape[0], inputs[4], attributes.Bool(0));
        var x = order.Sort(inputs[0]!);
        var (outputs, reserve) = (new List<Tensor>(), new List<Tensor>());
        for (long step = 0; step < x.Shape[0]; step++)
        {
            var cell = GruCellOp.Instance.ApplyAll([x.Select(0, step), h.Linear(weight, bias), h]);
            outputs.Add(order.Choose(step, cell[0]!, 0));
            reserve.Add(order.Choose(step, cell[1]!, 0));
            h = order.Choose(step, cell[0]!, h);
        }
        return [order.Sort(Tensor.Stack([.. outputs])), h, order.Sort(Tensor.Stack([.. reserve]))];
    }

    public override IEnumerable<OpCase> Cases() =>
        SequenceCases.Forward(
            this,
            Gates,
            (gates, state, weight, bias, lengths) => [gates, state, weight, bias, lengths],
            reverse => Attributes.Of(reverse)
        );
}

/// <summary>The gradients of <see cref="GruSequenceOp"/> from what its steps have kept.</summary>
internal sealed class GruSequenceBackwardOp()
    : SequenceBackwardOp(
        "gru_sequence_backward",
        "grad_output, grad_h_n, grad_reserve?, hx, weight_hh, lengths?, output, reserve; reverse: bool -> grad_input_gates, grad_hidden_gates, grad_hx"
    )
{
    public static readonly GruSequenceBackwardOp Instance = new();

    private const int Kept = GruSequenceOp.Kept;

    protected override int Gates => 3;

    protected override int Weight => 4;

    protected override int GradState => 2;

    internal override CpuKernel? Cpu => CpuGru.SequenceBackward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var (steps, batch, units, dtype) = Require(call);
        SequenceRules.RequireState(call, 3, batch, units);
        SequenceRules.RequireRows(call, 2, steps, batch, Kept * units);
        SequenceRules.RequireRows(call, 6, steps, batch, units);
        SequenceRules.RequireRows(call, 7, steps, batch, Kept * units);
        outputs[0] = outputs[1] = new(new(steps, batch, Gates * units), dtype);
        outputs[2] = new(new(batch, units), dtype);
    }

    protected override Bounded Unit(ReferenceCall call, in StepPlace place, Bounded dh, double stored)
    {
        Span<Bounded> kept = stackalloc Bounded[Kept],
            more = stackalloc Bounded[Kept],
            d = stackalloc Bounded[Kept];
        var (reserve, extra) = (call.Input(7), call.InputOrNull(2));
        for (var i = 0; i < Kept; i++)
            (kept[i], more[i]) = (reserve[place.Of(i, Kept)], extra?[place.Of(i, Kept)] ?? 0);
        var before = place.IsFirst ? call.Input(3)[place.State] : call.Input(6)[place.OfBefore(0, 1)];
        var direct = GruCellBackwardOp.Textbook(dh, before, kept, more, d);
        GruCellBackwardOp.Write(d, call, place);
        return direct;
    }

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (dh, hx, weight) = (inputs[1]!, inputs[3]!, inputs[Weight]!);
        var order = new ComposedOrder(inputs[0]!.Shape[0], inputs[Lengths], attributes.Bool(0));
        var (gradient, output, reserve) = (order.Sort(inputs[0]!), order.Sort(inputs[6]!), order.Sort(inputs[7]!));
        var extra = inputs[2] is { } given ? order.Sort(given) : null;
        var (input, hidden) = (new Tensor[gradient.Shape[0]], new Tensor[gradient.Shape[0]]);
        foreach (var step in order.Backwards())
        {
            var cell = GruCellBackwardOp.Instance.ApplyAll([
                dh.Add(gradient.Select(0, step)),
                extra?.Select(0, step),
                step == 0 ? hx : output.Select(0, step - 1),
                reserve.Select(0, step),
            ]);
            input[step] = order.Choose(step, cell[0]!, 0);
            hidden[step] = order.Choose(step, cell[1]!, 0);
            dh = order.Choose(step, cell[2]!.Add(hidden[step].MatMul(weight)), dh);
        }
        return [order.Sort(Tensor.Stack(input)), order.Sort(Tensor.Stack(hidden)), dh];
    }

    public override IEnumerable<OpCase> Cases() =>
        SequenceCases.Backward(
            this,
            Gates,
            Kept,
            (output, state, extra, weight, lengths, kept) =>
                [output, state, extra, state, weight, lengths, output, kept],
            reverse => Attributes.Of(reverse)
        );
}
