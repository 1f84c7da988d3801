namespace CudaNet;

/// <summary>The point-wise part of a step of a GRU: from the gates of input and state to the new state. Keeps r, z, n and n's hidden gate.</summary>
internal sealed class GruCellOp() : Op("gru_cell", "input_gates, hidden_gates, hx -> hy, gates")
{
    public static readonly GruCellOp Instance = new();

    internal override CpuKernel? Cpu => CpuGru.Cell;

    protected internal override Saved Saves => Saved.Inputs(2).AndOutputs(1);

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var state = CellRules.RequireState(call, 2);
        CellRules.RequireGates(call, 0, state, 3);
        CellRules.RequireGates(call, 1, state, 3);
        outputs[0] = new(state, dtype);
        outputs[1] = new(new(state[0], 4 * state[1]), dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, hidden, hx) = (call.Input(), call.Input(1), call.Input(2));
        Span<Bounded> a = stackalloc Bounded[3],
            b = stackalloc Bounded[3],
            kept = stackalloc Bounded[4];
        foreach (var place in CellRules.Places(hx))
        {
            for (var g = 0; g < 3; g++)
                (a[g], b[g]) = (x[place.Of(g, 3)], hidden[place.Of(g, 3)]);
            Textbook(a, b, hx[place.State], kept).Write(call.Output(), place.State);
            for (var i = 0; i < 4; i++)
                kept[i].Write(call.Output(1), place.Of(i, 4));
        }
    }

    /// <summary>One unit. Leaves r, z, n and n's hidden gate behind, and gives the new h.</summary>
    public static Bounded Textbook(ReadOnlySpan<Bounded> x, ReadOnlySpan<Bounded> hidden, Bounded h, Span<Bounded> kept)
    {
        Bounded one = 1;
        kept[0] = (x[0] + hidden[0]).Sigmoid();
        kept[1] = (x[1] + hidden[1]).Sigmoid();
        kept[2] = (x[2] + kept[0] * hidden[2]).Tanh();
        kept[3] = hidden[2];
        return (one - kept[1]) * kept[2] + kept[1] * h;
    }

    protected internal override void Backward(BackwardCall call)
    {
        var gradients = GruCellBackwardOp.Instance.ApplyAll([
            call.GradOutput(),
            call.HasGradOutput(1) ? call.GradOutput(1) : null,
            call.Input(2),
            call.Output(1),
        ]);
        for (var i = 0; i < 3; i++)
            call.Set(i, gradients[i]);
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (x, hidden, h) = (inputs[0]!, inputs[1]!, inputs[2]!);
        var r = x.Part(0, 3).Add(hidden.Part(0, 3)).Sigmoid();
        var z = x.Part(1, 3).Add(hidden.Part(1, 3)).Sigmoid();
        var n = x.Part(2, 3).Add(r.Mul(hidden.Part(2, 3))).Tanh();
        return [z.Affine(-1, 1).Mul(n).Add(z.Mul(h)), Tensor.Concat([r, z, n, hidden.Part(2, 3)], 1)];
    }

    public override double Flops(in OpCall call) => 28.0 * call.Input(2).NumElements;

    public override IEnumerable<OpCase> Cases() =>
        CellRules.Cases(this, _ => [3, 3, 1], optional: -1, DrawKind.Normal, 0, 1);
}

/// <summary>The gradients of a GRU's cell from what its forward pass has kept.</summary>
internal sealed class GruCellBackwardOp()
    : Op("gru_cell_backward", "grad_hy, grad_gates?, hx, gates -> grad_input_gates, grad_hidden_gates, grad_hx")
{
    public static readonly GruCellBackwardOp Instance = new();

    internal override CpuKernel? Cpu => CpuGru.CellBackward;

    protected internal override Saved Saves => Saved.AllInputs;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var state = CellRules.RequireState(call, 2);
        CellRules.RequireGates(call, 0, state, 1);
        CellRules.RequireGates(call, 1, state, 4);
        CellRules.RequireGates(call, 3, state, 4);
        outputs[0] = outputs[1] = new(new(state[0], 3 * state[1]), dtype);
        outputs[2] = new(state, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (dh, extra, hx, gates) = (call.Input(), call.InputOrNull(1), call.Input(2), call.Input(3));
        Span<Bounded> kept = stackalloc Bounded[4],
            more = stackalloc Bounded[4],
            d = stackalloc Bounded[4];
        foreach (var place in CellRules.Places(hx))
        {
            for (var i = 0; i < 4; i++)
                (kept[i], more[i]) = (gates[place.Of(i, 4)], extra?[place.Of(i, 4)] ?? 0);
            Textbook(dh[place.State], hx[place.State], kept, more, d).Write(call.Output(2), place.State);
            Write(d, call, place);
        }
    }

    /// <summary>Writes the gradients of the gates of input and state, the first two outputs.</summary>
    public static void Write(ReadOnlySpan<Bounded> d, ReferenceCall call, in StepPlace place)
    {
        for (var g = 0; g < 3; g++)
        {
            d[g].Write(call.Output(), place.Of(g, 3));
            d[g == 2 ? 3 : g].Write(call.Output(1), place.Of(g, 3));
        }
    }

    /// <summary>One unit, from r, z, n and n's hidden gate, with further gradients of these. Leaves those of the three input gates and
    /// of n's hidden gate in <paramref name="d"/> and gives that of the old h.</summary>
    public static Bounded Textbook(
        Bounded dh,
        Bounded h,
        ReadOnlySpan<Bounded> kept,
        ReadOnlySpan<Bounded> more,
        Span<Bounded> d
    )
    {
        Bounded one = 1;
        var (r, z, n, hidden) = (kept[0], kept[1], kept[2], kept[3]);
        d[2] = (dh * (one - z) + more[2]) * (one - n * n);
        d[0] = (d[2] * hidden + more[0]) * r * (one - r);
        d[1] = (dh * (h - n) + more[1]) * z * (one - z);
        d[3] = d[2] * r + more[3];
        return dh * z;
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (dh, extra, h, gates) = (inputs[0]!, inputs[1], inputs[2]!, inputs[3]!);
        var (r, z, n, hidden) = (gates.Part(0, 4), gates.Part(1, 4), gates.Part(2, 4), gates.Part(3, 4));
        Tensor With(Tensor gradient, int gate) => extra is null ? gradient : gradient.Add(extra.Part(gate, 4));
        var dn = With(dh.Mul(z.Affine(-1, 1)), 2).Mul(n.Square().Affine(-1, 1));
        var dr = With(dn.Mul(hidden), 0).Mul(r.Mul(r.Affine(-1, 1)));
        var dz = With(dh.Mul(h.Sub(n)), 1).Mul(z.Mul(z.Affine(-1, 1)));
        return [Tensor.Concat([dr, dz, dn], 1), Tensor.Concat([dr, dz, With(dn.Mul(r), 3)], 1), dh.Mul(z)];
    }

    public override double Flops(in OpCall call) => 30.0 * call.Input(2).NumElements;

    public override IEnumerable<OpCase> Cases() =>
        CellRules.Cases(this, extra => [1, extra ? 4 : 0, 1, 4], optional: 1, DrawKind.Uniform, -0.9, 0.9);
}
