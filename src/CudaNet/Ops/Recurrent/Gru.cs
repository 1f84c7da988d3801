namespace CudaNet;

/// <summary>A layer of gated recurrent units in one direction.</summary>
internal sealed class GruOp()
    : RecurrentLayerOp(
        "gru",
        "input, h0?, weight_ih, weight_hh, bias_ih?, bias_hh?, lengths?; reverse: bool = false -> output, h_n"
    )
{
    public static readonly GruOp Instance = new();

    protected override int Gates => 3;

    protected override int States => 1;

    protected override SequenceOp Sequence => GruSequenceOp.Instance;

    /// <summary>The reset gate scales n's hidden bias alone.</summary>
    protected override bool JoinsBiases => false;

    public override IEnumerable<OpCase> Cases() => CasesOf(reverse => Attributes.Of(reverse));
}

/// <summary>Gated recurrent units.</summary>
public static class GruExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// A layer of torch.nn.GRU in one direction: input (steps, batch, features), weights (3 · units, features) and (3 · units, units)
        /// and biases (3 · units) with the gates in the order r, z, n; the state (batch, units), zero where it is not given.
        /// r, z = σ(…), n = tanh(Wx + b + r·(Uh + b′)), h′ = (1 − z)·n + z·h (Cho et al. 2014, in PyTorch's form).
        /// With <paramref name="lengths"/>, i64 of (batch), a sequence's state stays as it is beyond its end, its output there is zero, and so are
        /// the gradients. With <paramref name="reverse"/>, each is read from its own end.
        /// </summary>
        /// <returns>h of all steps (steps, batch, units), and h behind the last.</returns>
        /// <exception cref="ShapeException">The shapes do not fit, or, on the CPU, a length is not from 0 to the steps; elsewhere those count as the
        /// nearest of these.</exception>
        public (Tensor Output, Tensor Hidden) Gru(
            Tensor weightIh,
            Tensor weightHh,
            Tensor? biasIh = null,
            Tensor? biasHh = null,
            Tensor? hidden = null,
            Tensor? lengths = null,
            bool reverse = false
        )
        {
            var outputs = GruOp.Instance.ApplyAll(
                [input, hidden, weightIh, weightHh, biasIh, biasHh, lengths],
                Attributes.Of(reverse)
            );
            return (outputs[0]!, outputs[1]!);
        }

        /// <summary>One step of the layer, as torch.gru_cell: input (batch, features), state (batch, units).</summary>
        /// <returns>The new h.</returns>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        public Tensor GruCell(
            Tensor hidden,
            Tensor weightIh,
            Tensor weightHh,
            Tensor? biasIh = null,
            Tensor? biasHh = null
        ) => input.Unsqueeze(0).Gru(weightIh, weightHh, biasIh, biasHh, hidden).Hidden;
    }
}
