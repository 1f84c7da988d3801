namespace CudaNet;

/// <summary>The recurrent part of an LSTM layer over whole sequences. The reserve holds, for each step, i, f, g, o and c.</summary>
internal sealed class LstmSequenceOp()
    : SequenceOp(
        "lstm_sequence",
        "input_gates, hx, cx, weight_hh, bias_hh?, lengths?; reverse: bool = false -> output, h_n, c_n, reserve"
    )
{
    public static readonly LstmSequenceOp Instance = new();

    /// <summary>What a step keeps for each unit.</summary>
    public const int Kept = 5;

    protected override int Gates => 4;

    protected override int Weight => 3;

    internal override CpuKernel? Cpu => CpuLstm.Sequence;

    protected internal override Saved Saves => Saved.Inputs(1, 2, 3, 5).AndOutputs(0, 3);

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var (steps, batch, units, dtype) = Require(call);
        SequenceRules.RequireState(call, 2, batch, units);
        outputs[0] = new(new(steps, batch, units), dtype);
        outputs[1] = outputs[2] = new(new(batch, units), dtype);
        outputs[3] = new(new(steps, batch, Kept * units), dtype);
    }

    protected override void Start(ReferenceCall call, long at)
    {
        base.Start(call, at);
        ((Bounded)call.Input(2)[at]).Write(call.Output(2), at);
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
        var state = call.Output(2);
        var h = LstmCellOp.Textbook(x, hidden, Bounded.Read(state, place.State), kept);
        for (var i = 0; i < Kept; i++)
            kept[i].Write(call.Output(3), place.Of(i, Kept));
        kept[4].Stored(stored).Write(state, place.State);
        return h;
    }

    protected internal override void Backward(BackwardCall call)
    {
        var gradients = LstmSequenceBackwardOp.Instance.ApplyAll(
            [
                call.GradOutput(),
                call.GradOutput(1),
                call.GradOutput(2),
                call.HasGradOutput(3) ? call.GradOutput(3) : null,
                call.Input(2),
                call.Input(Weight),
                call.InputOrNull(Lengths),
                call.Output(3),
            ],
            call.Attributes
        );
        call.Set(0, gradients[0]);
        call.Set(1, gradients[1]);
        call.Set(2, gradients[2]);
        SetWeights(call, gradients[0]!);
    }

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (h, c, weight, bias) = (inputs[1]!, inputs[2]!, inputs[3]!, inputs[4]);
        var order = new ComposedOrder(inputs[0]!.Shape[0], inputs[5], attributes.Bool(0));
        var x = order.Sort(inputs[0]!);
        var (outputs, reserve) = (new List<Tensor>(), new List<Tensor>());
        for (long step = 0; step < x.Shape[0]; step++)
        {
            var cell = LstmCellOp.Instance.ApplyAll([x.Select(0, step), h.Linear(weight, bias), c]);
            outputs.Add(order.Choose(step, cell[0]!, 0));
            reserve.Add(order.Choose(step, Tensor.Concat([cell[2]!, cell[1]!], 1), 0));
            (h, c) = (order.Choose(step, cell[0]!, h), order.Choose(step, cell[1]!, c));
        }
        return [order.Sort(Tensor.Stack([.. outputs])), h, c, order.Sort(Tensor.Stack([.. reserve]))];
    }

    public override IEnumerable<OpCase> Cases() =>
        SequenceCases.Forward(
            this,
            Gates,
            (gates, state, weight, bias, lengths) => [gates, state, state, weight, bias, lengths],
            reverse => Attributes.Of(reverse)
        );
}

/// <summary>The gradients of <see cref="LstmSequenceOp"/> from what its steps have kept.</summary>
internal sealed class LstmSequenceBackwardOp()
    : SequenceBackwardOp(
        "lstm_sequence_backward",
        "grad_output, grad_h_n, grad_c_n, grad_reserve?, cx, weight_hh, lengths?, reserve; reverse: bool -> grad_input_gates, grad_hx, grad_cx"
    )
{
    public static readonly LstmSequenceBackwardOp Instance = new();

    private const int Kept = LstmSequenceOp.Kept;

    protected override int Gates => 4;

    protected override int Weight => 5;

    protected override int GradState => 1;

    internal override CpuKernel? Cpu => CpuLstm.SequenceBackward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var (steps, batch, units, dtype) = Require(call);
        SequenceRules.RequireState(call, 2, batch, units);
        SequenceRules.RequireState(call, 4, batch, units);
        SequenceRules.RequireRows(call, 3, steps, batch, Kept * units);
        SequenceRules.RequireRows(call, 7, steps, batch, Kept * units);
        outputs[0] = new(new(steps, batch, Gates * units), dtype);
        outputs[1] = outputs[2] = new(new(batch, units), dtype);
    }

    protected override void Start(ReferenceCall call, long at)
    {
        base.Start(call, at);
        ((Bounded)call.Input(2)[at]).Write(call.Output(2), at);
    }

    protected override Bounded Unit(ReferenceCall call, in StepPlace place, Bounded dh, double stored)
    {
        Span<Bounded> kept = stackalloc Bounded[Kept],
            more = stackalloc Bounded[Kept],
            d = stackalloc Bounded[4];
        var (reserve, extra, state) = (call.Input(7), call.InputOrNull(3), call.Output(2));
        for (var i = 0; i < Kept; i++)
            (kept[i], more[i]) = (reserve[place.Of(i, Kept)], extra?[place.Of(i, Kept)] ?? 0);
        var before = place.IsFirst ? call.Input(4)[place.State] : reserve[place.OfBefore(4, Kept)];
        var dc = Bounded.Read(state, place.State) + more[4];
        LstmCellBackwardOp.Textbook(dh, dc, before, kept, more, d).Stored(stored).Write(state, place.State);
        for (var g = 0; g < Gates; g++)
            d[g].Write(call.Output(), place.Of(g, Gates));
        return 0;
    }

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (dh, dc, cx, weight) = (inputs[1]!, inputs[2]!, inputs[4]!, inputs[Weight]!);
        var order = new ComposedOrder(inputs[0]!.Shape[0], inputs[Lengths], attributes.Bool(0));
        var (gradient, reserve) = (order.Sort(inputs[0]!), order.Sort(inputs[7]!));
        var extra = inputs[3] is { } given ? order.Sort(given) : null;
        var units = dh.Shape[1];
        var gates = new Tensor[gradient.Shape[0]];
        foreach (var step in order.Backwards())
        {
            var kept = reserve.Select(0, step);
            var before = step == 0 ? cx : reserve.Select(0, step - 1).Part(4, Kept);
            var more = extra?.Select(0, step);
            var cell = LstmCellBackwardOp.Instance.ApplyAll([
                dh.Add(gradient.Select(0, step)),
                more is null ? dc : dc.Add(more.Part(4, Kept)),
                more?.Narrow(1, 0, Gates * units),
                before,
                kept.Part(4, Kept),
                kept.Narrow(1, 0, Gates * units),
            ]);
            gates[step] = order.Choose(step, cell[0]!, 0);
            dh = order.Choose(step, gates[step].MatMul(weight), dh);
            dc = order.Choose(step, cell[1]!, dc);
        }
        return [order.Sort(Tensor.Stack(gates)), dh, dc];
    }

    public override IEnumerable<OpCase> Cases() =>
        SequenceCases.Backward(
            this,
            Gates,
            Kept,
            (output, state, extra, weight, lengths, kept) =>
                [output, state, state, extra, state, weight, lengths, kept],
            reverse => Attributes.Of(reverse)
        );
}
