namespace CudaNet;

/// <summary>A layer of long short-term memory in one direction.</summary>
internal sealed class LstmOp()
    : RecurrentLayerOp(
        "lstm",
        "input, h0?, c0?, weight_ih, weight_hh, bias_ih?, bias_hh?, lengths?; reverse: bool = false -> output, h_n, c_n"
    )
{
    public static readonly LstmOp Instance = new();

    protected override int Gates => 4;

    protected override int States => 2;

    protected override SequenceOp Sequence => LstmSequenceOp.Instance;

    public override IEnumerable<OpCase> Cases() => CasesOf(reverse => Attributes.Of(reverse));
}

/// <summary>Long short-term memory.</summary>
public static class LstmExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// A layer of torch.nn.LSTM in one direction: input (steps, batch, features), weights (4 · units, features) and (4 · units, units)
        /// and biases (4 · units) with the gates in the order i, f, g, o; states (batch, units), zero where they are not given.
        /// i, f, o = σ(…), g = tanh(…), c′ = f·c + i·g, h′ = o·tanh(c′) (Hochreiter and Schmidhuber 1997; Gers et al. 2000).
        /// With <paramref name="lengths"/>, i64 of (batch), a sequence's state stays as it is beyond its end, its output there is zero, and so are
        /// the gradients. With <paramref name="reverse"/>, each is read from its own end.
        /// </summary>
        /// <returns>h of all steps (steps, batch, units), and h and c behind the last.</returns>
        /// <exception cref="ShapeException">The shapes do not fit, or, on the CPU, a length is not from 0 to the steps; elsewhere those count as the
        /// nearest of these.</exception>
        public (Tensor Output, Tensor Hidden, Tensor Cell) Lstm(
            Tensor weightIh,
            Tensor weightHh,
            Tensor? biasIh = null,
            Tensor? biasHh = null,
            Tensor? hidden = null,
            Tensor? cell = null,
            Tensor? lengths = null,
            bool reverse = false
        )
        {
            var outputs = LstmOp.Instance.ApplyAll(
                [input, hidden, cell, weightIh, weightHh, biasIh, biasHh, lengths],
                Attributes.Of(reverse)
            );
            return (outputs[0]!, outputs[1]!, outputs[2]!);
        }

        /// <summary>One step of the layer, as torch.lstm_cell: input (batch, features), states (batch, units).</summary>
        /// <returns>The new h and c.</returns>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        public (Tensor Hidden, Tensor Cell) LstmCell(
            Tensor hidden,
            Tensor cell,
            Tensor weightIh,
            Tensor weightHh,
            Tensor? biasIh = null,
            Tensor? biasHh = null
        )
        {
            var step = input.Unsqueeze(0).Lstm(weightIh, weightHh, biasIh, biasHh, hidden, cell);
            return (step.Hidden, step.Cell);
        }
    }
}
