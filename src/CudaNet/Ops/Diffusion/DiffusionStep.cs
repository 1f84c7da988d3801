namespace CudaNet;

/// <summary>
/// One step of a sampler of a diffusion model. With the five coefficients of a sample's time step,
/// x̂₀ = c₀ · input + c₁ · prediction, held within ±clip where there is a clip, and output = c₂ · x̂₀ + c₃ · input + c₄ · z with z drawn
/// where there is a state. Samplers and parametrisations differ in their coefficients alone; NoiseSchedule makes them.
/// </summary>
internal sealed class DiffusionStepOp()
    : Op(
        "diffusion_step",
        "input, prediction, timesteps?, coefficients, state?; clip: float = 0, offset: int = 0 -> output"
    )
{
    public static readonly DiffusionStepOp Instance = new();

    public const int Coefficients = 5;

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel? Cpu => CpuDiffusion.Step;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating(0, 1);
        var shape = DiffusionRules.RequireSamples(call, 0, 1);
        DiffusionRules.RequireTable(call, 2, 3, shape[0], dtype.Accumulator, Coefficients);
        if (call.Has(4))
            RandomOp.RequireState(call, 4);
        var clip = call.Attributes.Float(0);
        if (!(clip >= 0))
            throw new AttributeException($"{call.Describe()}: expected a clip ≥ 0, where 0 is none; got {clip}");
        outputs[0] = new(shape, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, prediction, timesteps, table) = (call.Input(0), call.Input(1), call.InputOrNull(2), call.Input(3));
        var (y, clip) = (call.Output(), call.Attributes.Float(0));
        var noise = new double[x.Shape.NumElements];
        if (call.InputOrNull(4) is { } state)
            DiffusionRules.Draw(state, call.Attributes.Int(1), noise);
        var length = CouplingRules.SampleLength(x.Shape);
        for (long i = 0; i < x.Shape.NumElements; i++)
        {
            var row = DiffusionRules.Row(Name, timesteps, i / length, table.Shape) * Coefficients;
            var start = table[row] * x[i] + table[row + 1] * prediction[i];
            var size = Math.Abs(table[row] * x[i]) + Math.Abs(table[row + 1] * prediction[i]);
            if (clip > 0)
                start = Math.Clamp(start, -clip, clip);
            y[i] = table[row + 2] * start + table[row + 3] * x[i] + table[row + 4] * noise[i];
            y.Magnitude[i] =
                Math.Abs(table[row + 2]) * size + Math.Abs(table[row + 3] * x[i]) + Math.Abs(table[row + 4] * noise[i]);
        }
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (input, table, clip) = (inputs[0]!, inputs[3]!, attributes.Float(0));
        var (x, prediction) = (input.Cast(table.DType), inputs[1]!.Cast(table.DType));
        var rows = DiffusionRules.Rows(table, inputs[2]);
        Tensor Column(int i) => DiffusionRules.Column(rows.Select(1, i), input.Shape);
        var start = x.Mul(Column(0)).Add(prediction.Mul(Column(1)));
        if (clip > 0)
            start = start.Clamp(-clip, clip);
        var y = start.Mul(Column(2)).Add(x.Mul(Column(3)));
        if (inputs[4] is { } state)
        {
            var ones = Tensor.Ones(new Shape(input.Shape[0]), table.DType, input.Device);
            var noised = DiffusionNoiseOp.Instance.ApplyAll(
                [x.Detach(), null, ones, ones, state],
                Attributes.Of(attributes.Int(1))
            );
            y = y.Add(noised[1]!.Mul(Column(4)));
        }
        return [y.Cast(input.DType)];
    }

    public override double Flops(in OpCall call) => (call.Has(4) ? 18.0 : 7.0) * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (var shape in DiffusionRules.Shapes)
                yield return Case(dtype, true, 0, true, shape);
            yield return Case(dtype, false, 0, false, 6, 33);
            yield return Case(dtype, true, 0.75, false, 5, 8);
            yield return Case(dtype, true, 0.75, true, 5, 3);
            foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
                yield return Case(dtype, true, 0, true, 3, 4, 16).With(layout);
        }
        yield return Case(DType.Float64, true, 0, true, 2, 3) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float64, false, 0.75, false, 3, 2) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float32, true, 1, true, 64, 3, 32, 32) with
        {
            IsBenchmark = true,
        };
    }

    // Every other element is small, the others large, so that x̂₀ is never near the clip, where it has no derivative.
    private OpCase Case(DType dtype, bool hasTimesteps, double clip, bool draws, params long[] shape)
    {
        var rows = hasTimesteps ? 11 : shape[0];
        var apart = Draw.Away(1, 1.5, shape) with { Map = (i, value) => i % 2 == 0 ? 0.125 * value : 2 * value };
        return new(
            this,
            dtype,
            System.FormattableString.Invariant(
                $"shape={string.Join('x', shape)},timesteps={(hasTimesteps ? "yes" : "no")},clip={clip},noise={(draws ? "yes" : "no")}"
            ),
            [
                apart,
                new CaseInput(shape, DrawKind.Uniform, -0.05, 0.05),
                hasTimesteps ? Draw.Indices(rows, shape[0]) : null,
                new CaseInput([rows, Coefficients], DrawKind.Uniform, 0.6, 1) { DType = dtype.Accumulator },
                draws ? RandomOp.State : null,
            ],
            Attributes.Of(clip, shape[0])
        );
    }
}

/// <summary>Steps of samplers.</summary>
public static class DiffusionStepExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// One step of a sampler, from x_t to the step before: x̂₀ = c₀ · input + c₁ · prediction, and c₂ · x̂₀ + c₃ · input + c₄ · z with
        /// standard normal z, where row t of <paramref name="coefficients"/> holds c₀ … c₄. NoiseSchedule makes the tables of DDPM (Ho, Jain,
        /// Abbeel 2020) and DDIM (Song, Meng, Ermon 2021).
        /// </summary>
        /// <param name="prediction">What the network says at x_t: noise, sample, velocity, whatever the table is for.</param>
        /// <param name="timesteps">The row of each sample, i64 (samples); null where there is one row for each sample.</param>
        /// <param name="coefficients">(steps, 5), in f64 for f64 and else in f32.</param>
        /// <param name="clip">Holds x̂₀ within ±clip, for data that is; 0 does not.</param>
        /// <param name="draws">Whether there is any noise; without it c₄ has no use, and no random numbers are taken.</param>
        /// <param name="generator">Where the noise comes from.</param>
        /// <exception cref="ShapeException">The shapes do not fit, or a time step is out of range (on a GPU its sample is NaN instead).</exception>
        public Tensor DiffusionStep(
            Tensor prediction,
            Tensor? timesteps,
            Tensor coefficients,
            double clip = 0,
            bool draws = true,
            Generator? generator = null
        )
        {
            generator ??= Generator.Default;
            var offset = draws ? generator.Advance(DiffusionRules.Counters(input)) : 0;
            var state = draws ? generator.DeviceState(input.Device) : null;
            return DiffusionStepOp.Instance.Apply(
                [input, prediction, timesteps, coefficients, state],
                Attributes.Of(clip, offset)
            );
        }
    }
}
