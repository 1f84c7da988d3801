namespace CudaNet;

/// <summary>A plain recurrent layer in one direction.</summary>
internal sealed class RnnOp()
    : RecurrentLayerOp(
        "rnn",
        "input, h0?, weight_ih, weight_hh, bias_ih?, bias_hh?, lengths?; reverse: bool = false, nonlinearity: tanh|relu = tanh -> output, h_n"
    )
{
    public static readonly RnnOp Instance = new();

    protected override int Gates => 1;

    protected override int States => 1;

    protected override SequenceOp Sequence => RnnSequenceOp.Instance;

    public override IEnumerable<OpCase> Cases() =>
        Enum.GetValues<RnnNonlinearity>()
            .SelectMany(nonlinearity => CasesOf(reverse => Attributes.Of(reverse, (long)nonlinearity), nonlinearity));
}

/// <summary>Plain recurrent layers.</summary>
public static class RnnExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// A layer of torch.nn.RNN in one direction, h′ = f(Wx + b + Uh + b′): input (steps, batch, features), weights (units, features) and
        /// (units, units), biases (units), the state (batch, units), zero where it is not given (Elman 1990).
        /// With <paramref name="lengths"/>, i64 of (batch), a sequence's state stays as it is beyond its end, its output there is zero, and so are
        /// the gradients. With <paramref name="reverse"/>, each is read from its own end.
        /// </summary>
        /// <returns>h of all steps (steps, batch, units), and h behind the last.</returns>
        /// <exception cref="ShapeException">The shapes do not fit, or, on the CPU, a length is not from 0 to the steps; elsewhere those count as the
        /// nearest of these.</exception>
        public (Tensor Output, Tensor Hidden) Rnn(
            Tensor weightIh,
            Tensor weightHh,
            Tensor? biasIh = null,
            Tensor? biasHh = null,
            Tensor? hidden = null,
            Tensor? lengths = null,
            bool reverse = false,
            RnnNonlinearity nonlinearity = RnnNonlinearity.Tanh
        )
        {
            var outputs = RnnOp.Instance.ApplyAll(
                [input, hidden, weightIh, weightHh, biasIh, biasHh, lengths],
                Attributes.Of(reverse, (long)nonlinearity)
            );
            return (outputs[0]!, outputs[1]!);
        }
    }
}
