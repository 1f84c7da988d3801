using CudaNet.Random;

namespace CudaNet;

/// <summary>Ones with probability σ(input), else zeros, and those probabilities: u &lt; σ(input) for the u of an f32 uniform draw.</summary>
internal sealed class BernoulliLogitsOp()
    : Op("bernoulli_logits", "input, state; offset: int = 0 -> output, probability")
{
    public static readonly BernoulliLogitsOp Instance = new();

    public override string? NoBackwardReason =>
        "a sample has no derivative; Sigmoid of the same input gives probabilities that have one";

    internal override CpuKernel? Cpu => CpuSampling.BernoulliLogits;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        RandomOp.RequireState(call, 1);
        outputs[0] = outputs[1] = new(call.Input(0).Shape, call.RequireFloating(0, 0));
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, y, probability) = (call.Input(), call.Output(), call.Output(1));
        var (seed, first) = RandomOp.Origin(call.Input(1), call.Attributes.Int(0));
        Span<double> lanes = stackalloc double[4];
        for (long i = 0; i < x.Shape.NumElements; i++)
        {
            if (i % 4 == 0)
                RandomFormulas.Uniform(Philox.Block(seed, first + (ulong)(i / 4), 0), lanes);
            var power = Math.Exp(-Math.Abs(x[i]));
            probability[i] = (x[i] < 0 ? power : 1) / (1 + power);
            probability.Magnitude[i] = probability[i];
            var u = lanes[(int)(i % 4)];
            y[i] = u < probability[i] ? 1 : 0;
            // Where the two differ by no more than σ is rounded, either value is right.
            var rounding = 16 * x.DType.Accumulator.UnitRoundoff * probability[i];
            y.Magnitude[i] = Math.Abs(u - probability[i]) <= rounding ? 1 / x.DType.Accumulator.UnitRoundoff : 1;
        }
    }

    public override double Flops(in OpCall call) => 6.0 * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (var n in CaseSizes.Lengths)
                yield return Case(dtype, n * 3, n);
            foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
                yield return Case(dtype, 0, 5, 24).With(layout);
            yield return Case(dtype, 4294967290, 64);
        }
        yield return Case(DType.Float32, 0, 1048576) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, long offset, params long[] shape) =>
        new(
            this,
            dtype,
            $"shape={string.Join('x', shape)},offset={offset}",
            [new CaseInput(shape, DrawKind.Normal, 0, 2), RandomOp.State],
            Attributes.Of(offset)
        );
}

/// <summary>Samples of logits.</summary>
public static class BernoulliLogitsExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// Ones with probability σ(input), else zeros, in one pass with the probabilities. Draws from the default generator unless another is
        /// named; the sample takes no gradient.
        /// </summary>
        public (Tensor Sample, Tensor Probability) BernoulliLogits(Generator? generator = null)
        {
            generator ??= Generator.Default;
            var offset = generator.Advance(RandomFormulas.Counters(input.NumElements, 4));
            var outputs = BernoulliLogitsOp.Instance.ApplyAll(
                [input, generator.DeviceState(input.Device)],
                Attributes.Of(offset)
            );
            return (outputs[0]!, outputs[1]!);
        }
    }
}
