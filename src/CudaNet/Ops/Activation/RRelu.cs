using CudaNet.Random;

namespace CudaNet;

/// <summary>The randomised leaky rectified linear unit: a slope of its own for each negative element (Xu et al. 2015).</summary>
internal sealed class RReluOp()
    : Op(
        "rrelu",
        "input, state; lower: float = 0.125, upper: float = 0.3333333333333333, offset: int = 0 -> output, noise"
    )
{
    public static readonly RReluOp Instance = new();

    protected internal override Saved Saves => Saved.Nothing.AndOutputs(1);

    internal override CpuKernel? Cpu => CpuRandom.DrawSlopes;

    public static void RequireBounds(double lower, double upper)
    {
        if (!(lower <= upper) || double.IsInfinity(lower) || double.IsInfinity(upper))
            throw new AttributeException($"rrelu: the slopes must be finite and lower {lower} not above upper {upper}");
    }

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        RandomOp.RequireState(call, 1);
        RequireBounds(call.Attributes.Float(0), call.Attributes.Float(1));
        outputs[0] = outputs[1] = new(call.Input(0).Shape, call.RequireFloating(0, 0));
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, state, y, noise) = (call.Input(0), call.Input(1), call.Output(0), call.Output(1));
        var (lower, upper) = (call.Attributes.Float(0), call.Attributes.Float(1));
        var (seed, first) = RandomOp.Origin(state, call.Attributes.Int(2));
        Span<double> lanes = stackalloc double[4];
        for (long i = 0; i < x.Shape.NumElements; i++)
        {
            RandomFormulas.Uniform(Philox.Block(seed, first + (ulong)(i / 4), 0), lanes);
            var slope = lower + (upper - lower) * lanes[(int)(i % 4)];
            noise[i] = x[i] > 0 ? 1 : slope;
            noise.Magnitude[i] = Math.Max(1, Math.Abs(lower) + Math.Abs(upper - lower));
            y[i] = x[i] * noise[i];
            y.Magnitude[i] = Math.Abs(x[i]) * noise.Magnitude[i];
        }
    }

    // The slopes are constants: they depend on the input by its sign only.
    protected internal override void Backward(BackwardCall call) => call.Set(0, call.GradOutput().Mul(call.Output(1)));

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (var n in CaseSizes.Lengths)
                yield return Case(dtype, 0.125, 1.0 / 3, n * 5, n);
            yield return Case(dtype, -0.5, 0.5, 0, 67);
            yield return Case(dtype, new CaseInput([66], DrawKind.Integers, -2, 3), 0.5, 0.75, 0); // 0 among them
            yield return Case(dtype, 0.25, 0.25, 0, 67);
            foreach (var layout in Enum.GetValues<CaseLayout>())
                yield return Case(dtype, 0.125, 0.5, 3, 13, 29).With(layout);
        }
        yield return Case(DType.Float64, 0.125, 0.5, 0, 3, 4) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float32, 0.125, 0.5, 0, 1048576) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, double lower, double upper, long offset, params long[] shape) =>
        Case(dtype, Draw.Away(0.1, 2, shape), lower, upper, offset);

    private OpCase Case(DType dtype, CaseInput input, double lower, double upper, long offset) =>
        new(
            this,
            dtype,
            System.FormattableString.Invariant(
                $"shape={string.Join('x', input.Shape.Dims.ToArray())},lower={lower:G4},upper={upper:G4}"
            ),
            [input, new CaseInput([2], DrawKind.Integers, 0, 1 << 30) { DType = DType.Int64 }],
            Attributes.Of(lower, upper, offset)
        );
}

/// <summary>The randomised leaky rectified linear unit.</summary>
public static class RReluExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// input where it is positive, else input times a slope drawn uniformly from [lower, upper) for each element; when not training, the
        /// mean slope (Xu et al. 2015). Draws from the default generator unless another is named.
        /// </summary>
        /// <exception cref="AttributeException">lower is above upper, or they are not finite.</exception>
        public Tensor RRelu(
            double lower = 1.0 / 8,
            double upper = 1.0 / 3,
            bool training = true,
            Generator? generator = null
        )
        {
            RReluOp.RequireBounds(lower, upper);
            if (!training)
                return input.LeakyRelu((lower + upper) / 2);
            generator ??= Generator.Default;
            var offset = generator.Advance(RandomFormulas.Counters(input.NumElements, 4));
            return RReluOp.Instance.Apply(
                [input, generator.DeviceState(input.Device)],
                Attributes.Of(lower, upper, offset)
            );
        }
    }
}
