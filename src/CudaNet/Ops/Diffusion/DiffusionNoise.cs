namespace CudaNet;

/// <summary>
/// The forward process of a diffusion model at once (Ho, Jain, Abbeel 2020, equation 4): signal · input + noise_scale · ε with standard
/// normal ε drawn in the same pass, and ε. Both factors are looked up by the sample's time step, or given for each sample.
/// </summary>
internal sealed class DiffusionNoiseOp()
    : Op("diffusion_noise", "input, timesteps?, signal, noise_scale, state; offset: int = 0 -> output, noise")
{
    public static readonly DiffusionNoiseOp Instance = new();

    protected internal override Saved Saves => Saved.Inputs(0, 1, 2).AndOutputs(1);

    internal override CpuKernel? Cpu => CpuDiffusion.Noise;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating(0, 0);
        var shape = DiffusionRules.RequireSamples(call, 0);
        DiffusionRules.RequireTable(call, 1, 2, shape[0], dtype.Accumulator);
        DiffusionRules.RequireTable(call, 1, 3, shape[0], dtype.Accumulator);
        if (!call.Input(2).Shape.Equals(call.Input(3).Shape))
            throw call.ShapeError("expected signal and noise_scale of one length");
        RandomOp.RequireState(call, 4);
        outputs[0] = outputs[1] = new(shape, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, timesteps, signal, scale) = (call.Input(0), call.InputOrNull(1), call.Input(2), call.Input(3));
        var (y, noise) = (call.Output(), call.Output(1));
        DiffusionRules.Draw(call.Input(4), call.Attributes.Int(0), noise.Values);
        var length = CouplingRules.SampleLength(x.Shape);
        for (long i = 0; i < x.Shape.NumElements; i++)
        {
            var row = DiffusionRules.Row(Name, timesteps, i / length, signal.Shape);
            y[i] = signal[row] * x[i] + scale[row] * noise[i];
            y.Magnitude[i] = Math.Abs(signal[row] * x[i]) + Math.Abs(scale[row] * noise[i]);
        }
    }

    protected internal override void Backward(BackwardCall call)
    {
        // The noise depends on nothing.
        if (!call.HasGradOutput(0))
            return;
        var (gradient, timesteps, signal) = (call.GradOutput(), call.InputOrNull(1), call.Input(2));
        var wide = gradient.Cast(signal.DType);
        if (call.Needs(0))
        {
            var factor = DiffusionRules.Column(DiffusionRules.Rows(signal, timesteps), gradient.Shape);
            call.Set(0, wide.Mul(factor).Cast(gradient.DType));
        }
        for (var i = 2; i <= 3; i++)
            if (call.Needs(i))
            {
                var part = wide.Mul((i == 2 ? call.Input(0) : call.Output(1)).Cast(signal.DType));
                call.Set(i, DiffusionRules.ToTable(DiffusionRules.SumOfSamples(part), timesteps, call.InputShape(i)));
            }
    }

    public override double Flops(in OpCall call) => 11.0 * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (var shape in DiffusionRules.Shapes)
                yield return Case(dtype, true, shape);
            yield return Case(dtype, false, 6, 33);
            yield return Case(dtype, false, 5);
            foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
                yield return Case(dtype, true, 3, 4, 16).With(layout);
        }
        yield return Case(DType.Float64, true, 4, 2) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float64, false, 2, 3) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float32, true, 64, 3, 32, 32) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, bool hasTimesteps, params long[] shape)
    {
        var rows = hasTimesteps ? 11 : shape[0];
        return new(
            this,
            dtype,
            $"shape={string.Join('x', shape)},timesteps={(hasTimesteps ? "yes" : "no")}",
            [
                Draw.Normal(shape),
                hasTimesteps ? Draw.Indices(rows, shape[0]) : null,
                DiffusionRules.Table(dtype, rows),
                DiffusionRules.Table(dtype, rows),
                RandomOp.State,
            ],
            Attributes.Of(shape[0])
        );
    }
}

/// <summary>Noising.</summary>
public static class DiffusionNoiseExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// A draw from q(x_t | x_0) = N(signal · input, noiseScale²) for each sample (axis 0), and the standard normal noise ε in it (Ho, Jain,
        /// Abbeel 2020, equation 4). Draws from the default generator unless another is named; every dtype gets the same noise.
        /// </summary>
        /// <param name="timesteps">Rows of the two tables, i64 (samples); null where the two are given for each sample.</param>
        /// <param name="signal">√ᾱ for each time step, in f64 for f64 and else in f32.</param>
        /// <param name="noiseScale">√(1 − ᾱ) for each time step. A table of its own, because 1 − ᾱ cannot be had from a rounded ᾱ.</param>
        /// <param name="generator">Where the noise comes from.</param>
        /// <exception cref="ShapeException">The shapes do not fit, or a time step is out of range (on a GPU its sample is NaN instead).</exception>
        public (Tensor Output, Tensor Noise) DiffusionNoise(
            Tensor? timesteps,
            Tensor signal,
            Tensor noiseScale,
            Generator? generator = null
        )
        {
            generator ??= Generator.Default;
            var offset = generator.Advance(DiffusionRules.Counters(input));
            var outputs = DiffusionNoiseOp.Instance.ApplyAll(
                [input, timesteps, signal, noiseScale, generator.DeviceState(input.Device)],
                Attributes.Of(offset)
            );
            return (outputs[0]!, outputs[1]!);
        }
    }
}
