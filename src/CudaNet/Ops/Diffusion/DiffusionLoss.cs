namespace CudaNet;

/// <summary>
/// The loss of a diffusion model: for each sample its weight, looked up by time step, times the mean of (input − target)²; then the mean
/// or sum over the samples. Weights by signal-to-noise ratio make it the variational bound (Kingma et al. 2021) or the truncated loss of
/// Hang et al. 2023.
/// </summary>
internal sealed class DiffusionLossOp()
    : Op("diffusion_loss", "input, target, timesteps?, weight; reduction: none|mean|sum = mean -> output")
{
    public static readonly DiffusionLossOp Instance = new();

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel? Cpu => CpuDiffusionLoss.Forward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating(0, 1);
        var shape = DiffusionRules.RequireSamples(call, 0, 1);
        DiffusionRules.RequireTable(call, 2, 3, shape[0], dtype.Accumulator);
        var none = (Reduction)call.Attributes.Int(0) == Reduction.None;
        outputs[0] = new(none ? new Shape(shape[0]) : Shape.Scalar, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, target, timesteps, weight) = (call.Input(0), call.Input(1), call.InputOrNull(2), call.Input(3));
        var (y, reduction) = (call.Output(), (Reduction)call.Attributes.Int(0));
        var (samples, length) = (x.Shape[0], CouplingRules.SampleLength(x.Shape));
        var scale = reduction == Reduction.Mean ? 1.0 / samples : 1;
        for (long n = 0; n < samples; n++)
        {
            var w = weight[DiffusionRules.Row(Name, timesteps, n, weight.Shape)];
            double sum = 0,
                absolute = 0;
            for (var i = n * length; i < (n + 1) * length; i++)
            {
                var size = Math.Abs(x[i]) + Math.Abs(target[i]);
                sum += (x[i] - target[i]) * (x[i] - target[i]);
                absolute += size * size;
            }
            var at = reduction == Reduction.None ? n : 0;
            y[at] += scale * w * (sum / length);
            y.Magnitude[at] += scale * Math.Abs(w) * (absolute / length);
        }
        if (samples == 0 && reduction == Reduction.Mean)
            y[0] = double.NaN;
        y.Terms = Math.Max(1, reduction == Reduction.None ? length : length * samples);
    }

    protected internal override void Backward(BackwardCall call)
    {
        var (input, target, timesteps) = (call.Input(0), call.Input(1), call.InputOrNull(2));
        if (call.Needs(0) || call.Needs(1))
        {
            var gradient = DiffusionLossBackwardOp.Instance.Apply(
                [call.GradOutput(), input, target, timesteps, call.Input(3)],
                call.Attributes
            );
            call.Set(0, gradient);
            if (call.Needs(1))
                call.Set(1, gradient.Neg());
        }
        if (!call.Needs(3))
            return;
        var (samples, dtype) = (call.InputShape(0)[0], call.InputDType(3));
        var ones = Tensor.Ones(new Shape(samples), dtype, input.Device);
        var errors = Apply([input, target, null, ones], Attributes.Of((long)Reduction.None)).Cast(dtype);
        var share = (Reduction)call.Attributes.Int(0) == Reduction.Mean ? 1.0 / samples : 1;
        var weighted = errors.Mul(call.GradOutput().Cast(dtype)).Affine(share);
        call.Set(3, DiffusionRules.ToTable(weighted, timesteps, call.InputShape(3)));
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (dtype, weight) = (inputs[0]!.DType, inputs[3]!);
        var difference = inputs[0]!.Cast(weight.DType).Sub(inputs[1]!.Cast(weight.DType));
        var length = CouplingRules.SampleLength(difference.Shape);
        var errors = difference.Mul(difference).Reshape(difference.Shape[0], length).Mean(1);
        var losses = errors.Mul(DiffusionRules.Rows(weight, inputs[2]));
        var loss = (Reduction)attributes.Int(0) switch
        {
            Reduction.None => losses,
            Reduction.Sum => losses.Sum(),
            _ => losses.Mean(),
        };
        return [loss.Cast(dtype)];
    }

    public override double Flops(in OpCall call) => 3.0 * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases() =>
        DiffusionLossCases.For(
            this,
            (shape, _, timesteps, weight) => [Draw.Normal(shape), Draw.Normal(shape), timesteps, weight]
        );
}

