namespace CudaNet;

/// <summary>The point-wise part of a step of an LSTM: from the gates of input and state to the new state.</summary>
internal sealed class LstmCellOp() : Op("lstm_cell", "input_gates, hidden_gates, cx -> hy, cy, gates")
{
    public static readonly LstmCellOp Instance = new();

    internal override CpuKernel? Cpu => CpuLstm.Cell;

    protected internal override Saved Saves => Saved.Inputs(2).AndOutputs(1, 2);

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var state = CellRules.RequireState(call, 2);
        CellRules.RequireGates(call, 0, state, 4);
        CellRules.RequireGates(call, 1, state, 4);
        outputs[0] = outputs[1] = new(state, dtype);
        outputs[2] = new(call.Input(0).Shape, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, hidden, cx) = (call.Input(), call.Input(1), call.Input(2));
        Span<Bounded> a = stackalloc Bounded[4],
            b = stackalloc Bounded[4],
            kept = stackalloc Bounded[5];
        foreach (var place in CellRules.Places(cx))
        {
            for (var g = 0; g < 4; g++)
                (a[g], b[g]) = (x[place.Of(g, 4)], hidden[place.Of(g, 4)]);
            Textbook(a, b, cx[place.State], kept).Write(call.Output(), place.State);
            kept[4].Write(call.Output(1), place.State);
            for (var g = 0; g < 4; g++)
                kept[g].Write(call.Output(2), place.Of(g, 4));
        }
    }

    /// <summary>One unit. Leaves i, f, g, o and the new c behind, and gives the new h.</summary>
    public static Bounded Textbook(ReadOnlySpan<Bounded> x, ReadOnlySpan<Bounded> hidden, Bounded c, Span<Bounded> kept)
    {
        kept[0] = (x[0] + hidden[0]).Sigmoid();
        kept[1] = (x[1] + hidden[1]).Sigmoid();
        kept[2] = (x[2] + hidden[2]).Tanh();
        kept[3] = (x[3] + hidden[3]).Sigmoid();
        kept[4] = kept[1] * c + kept[0] * kept[2];
        return kept[3] * kept[4].Tanh();
    }

    protected internal override void Backward(BackwardCall call)
    {
        var gradients = LstmCellBackwardOp.Instance.ApplyAll([
            call.GradOutput(),
            call.GradOutput(1),
            call.HasGradOutput(2) ? call.GradOutput(2) : null,
            call.Input(2),
            call.Output(1),
            call.Output(2),
        ]);
        call.Set(0, gradients[0]);
        call.Set(1, gradients[0]);
        call.Set(2, gradients[1]);
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var sums = inputs[0]!.Add(inputs[1]!);
        var (i, f) = (sums.Part(0, 4).Sigmoid(), sums.Part(1, 4).Sigmoid());
        var (g, o) = (sums.Part(2, 4).Tanh(), sums.Part(3, 4).Sigmoid());
        var c = f.Mul(inputs[2]!).Add(i.Mul(g));
        return [o.Mul(c.Tanh()), c, Tensor.Concat([i, f, g, o], 1)];
    }

    public override double Flops(in OpCall call) => 30.0 * call.Input(2).NumElements;

    public override IEnumerable<OpCase> Cases() =>
        CellRules.Cases(this, _ => [4, 4, 1], optional: -1, DrawKind.Normal, 0, 1);
}

/// <summary>The gradients of an LSTM's cell from the activated gates that its forward pass has kept.</summary>
internal sealed class LstmCellBackwardOp()
    : Op("lstm_cell_backward", "grad_hy, grad_cy, grad_gates?, cx, cy, gates -> grad_preactivations, grad_cx")
{
    public static readonly LstmCellBackwardOp Instance = new();

    internal override CpuKernel? Cpu => CpuLstm.CellBackward;

    protected internal override Saved Saves => Saved.AllInputs;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var state = CellRules.RequireState(call, 3);
        foreach (var input in (ReadOnlySpan<int>)[0, 1, 4])
            CellRules.RequireGates(call, input, state, 1);
        CellRules.RequireGates(call, 2, state, 4);
        CellRules.RequireGates(call, 5, state, 4);
        outputs[0] = new(call.Input(5).Shape, dtype);
        outputs[1] = new(state, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (dh, dc, extra) = (call.Input(), call.Input(1), call.InputOrNull(2));
        var (cx, cy, gates) = (call.Input(3), call.Input(4), call.Input(5));
        Span<Bounded> kept = stackalloc Bounded[5],
            more = stackalloc Bounded[4],
            d = stackalloc Bounded[4];
        foreach (var place in CellRules.Places(cx))
        {
            for (var g = 0; g < 4; g++)
                (kept[g], more[g]) = (gates[place.Of(g, 4)], extra?[place.Of(g, 4)] ?? 0);
            kept[4] = cy[place.State];
            Textbook(dh[place.State], dc[place.State], cx[place.State], kept, more, d)
                .Write(call.Output(1), place.State);
            for (var g = 0; g < 4; g++)
                d[g].Write(call.Output(), place.Of(g, 4));
        }
    }

    /// <summary>One unit, from i, f, g, o and the new c, with further gradients of the gates. Leaves those of the pre-activations in
    /// <paramref name="d"/> and gives that of the old c.</summary>
    public static Bounded Textbook(
        Bounded dh,
        Bounded dc,
        Bounded c,
        ReadOnlySpan<Bounded> kept,
        ReadOnlySpan<Bounded> more,
        Span<Bounded> d
    )
    {
        Bounded one = 1;
        var (i, f, g, o) = (kept[0], kept[1], kept[2], kept[3]);
        var size = kept[4].Tanh();
        dc += dh * o * (one - size * size);
        d[0] = (dc * g + more[0]) * i * (one - i);
        d[1] = (dc * c + more[1]) * f * (one - f);
        d[2] = (dc * i + more[2]) * (one - g * g);
        d[3] = (dh * size + more[3]) * o * (one - o);
        return dc * f;
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (dh, extra, cx, gates) = (inputs[0]!, inputs[2], inputs[3]!, inputs[5]!);
        var (i, f, g, o) = (gates.Part(0, 4), gates.Part(1, 4), gates.Part(2, 4), gates.Part(3, 4));
        var size = inputs[4]!.Tanh();
        var dc = inputs[1]!.Add(dh.Mul(o).Mul(size.Square().Affine(-1, 1)));
        var activated = Tensor.Concat([dc.Mul(g), dc.Mul(cx), dc.Mul(i), dh.Mul(size)], 1);
        if (extra is not null)
            activated = activated.Add(extra);
        var slopes = Tensor.Concat(
            [i.Mul(i.Affine(-1, 1)), f.Mul(f.Affine(-1, 1)), g.Square().Affine(-1, 1), o.Mul(o.Affine(-1, 1))],
            1
        );
        return [activated.Mul(slopes), dc.Mul(f)];
    }

    public override double Flops(in OpCall call) => 40.0 * call.Input(3).NumElements;

    public override IEnumerable<OpCase> Cases() =>
        CellRules.Cases(this, extra => [1, 1, extra ? 4 : 0, 1, 1, 4], optional: 2, DrawKind.Uniform, -0.9, 0.9);
}
