namespace CudaNet;

/// <summary>
/// What recurrent layers over whole sequences share. The input gates of all steps are given, since one matrix product makes them; what is
/// left is a step after the other: hidden gates from the state, then the cell. Rows are (steps, batch, …). The state is rounded to the
/// dtype after every step, as it is in PyTorch and cuDNN, which the textbook loops carry in their magnitudes.
/// </summary>
internal abstract class SequenceOp(string name, string signature) : Op(name, signature)
{
    /// <summary>Gates of a unit.</summary>
    protected abstract int Gates { get; }

    /// <summary>The position of weight_hh among the inputs; bias_hh and lengths follow.</summary>
    protected abstract int Weight { get; }

    protected int Bias => Weight + 1;

    protected int Lengths => Weight + 2;

    /// <summary>Checks the inputs that all have and gives the extents.</summary>
    protected (long Steps, long Batch, long Units, DType DType) Require(in OpCall call)
    {
        var dtype = call.RequireFloating(0, Bias);
        var (gates, weight) = (call.Input(0).Shape, call.Input(Weight).Shape);
        if (weight.Rank != 2 || weight[0] != Gates * weight[1])
            throw call.ShapeError($"weight_hh must be ({Gates} · units, units)");
        if (gates.Rank != 3 || gates[2] != weight[0])
            throw call.ShapeError($"input_gates must be (steps, batch, {weight[0]}), as weight_hh {weight} has rows");
        if (gates[0] == 0)
            throw call.ShapeError("a sequence needs at least one step");
        SequenceRules.RequireState(call, 1, gates[1], weight[1]);
        if (call.Has(Bias) && !(call.Input(Bias).Rank == 1 && call.Input(Bias).Shape[0] == weight[0]))
            throw call.ShapeError($"bias_hh must be ({weight[0]})");
        SequenceRules.RequireLengths(call, Lengths, gates[1]);
        return (gates[0], gates[1], weight[1], dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var order = StepOrder.Of(call, Name, 0, Lengths);
        var (weight, bias) = (call.Input(Weight), call.InputOrNull(Bias));
        var (output, state) = (call.Output(), call.Output(1));
        var (units, terms) = (weight.Shape[1], weight.Shape[1] + 4.0);
        var stored = Bounded.UnitOf(output.DType, terms);
        var (x, own, hidden) = (new Bounded[Gates], new Bounded[Gates], new Bounded[Gates * units]);
        for (var i = 0; i < Signature.Outputs.Count; i++)
            call.Output(i).Terms = terms;
        for (long b = 0; b < order.Batch; b++)
        {
            for (long at = b * units; at < (b + 1) * units; at++)
                Start(call, at);
            for (long step = 0; step < order.Length(b); step++)
            {
                for (long row = 0; row < hidden.Length; row++)
                {
                    Bounded sum = 0;
                    for (long k = 0; k < units; k++)
                        sum += weight[row * units + k] * Bounded.Read(state, b * units + k);
                    hidden[row] = sum.Stored(stored) + (bias?[row] ?? 0);
                }
                var (to, before) = (order.Row(step, b), order.Row(step - 1, b));
                for (long unit = 0; unit < units; unit++)
                {
                    var place = new StepPlace(to, before, b * units + unit, unit, units, step == 0);
                    for (var g = 0; g < Gates; g++)
                        (x[g], own[g]) = (Bounded.Read(call.Input(), place.Of(g, Gates)), hidden[g * units + unit]);
                    var h = Unit(call, place, x, own, stored).Stored(stored);
                    h.Write(output, place.Of(0, 1));
                    h.Write(state, place.State);
                }
            }
        }
    }

    /// <summary>Puts the state before the first step where the steps will find it.</summary>
    protected virtual void Start(ReferenceCall call, long at) => ((Bounded)call.Input(1)[at]).Write(call.Output(1), at);

    /// <summary>One unit of one step: what it keeps is written; the new h is given back.</summary>
    protected abstract Bounded Unit(
        ReferenceCall call,
        in StepPlace place,
        ReadOnlySpan<Bounded> x,
        ReadOnlySpan<Bounded> hidden,
        double stored
    );

    public override bool HasComposition => true;

    public override double Flops(in OpCall call) => call.Input(0).NumElements * (2.0 * call.Input(Weight).Shape[1] + 8);

    /// <summary>The gradients of weight_hh and bias_hh from those of all hidden gates: one product over all steps.</summary>
    protected void SetWeights(BackwardCall call, Tensor gates)
    {
        var (steps, batch, rows) = (gates.Shape[0], gates.Shape[1], gates.Shape[2]);
        if (call.Has(Bias) && call.Needs(Bias))
            call.Set(Bias, gates.Reshape(steps * batch, rows).Sum(0));
        if (!call.Needs(Weight))
            return;
        var reverse = call.Attributes.Bool(0);
        var hx = call.Input(1);
        var first =
            !reverse ? gates.Select(0, 0)
            : call.InputOrNull(Lengths) is { } lengths ? SequenceRules.AtEnd(gates, lengths)
            : gates.Select(0, steps - 1);
        var gradient = first.T.MatMul(hx);
        if (steps > 1)
        {
            // Beyond a sequence's end the output, the state of nobody, and the gradients are zero.
            var (from, to) = reverse ? (1, 0) : (0, 1);
            var states = call.Output().Narrow(0, from, steps - 1).Reshape((steps - 1) * batch, hx.Shape[1]);
            var later = gates.Narrow(0, to, steps - 1).Reshape((steps - 1) * batch, rows);
            gradient = later.T.MatMul(states).Add(gradient);
        }
        call.Set(Weight, gradient);
    }
}

/// <summary>The gradients of a <see cref="SequenceOp"/> with respect to its input gates and the states before the first step.</summary>
internal abstract class SequenceBackwardOp(string name, string signature) : Op(name, signature)
{
    /// <summary>Gates of a unit.</summary>
    protected abstract int Gates { get; }

