using CudaNet.Random;

namespace CudaNet;

/// <summary>Zeroes elements with probability p and scales the others by 1/(1 − p) (Srivastava et al. 2014).</summary>
internal sealed class DropoutOp() : Op("dropout", "input, state; p: float = 0.5, offset: int = 0 -> output, mask")
{
    public static readonly DropoutOp Instance = new();

    protected internal override Saved Saves => Saved.Nothing.AndOutputs(1);

    internal override CpuKernel? Cpu => CpuRandom.Drop;

    /// <summary>What kept elements are multiplied by; 0 when none is kept.</summary>
    public static double Scale(double p) => p < 1 ? 1 / (1 - p) : 0;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        RandomOp.RequireState(call, 1);
        BernoulliOp.RequireProbability(Name, call.Attributes.Float(0));
        var dtype = call.RequireFloating(0, 0);
        outputs[0] = new(call.Input(0).Shape, dtype);
        outputs[1] = new(call.Input(0).Shape, DType.Bool);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, state, y, mask) = (call.Input(0), call.Input(1), call.Output(0), call.Output(1));
        var p = call.Attributes.Float(0);
        var (seed, first) = RandomOp.Origin(state, call.Attributes.Int(1));
        Span<double> lanes = stackalloc double[4];
        for (long i = 0; i < x.Shape.NumElements; i++)
        {
            RandomFormulas.Uniform(Philox.Block(seed, first + (ulong)(i / 4), 0), lanes);
            mask[i] = lanes[(int)(i % 4)] < p ? 0 : 1;
            y[i] = mask[i] == 0 ? 0 : x[i] * Scale(p);
        }
    }

    protected internal override void Backward(BackwardCall call) =>
        call.Set(
            0,
            DropoutBackwardOp.Instance.Apply(
                [call.GradOutput(), call.Output(1)],
                Attributes.Of(call.Attributes.Float(0))
            )
        );

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (var n in CaseSizes.Lengths)
                yield return Case(dtype, 0.3, n * 5, n);
            yield return Case(dtype, 0, 0, 67);
            yield return Case(dtype, 1, 0, 67);
            foreach (var layout in Enum.GetValues<CaseLayout>())
                yield return Case(dtype, 0.5, 3, 13, 29).With(layout);
        }
        yield return Case(DType.Float64, 0.4, 0, 3, 4) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float32, 0.1, 0, 1048576) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, double p, long offset, params long[] shape) =>
        new(
            this,
            dtype,
            System.FormattableString.Invariant($"shape={string.Join('x', shape)},p={p}"),
            [Draw.Normal(shape), new CaseInput([2], DrawKind.Integers, 0, 1 << 30) { DType = DType.Int64 }],
            Attributes.Of(p, offset)
        );
}

/// <summary>grad · mask / (1 − p): the gradient of dropout, and its own.</summary>
internal sealed class DropoutBackwardOp() : Op("dropout_backward", "grad_output, mask; p: float -> grad_input")
{
    public static readonly DropoutBackwardOp Instance = new();

    protected internal override Saved Saves => Saved.Inputs(1);

    internal override CpuKernel? Cpu => CpuRandom.DropoutBackward;

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes) =>
        [inputs[0]!.Mul(inputs[1]!.Cast(inputs[0]!.DType)).Affine(DropoutOp.Scale(attributes.Float(0)))];

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var (gradient, mask) = (call.Input(0), call.Input(1));
        if (mask.DType != DType.Bool || !mask.Shape.Equals(gradient.Shape))
            throw call.ShapeError("expected a mask of dtype bool with the shape of the gradient");
        BernoulliOp.RequireProbability(Name, call.Attributes.Float(0));
        outputs[0] = new(gradient.Shape, call.RequireFloating(0, 0));
    }

    public override void Reference(ReferenceCall call)
    {
        var (g, mask, x) = (call.Input(0), call.Input(1), call.Output());
        for (long i = 0; i < g.Shape.NumElements; i++)
            x[i] = mask[i] == 0 ? 0 : g[i] * DropoutOp.Scale(call.Attributes.Float(0));
    }

    protected internal override void Backward(BackwardCall call) =>
        call.Set(0, Apply([call.GradOutput(), call.Input(1)], call.Attributes));

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (var n in CaseSizes.Lengths)
                yield return Case(dtype, 0.3, n);
            yield return Case(dtype, 1, 67);
            foreach (var layout in Enum.GetValues<CaseLayout>())
                yield return Case(dtype, 0.5, 13, 29).With(layout);
        }
        yield return Case(DType.Float64, 0.4, 3, 4) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float32, 0.1, 1048576) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, double p, params long[] shape) =>
        new(
            this,
            dtype,
            System.FormattableString.Invariant($"shape={string.Join('x', shape)},p={p}"),
            [Draw.Normal(shape), Draw.Bools(shape)],
            Attributes.Of(p)
        );
}

/// <summary>Dropout.</summary>
public static class DropoutExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// Elements become zero with probability <paramref name="p"/>, the others are scaled by 1/(1 − p); the tensor itself when not
        /// training. Draws from the default generator unless another is named.
        /// </summary>
        /// <exception cref="AttributeException">p is not from 0 to 1.</exception>
        public Tensor Dropout(double p = 0.5, bool training = true, Generator? generator = null)
        {
            BernoulliOp.RequireProbability("dropout", p);
            if (!training || p == 0)
                return input;
            generator ??= Generator.Default;
            var offset = generator.Advance(RandomFormulas.Counters(input.NumElements, 4));
            return DropoutOp.Instance.Apply([input, generator.DeviceState(input.Device)], Attributes.Of(p, offset));
        }
    }
}
