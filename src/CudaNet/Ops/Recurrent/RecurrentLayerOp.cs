namespace CudaNet;

/// <summary>
/// A recurrent layer in one direction, in PyTorch's layout of weights. It is a composition: one matrix product makes the input gates of
/// all steps, and a <see cref="SequenceOp"/>, one kernel per step or less, does what has to wait for the step before. So the input's
/// gradients are one product again, and the fused part has no more to know than the state.
/// </summary>
internal abstract class RecurrentLayerOp(string name, string signature) : Op(name, signature)
{
    public override OpKind Kind => OpKind.Composition;

    /// <summary>Gates of a unit.</summary>
    protected abstract int Gates { get; }

    /// <summary>States that steps pass on.</summary>
    protected abstract int States { get; }

    /// <summary>The recurrent part.</summary>
    protected abstract SequenceOp Sequence { get; }

    /// <summary>Whether both biases only ever appear in one sum.</summary>
    protected virtual bool JoinsBiases => true;

    private int WeightIh => 1 + States;

    private int WeightHh => 2 + States;

    private int BiasIh => 3 + States;

    private int BiasHh => 4 + States;

    private int Lengths => 5 + States;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating(0, BiasHh);
        var (input, weight, hidden) = (call.Input(0).Shape, call.Input(WeightIh).Shape, call.Input(WeightHh).Shape);
        if (input.Rank != 3 || input[0] == 0)
            throw call.ShapeError("the input must be (steps, batch, features) with at least one step");
        if (hidden.Rank != 2 || hidden[0] != Gates * hidden[1])
            throw call.ShapeError($"weight_hh must be ({Gates} · units, units)");
        if (weight.Rank != 2 || weight[0] != hidden[0] || weight[1] != input[2])
            throw call.ShapeError($"weight_ih must be ({hidden[0]}, {input[2]}), gates by features");
        for (var i = BiasIh; i <= BiasHh; i++)
            if (call.Has(i) && !(call.Input(i).Rank == 1 && call.Input(i).Shape[0] == hidden[0]))
                throw call.ShapeError($"{Signature.Inputs[i].Name} must be ({hidden[0]})");
        for (var i = 1; i <= States; i++)
            if (call.Has(i))
                SequenceRules.RequireState(call, i, input[1], hidden[1]);
        SequenceRules.RequireLengths(call, Lengths, input[1]);
        outputs[0] = new(new(input[0], input[1], hidden[1]), dtype);
        for (var i = 1; i <= States; i++)
            outputs[i] = new(new(input[1], hidden[1]), dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, weight, bias) = (call.Input(), call.Input(WeightIh), call.InputOrNull(BiasIh));
        var (steps, batch, features) = (x.Shape[0], x.Shape[1], x.Shape[2]);
        var (rows, units) = (weight.Shape[0], call.Input(WeightHh).Shape[1]);
        var gates = ReferenceRunner.Empty(new(steps, batch, rows), x.DType);
        for (long at = 0; at < gates.Values.Length; at++)
        {
            var (from, gate) = (at / rows * features, at % rows);
            Bounded sum = bias?[gate] ?? 0;
            for (long k = 0; k < features; k++)
                sum += weight[gate * features + k] * (Bounded)x[from + k];
            sum.Write(gates, at);
        }
        var state = new Shape(batch, units);
        var states = Enumerable
            .Range(1, States)
            .Select(i => call.InputOrNull(i) ?? ReferenceRunner.Empty(state, x.DType));
        var outputs = Enumerable.Range(0, Signature.Outputs.Count).Select(i => (ReferenceTensor?)call.Output(i));
        var kept = Sequence.Signature.Outputs.Count > Signature.Outputs.Count;
        Sequence.Reference(
            new ReferenceCall(
                [gates, .. states, call.Input(WeightHh), call.InputOrNull(BiasHh), call.InputOrNull(Lengths)],
                kept ? [.. outputs, ReferenceRunner.Empty(new(steps, batch, 5 * units), x.DType)] : [.. outputs],
                call.Attributes
            )
        );
        for (var i = 0; i < Signature.Outputs.Count; i++)
            call.Output(i).Terms += features;
    }

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        // No shape rule runs before a composition.
        Infer(new OpCall(this, inputs, attributes), new TensorSpec[MaxOutputs]);
        var (input, biasIh, biasHh) = (inputs[0]!, inputs[BiasIh], inputs[BiasHh]);
        if (JoinsBiases && biasHh is not null)
            (biasIh, biasHh) = (biasIh is null ? biasHh : biasIh.Add(biasHh), null);
        var arguments = new Tensor?[1 + States + 3];
        arguments[0] = input.Linear(inputs[WeightIh]!, biasIh);
        for (var i = 1; i <= States; i++)
            arguments[i] =
                inputs[i] ?? Tensor.Zeros([input.Shape[1], inputs[WeightHh]!.Shape[1]], input.DType, input.Device);
        arguments[^3] = inputs[WeightHh];
        arguments[^2] = biasHh;
        arguments[^1] = inputs[Lengths];
        return Sequence.ApplyAll(arguments, attributes)[..Signature.Outputs.Count];
    }

    public override double Flops(in OpCall call)
    {
        var (input, weight) = (call.Input(0).Shape, call.Input(WeightHh).Shape);
        return 2.0 * input[0] * input[1] * weight[0] * (input[2] + weight[1]);
    }

    /// <summary>Case lists for each choice of the attributes behind <c>reverse</c>.</summary>
    protected IEnumerable<OpCase> CasesOf(Func<bool, Attributes> attributes, RnnNonlinearity? nonlinearity = null)
    {
        const long Features = 6;
        var tail = nonlinearity is null ? "" : $",nonlinearity={nonlinearity.ToString()!.ToLowerInvariant()}";
        OpCase Case(DType dtype, SequenceSize size, long features = Features)
        {
            var bound = 1 / Math.Sqrt(size.Units);
            var state = size.Optional ? Draw.Uniform(-0.9, 0.9, size.Batch, size.Units) : null;
            var bias = size.Optional ? Draw.Uniform(-bound, bound, Gates * size.Units) : null;
            return SequenceCases.AwayFromKinks(
                new(
                    this,
                    dtype,
                    size.Label(tail),
                    [
                        Draw.Normal(size.Steps, size.Batch, features),
                        .. Enumerable.Repeat(state, States),
                        Draw.Uniform(-bound, bound, Gates * size.Units, features),
                        size.Weight(Gates),
                        bias,
                        bias,
                        size.Lengths,
                    ],
                    attributes(size.Reverse)
                ),
                nonlinearity
            );
        }
        foreach (var dtype in CaseSizes.Floating)
        {
            yield return Case(dtype, new(1, 1, 1, Optional: false));
            yield return Case(dtype, new(3, 5, 9));
            yield return Case(dtype, new(4, 5, 8, HasLengths: true, Reverse: true));
            yield return Case(dtype, new(3, 4, 8, HasLengths: true)).With(CaseLayout.Transposed);
        }
        yield return Case(DType.Float64, new(2, 2, 2, HasLengths: true, Reverse: true), features: 2) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float32, new(64, 16, 128), features: 128) with
        {
            IsBenchmark = true,
        };
    }
}