    /// <summary>The position of weight_hh among the inputs; lengths follow.</summary>
    protected abstract int Weight { get; }

    /// <summary>The position of grad_hx among the outputs.</summary>
    protected abstract int GradState { get; }

    protected int Lengths => Weight + 1;

    protected internal override Saved Saves => Saved.AllInputs;

    /// <summary>Checks the inputs that all have and gives the extents.</summary>
    protected (long Steps, long Batch, long Units, DType DType) Require(in OpCall call)
    {
        var dtype = call.RequireFloating(0, Weight);
        var (gradient, weight) = (call.Input(0).Shape, call.Input(Weight).Shape);
        if (weight.Rank != 2 || weight[0] != Gates * weight[1])
            throw call.ShapeError($"weight_hh must be ({Gates} · units, units)");
        if (gradient.Rank != 3 || gradient[2] != weight[1] || gradient[0] == 0)
            throw call.ShapeError($"grad_output must be (steps, batch, {weight[1]}) with at least one step");
        SequenceRules.RequireState(call, 1, gradient[1], weight[1]);
        SequenceRules.RequireLengths(call, Lengths, gradient[1]);
        return (gradient[0], gradient[1], weight[1], dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var order = StepOrder.Of(call, Name, 0, Lengths);
        var (gradient, weight) = (call.Input(), call.Input(Weight));
        var (gates, state) = (call.Output(GradState - 1), call.Output(GradState));
        var (units, terms) = (weight.Shape[1], weight.Shape[0] + 4.0);
        var stored = Bounded.UnitOf(gates.DType, terms);
        for (var i = 0; i < Signature.Outputs.Count; i++)
            call.Output(i).Terms = terms;
        for (long b = 0; b < order.Batch; b++)
        {
            for (long at = b * units; at < (b + 1) * units; at++)
                Start(call, at);
            for (var step = order.Length(b) - 1; step >= 0; step--)
            {
                var (to, before) = (order.Row(step, b), order.Row(step - 1, b));
                for (long unit = 0; unit < units; unit++)
                {
                    var place = new StepPlace(to, before, b * units + unit, unit, units, step == 0);
                    var dh = Bounded.Read(state, place.State) + gradient[place.Of(0, 1)];
                    Unit(call, place, dh, stored).Stored(stored).Write(state, place.State);
                }
                for (long unit = 0; unit < units; unit++)
                {
                    Bounded through = 0;
                    for (long row = 0; row < weight.Shape[0]; row++)
                        through +=
                            weight[row * units + unit] * Bounded.Read(gates, to * weight.Shape[0] + row).Stored(stored);
                    var at = b * units + unit;
                    (Bounded.Read(state, at) + through.Stored(stored)).Write(state, at);
                }
            }
        }
    }

    /// <summary>Puts the gradients of the last states where the steps will find them.</summary>
    protected virtual void Start(ReferenceCall call, long at) =>
        ((Bounded)call.Input(1)[at]).Write(call.Output(GradState), at);

    /// <summary>One unit of one step: the gradients of its gates are written; what reaches the state directly is given back.</summary>
    protected abstract Bounded Unit(ReferenceCall call, in StepPlace place, Bounded dh, double stored);

    public override bool HasComposition => true;

    public override double Flops(in OpCall call) =>
        call.Input(0).NumElements * (2.0 * call.Input(Weight).Shape[0] + 8 * Gates);
}

/// <summary>Checks and steps that sequences share.</summary>
internal static class SequenceRules
{
    /// <summary>Throws unless an input is (batch, units).</summary>
    public static void RequireState(in OpCall call, int input, long batch, long units)
    {
        var shape = call.Input(input).Shape;
        if (shape.Rank != 2 || shape[0] != batch || shape[1] != units)
            throw call.ShapeError(
                $"{call.Op.Signature.Inputs[input].Name} must be (batch, units) = ({batch}, {units})"
            );
    }