/// <summary>The gradient of the loss with respect to the input; the target's is its negative.</summary>
internal sealed class DiffusionLossBackwardOp()
    : Op(
        "diffusion_loss_backward",
        "grad_output, input, target, timesteps?, weight; reduction: none|mean|sum = mean -> grad_input"
    )
{
    public static readonly DiffusionLossBackwardOp Instance = new();

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel? Cpu => CpuDiffusionLoss.Backward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating(0, 2);
        var shape = DiffusionRules.RequireSamples(call, 1, 2);
        DiffusionRules.RequireTable(call, 3, 4, shape[0], dtype.Accumulator);
        var none = (Reduction)call.Attributes.Int(0) == Reduction.None;
        if (!call.Input(0).Shape.Equals(none ? new Shape(shape[0]) : Shape.Scalar))
            throw call.ShapeError("expected grad_output with the shape of the loss");
        outputs[0] = new(shape, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (g, x, target) = (call.Input(0), call.Input(1), call.Input(2));
        var (timesteps, weight, gx) = (call.InputOrNull(3), call.Input(4), call.Output());
        var reduction = (Reduction)call.Attributes.Int(0);
        var length = CouplingRules.SampleLength(x.Shape);
        for (long i = 0; i < x.Shape.NumElements; i++)
        {
            var w = weight[DiffusionRules.Row(Name, timesteps, i / length, weight.Shape)];
            var parts = length * (double)(reduction == Reduction.Mean ? x.Shape[0] : 1);
            var slope = 2 / parts * w * g[reduction == Reduction.None ? i / length : 0];
            gx[i] = slope * (x[i] - target[i]);
            gx.Magnitude[i] = Math.Abs(slope) * (Math.Abs(x[i]) + Math.Abs(target[i]));
        }
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (dtype, weight, shape) = (inputs[1]!.DType, inputs[4]!, inputs[1]!.Shape);
        var (length, samples) = (CouplingRules.SampleLength(shape), shape[0]);
        var reduction = (Reduction)attributes.Int(0);
        var parts = length * (double)(reduction == Reduction.Mean ? samples : 1);
        var slope = DiffusionRules.Rows(weight, inputs[3]).Mul(inputs[0]!.Cast(weight.DType)).Affine(2 / parts);
        var difference = inputs[1]!.Cast(weight.DType).Sub(inputs[2]!.Cast(weight.DType));
        return [difference.Mul(DiffusionRules.Column(slope, shape)).Cast(dtype)];
    }

    public override double Flops(in OpCall call) => 2.0 * call.Input(1).NumElements;

    public override IEnumerable<OpCase> Cases() =>
        DiffusionLossCases.For(
            this,
            (shape, reduction, timesteps, weight) =>
                [
                    reduction == Reduction.None ? Draw.Normal(shape[0]) : Draw.Normal(),
                    Draw.Normal(shape),
                    Draw.Normal(shape),
                    timesteps,
                    weight,
                ]
        );
}

/// <summary>The sizes at which both directions are checked.</summary>
internal static class DiffusionLossCases
{
    public static IEnumerable<OpCase> For(Op op, Func<long[], Reduction, CaseInput?, CaseInput, CaseInput?[]> inputs)
    {
        OpCase Case(DType dtype, Reduction reduction, bool hasTimesteps, params long[] shape)
        {
            var rows = hasTimesteps ? 11 : shape[0];
            return new(
                op,
                dtype,
                $"shape={string.Join('x', shape)},timesteps={(hasTimesteps ? "yes" : "no")},reduction={reduction.ToString().ToLowerInvariant()}",
                inputs(
                    shape,
                    reduction,
                    hasTimesteps ? Draw.Indices(rows, shape[0]) : null,
                    DiffusionRules.Table(dtype, rows)
                ),
                Attributes.Of((long)reduction)
            );
        }
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (var shape in DiffusionRules.Shapes.Where(s => s[1] > 0))
                yield return Case(dtype, Reduction.Mean, true, shape);
            yield return Case(dtype, Reduction.Mean, false, 300, 3);
            yield return Case(dtype, Reduction.Sum, true, 6, 33);
            yield return Case(dtype, Reduction.None, true, 5, 16);
            yield return Case(dtype, Reduction.None, false, 6, 257);
            foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
                yield return Case(dtype, Reduction.None, true, 3, 4, 16).With(layout);
        }
        foreach (var reduction in Enum.GetValues<Reduction>())
            yield return Case(DType.Float64, reduction, reduction != Reduction.Sum, 3, 2) with
            {
                CheckGradient = true,
            };
        yield return Case(DType.Float32, Reduction.Mean, true, 64, 3, 32, 32) with
        {
            IsBenchmark = true,
        };
    }
}

/// <summary>Losses of diffusion models.</summary>
public static class DiffusionLossExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// For each sample (axis 0) weight[timestep] · mean (input − target)², and the mean or sum of these. NoiseSchedule makes the weights:
        /// those of the variational bound, or min-SNR-γ (Hang et al. 2023).
        /// </summary>
        /// <param name="target">What the network was to say, in the shape of the input.</param>
        /// <param name="timesteps">The row of each sample, i64 (samples); null where there is one weight for each sample.</param>
        /// <param name="weight">One weight for each time step, in f64 for f64 and else in f32.</param>
        /// <param name="reduction">How the samples' losses are joined.</param>
        /// <exception cref="ShapeException">The shapes do not fit, or a time step is out of range (on a GPU the loss is NaN instead).</exception>
        public Tensor DiffusionLoss(
            Tensor target,
            Tensor? timesteps,
            Tensor weight,
            Reduction reduction = Reduction.Mean
        ) => DiffusionLossOp.Instance.Apply([input, target, timesteps, weight], Attributes.Of((long)reduction));
    }
}