    /// <summary>Throws unless an input is (steps, batch, columns).</summary>
    public static void RequireRows(in OpCall call, int input, long steps, long batch, long columns)
    {
        if (!call.Has(input))
            return;
        if (!call.Input(input).Shape.Equals(new Shape(steps, batch, columns)))
            throw call.ShapeError($"{call.Op.Signature.Inputs[input].Name} must be ({steps}, {batch}, {columns})");
        if (call.Input(input).DType != call.Input(0).DType)
            throw call.DTypeError("expected inputs of one dtype; convert with Cast");
    }

    /// <summary>Throws unless lengths, where they are given, are one whole number for each sequence.</summary>
    public static void RequireLengths(in OpCall call, int input, long batch)
    {
        if (!call.Has(input))
            return;
        if (call.Input(input).DType != DType.Int64)
            throw call.DTypeError("lengths must be i64; convert with Cast(DType.Int64)");
        if (call.Input(input).Rank != 1 || call.Input(input).Shape[0] != batch)
            throw call.ShapeError($"lengths must be ({batch}), one for each sequence");
    }

    /// <summary>The rows of a (steps, batch, columns) tensor at each sequence's end; of an empty sequence the first.</summary>
    public static Tensor AtEnd(Tensor rows, Tensor lengths)
    {
        var (batch, columns) = (rows.Shape[1], rows.Shape[2]);
        var last = (lengths - 1).Clamp(0, rows.Shape[0] - 1).Reshape(1, batch, 1);
        return rows.Gather(0, last.Expand(1, batch, columns)).Reshape(batch, columns);
    }

    /// <summary>One of several equal parts of a matrix's columns.</summary>
    public static Tensor Part(this Tensor rows, int index, int count)
    {
        var width = rows.Shape[-1] / count;
        return rows.Narrow(-1, index * width, width);
    }
}
