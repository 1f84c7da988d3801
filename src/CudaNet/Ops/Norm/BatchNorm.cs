namespace CudaNet;

/// <summary>
/// Batch normalisation (Ioffe, Szegedy 2015): each channel is shifted and scaled to mean 0 and variance 1 over the batch and the spatial
/// axes, or by the statistics that are given, and then by a learned weight and bias.
/// </summary>
internal sealed class BatchNormOp()
    : Op("batch_norm", "input, weight?, bias?, running_mean?, running_var?; eps: float = 1e-5 -> output, mean?, var?")
{
    public static readonly BatchNormOp Instance = new();

    protected internal override Saved Saves => Saved.Inputs(0, 1, 3, 4).AndOutputs(1, 2);

    internal override CpuKernel? Cpu => CpuBatchNorm.Forward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating(0, 2);
        var channels = BatchNormShapes.Require(call, call.Input(0).Shape);
        for (var i = 1; i <= 4; i++)
            BatchNormShapes.RequireChannels(call, i, channels, i <= 2 ? dtype : dtype.Accumulator);
        if (call.Has(2) && !call.Has(1))
            throw new AttributeException($"{call.Describe()}: a bias needs a weight");
        if (call.Has(3) != call.Has(4))
            throw new AttributeException(
                $"{call.Describe()}: running_mean and running_var come together or not at all"
            );
        outputs[0] = new(call.Input(0).Shape, dtype);
        if (call.Has(3))
            return;
        if (channels > 0 && call.Input(0).NumElements < 2 * channels)
            throw call.ShapeError(
                "expected more than one value per channel, whose statistics are taken; give running_mean and running_var to evaluate"
            );
        outputs[1] = outputs[2] = new(new Shape(channels), dtype.Accumulator);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, y) = (call.Input(), call.Output());
        var (weight, bias) = (call.InputOrNull(1), call.InputOrNull(2));
        var runs = ChannelRuns.Of(x.Shape);
        y.Terms = call.OutputOrNull(1) is null ? 1 : runs.Count;
        for (long c = 0; c < runs.Channels; c++)
        {
            var stats = call.OutputOrNull(1) is { } mean
                ? Measure(x, runs, c, mean, call.Output(2))
                : new Statistics(call.Input(3)[c], call.Input(4)[c], Math.Abs(call.Input(3)[c]), call.Input(4)[c]);
            var rstd = 1 / Math.Sqrt(stats.Var + call.Attributes.Float(0));
            // rstd takes on half the relative error of the variance, and some of its own.
            var rstdNoise = rstd * (1 + stats.VarNoise * rstd * rstd);
            var (w, b) = (weight?[c] ?? 1, bias?[c] ?? 0);
            foreach (var i in runs.Places(c))
            {
                var centred = x[i] - stats.Mean;
                y[i] = centred * rstd * w + b;
                y.Magnitude[i] =
                    Math.Abs(w) * (rstd * (Math.Abs(x[i]) + stats.MeanNoise) + Math.Abs(centred) * rstdNoise)
                    + Math.Abs(b);
            }
        }
    }

    private readonly record struct Statistics(double Mean, double Var, double MeanNoise, double VarNoise);

    private static Statistics Measure(
        ReferenceTensor x,
        ChannelRuns runs,
        long c,
        ReferenceTensor mean,
        ReferenceTensor variance
    )
    {
        foreach (var i in runs.Places(c))
        {
            mean[c] += x[i] / runs.Count;
            mean.Magnitude[c] += Math.Abs(x[i]) / runs.Count;
        }
        foreach (var i in runs.Places(c))
        {
            var centred = x[i] - mean[c];
            variance[c] += centred * centred / runs.Count;
            variance.Magnitude[c] += Math.Abs(centred) * (Math.Abs(x[i]) + mean.Magnitude[c]) / runs.Count;
        }
        mean.Terms = variance.Terms = runs.Count;
        return new(mean[c], variance[c], mean.Magnitude[c], variance.Magnitude[c]);
    }

    protected internal override void Backward(BackwardCall call)
    {
        var (x, batch) = (call.Input(0), !call.Has(3));
        var (mean, variance) = batch ? (call.Output(1), call.Output(2)) : (call.Input(3), call.Input(4));
        if (call.HasGradOutput(0))
        {
            var eps = call.Attributes.Float(0);
            var gradients = BatchNormBackwardOp.Instance.ApplyAll(
                [call.GradOutput(), x, call.InputOrNull(1), mean, variance],
                Attributes.Of(batch, eps)
            );
            for (var i = 0; i < 3; i++)
                if (call.Has(i))
                    call.Set(i, gradients[i]);
            if (call.Needs(3) || call.Needs(4))
                SetGivenStatistics(call, gradients[1]!, gradients[2]!, variance.Affine(1, eps).Rsqrt());
        }
        // Nobody asks for the statistics' gradients directly, but second derivatives come back through them.
        if (batch && call.Needs(0) && (call.HasGradOutput(1) || call.HasGradOutput(2)))
            call.Set(0, AddStatistics(call, x, mean));
    }

    /// <summary>∂output/∂mean = −weight·rstd and ∂output/∂var = −½·weight·rstd³·(x − mean), summed over the channel.</summary>
    private static void SetGivenStatistics(BackwardCall call, Tensor gradWeight, Tensor gradBias, Tensor rstd)
    {
        var slope = call.InputOrNull(1) is { } weight ? weight.Cast(rstd.DType).Mul(rstd) : rstd;
        call.Set(3, gradBias.Cast(rstd.DType).Mul(slope).Affine(-1));
        call.Set(4, gradWeight.Cast(rstd.DType).Mul(slope).Mul(rstd).Affine(-0.5));
    }

    /// <summary>∂mean/∂x = 1/n and ∂var/∂x = 2(x − mean)/n.</summary>
    private static Tensor AddStatistics(BackwardCall call, Tensor x, Tensor mean)
    {
        var view = ChannelRuns.Of(x.Shape);
        var total = call.HasGradOutput(1)
            ? view.Column(call.GradOutput(1)).Affine(1.0 / view.Count).Expand(view.Batch, view.Channels, view.Length)
            : null;
        if (call.HasGradOutput(2))
        {
            var slope = view.Column(call.GradOutput(2)).Affine(2.0 / view.Count);
            var part = view.Planes(x).Sub(view.Column(mean)).Mul(slope);
            total = total is null ? part : total.Add(part);
        }
        var gradient = total!.Cast(x.DType).Reshape(x.Shape);
        return call.HasGradOutput(0) ? call.Result(0)!.Add(gradient) : gradient;
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var input = inputs[0]!;
        var view = ChannelRuns.Of(input.Shape);
        var x = view.Planes(input);
        var batch = inputs[3] is null;
        var mean = batch ? x.Mean([0, 2], keepDim: true) : view.Column(inputs[3]!);
        var centred = x.Sub(mean);
        var variance = batch ? centred.Mul(centred).Mean([0, 2], keepDim: true) : view.Column(inputs[4]!);
        var y = centred.Mul(variance.Affine(1, attributes.Float(0)).Rsqrt());
        if (inputs[1] is { } weight)
            y = y.Mul(view.Column(weight));
        if (inputs[2] is { } bias)
            y = y.Add(view.Column(bias));
        return
        [
            y.Cast(input.DType).Reshape(input.Shape),
            batch ? mean.Reshape(view.Channels) : null,
            batch ? variance.Reshape(view.Channels) : null,
        ];
    }

    public override double Flops(in OpCall call) => 8.0 * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases() =>
        BatchNormCases.For(
            this,
            (dtype, shape, given, affine) =>
                [
                    new CaseInput(shape, DrawKind.Normal, 0.5, 1),
                    affine ? Draw.Uniform(0.5, 1.5, shape[1]) : null,
                    affine ? Draw.Normal(shape[1]) : null,
                    given ? BatchNormCases.Mean(dtype, shape) : null,
                    given ? BatchNormCases.Var(dtype, shape) : null,
                ],
            _ => Attributes.Of(1e-5)
        );
}

/// <summary>The gradients of batch normalisation; batch_statistics tells whether mean and var depend on the input.</summary>
internal sealed class BatchNormBackwardOp()
    : Op(
        "batch_norm_backward",
        "grad_output, input, weight?, mean, var; batch_statistics: bool = true, eps: float = 1e-5 -> grad_input, grad_weight, grad_bias"
    )
{
    public static readonly BatchNormBackwardOp Instance = new();

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel? Cpu => CpuBatchNorm.Backward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating(0, 2);
        var channels = BatchNormShapes.Require(call, call.Input(1).Shape);
        if (!call.Input(0).Shape.Equals(call.Input(1).Shape))
            throw call.ShapeError("expected grad_output and input of one shape");
        for (var i = 2; i <= 4; i++)
            BatchNormShapes.RequireChannels(call, i, channels, i == 2 ? dtype : dtype.Accumulator);
        outputs[0] = new(call.Input(1).Shape, dtype);
        outputs[1] = outputs[2] = new(new Shape(channels), dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (g, x, weight) = (call.Input(), call.Input(1), call.InputOrNull(2));
        var (gx, gw, gb) = (call.Output(), call.Output(1), call.Output(2));
        var runs = ChannelRuns.Of(x.Shape);
        for (long c = 0; c < runs.Channels; c++)
        {
            var (mean, rstd) = (call.Input(3)[c], 1 / Math.Sqrt(call.Input(4)[c] + call.Attributes.Float(1)));
            double Normalised(long i) => (x[i] - mean) * rstd;
            double Noise(long i) => (Math.Abs(x[i]) + Math.Abs(mean)) * rstd;
            foreach (var i in runs.Places(c))
            {
                gw[c] += g[i] * Normalised(i);
                gw.Magnitude[c] += Math.Abs(g[i]) * Noise(i);
                gb[c] += g[i];
                gb.Magnitude[c] += Math.Abs(g[i]);
            }
            var share = call.Attributes.Bool(0) ? 1.0 / runs.Count : 0;
            var slope = rstd * (weight?[c] ?? 1);
            foreach (var i in runs.Places(c))
            {
                gx[i] = slope * (g[i] - share * gb[c] - Normalised(i) * share * gw[c]);
                gx.Magnitude[i] =
                    Math.Abs(slope) * (Math.Abs(g[i]) + share * gb.Magnitude[c] + Noise(i) * share * gw.Magnitude[c]);
            }
        }
        gx.Terms = gw.Terms = gb.Terms = Math.Max(1, runs.Count);
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (input, weight) = (inputs[1]!, inputs[2]);
        var view = ChannelRuns.Of(input.Shape);
        var g = view.Planes(inputs[0]!);
        var rstd = view.Column(inputs[4]!).Affine(1, attributes.Float(1)).Rsqrt();
        var normalised = view.Planes(input).Sub(view.Column(inputs[3]!)).Mul(rstd);
        var gradWeight = g.Mul(normalised).Sum([0, 2], keepDim: true);
        var gradBias = g.Sum([0, 2], keepDim: true);
        var gradInput = g;
        if (attributes.Bool(0) && view.Count > 0)
        {
            var share = 1.0 / view.Count;
            gradInput = g.Sub(gradBias.Affine(share)).Sub(normalised.Mul(gradWeight.Affine(share)));
        }
        gradInput = gradInput.Mul(weight is null ? rstd : rstd.Mul(view.Column(weight)));
        return
        [
            gradInput.Cast(input.DType).Reshape(input.Shape),
            gradWeight.Cast(input.DType).Reshape(view.Channels),
            gradBias.Cast(input.DType).Reshape(view.Channels),
        ];
    }

    public override double Flops(in OpCall call) => 12.0 * call.Input(1).NumElements;

    public override IEnumerable<OpCase> Cases() =>
        BatchNormCases.For(
            this,
            (dtype, shape, _, affine) =>
                [
                    Draw.Normal(shape),
                    Draw.Normal(shape),
                    affine ? Draw.Uniform(0.5, 1.5, shape[1]) : null,
                    BatchNormCases.Mean(dtype, shape),
                    BatchNormCases.Var(dtype, shape),
                ],
            given => Attributes.Of(!given, 1e-5)
        );
}

/// <summary>A tensor (N, C, …) as its channels: <see cref="Batch"/> runs of <see cref="Length"/> neighbours for each.</summary>
internal readonly record struct ChannelRuns(long Batch, long Channels, long Length)
{
    public static ChannelRuns Of(Shape shape) => new(shape[0], shape[1], new Shape(shape.Dims[2..]).NumElements);

    /// <summary>The number of elements of a channel.</summary>
    public long Count => Batch * Length;

    /// <summary>The places of a channel's elements.</summary>
    public IEnumerable<long> Places(long channel)
    {
        for (long n = 0; n < Batch; n++)
        for (long i = 0; i < Length; i++)
            yield return (n * Channels + channel) * Length + i;
    }

    /// <summary>As (N, C, L) in the accumulator dtype.</summary>
    public Tensor Planes(Tensor tensor) => tensor.Cast(tensor.DType.Accumulator).Reshape(Batch, Channels, Length);

    /// <summary>One value per channel as (1, C, 1) in the accumulator dtype.</summary>
    public Tensor Column(Tensor tensor) => tensor.Cast(tensor.DType.Accumulator).Reshape(1, Channels, 1);
}

/// <summary>What both directions check.</summary>
internal static class BatchNormShapes
{
    public static long Require(in OpCall call, Shape input) =>
        input.Rank >= 2 ? input[1] : throw call.ShapeError("expected an input (N, C) or (N, C, …)");

    public static void RequireChannels(in OpCall call, int input, long channels, DType dtype)
    {
        if (!call.Has(input))
            return;
        var tensor = call.Input(input);
        if (tensor.Rank != 1 || tensor.Shape[0] != channels || tensor.DType != dtype)
            throw call.ShapeError(
                $"{call.Op.Signature.Inputs[input].Name} must hold one value for each of {channels} channels, {dtype.Name}"
            );
    }
}

/// <summary>The sizes at which both directions are checked.</summary>
internal static class BatchNormCases
{
    public delegate CaseInput?[] Inputs(DType dtype, long[] shape, bool given, bool affine);

    public static CaseInput Mean(DType dtype, long[] shape) =>
        new([shape[1]], DrawKind.Normal, 0, 0.2) { DType = dtype.Accumulator };

    public static CaseInput Var(DType dtype, long[] shape) =>
        new([shape[1]], DrawKind.Uniform, 0.5, 1.5) { DType = dtype.Accumulator };

    public static IEnumerable<OpCase> For(Op op, Inputs inputs, Func<bool, Attributes> attributes)
    {
        OpCase Case(DType dtype, long[] shape, bool given, bool affine) =>
            new(
                op,
                dtype,
                $"shape={string.Join('x', shape)},given={(given ? "yes" : "no")},affine={(affine ? "yes" : "no")}",
                inputs(dtype, shape, given, affine),
                attributes(given)
            );
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (
                var shape in new long[][]
                {
                    [2, 1],
                    [2, 5],
                    [33, 31],
                    [7, 1031],
                    [3, 4, 1],
                    [1, 3, 2],
                    [5, 3, 33],
                    [4, 2, 7, 9],
                    [2, 3, 16, 17],
                    [2, 1, 2, 3, 5],
                    [3, 0, 4],
                }
            )
                yield return Case(dtype, shape, false, true);
            yield return Case(dtype, [6, 7, 5], false, false);
            yield return Case(dtype, [6, 7, 5], true, false);
            yield return Case(dtype, [9, 1, 911], false, true);
            yield return Case(dtype, [1, 5], true, true);
            yield return Case(dtype, [4, 3, 9, 11], true, true);
            yield return Case(dtype, [0, 3, 4], true, true);
            foreach (
                var layout in Enum.GetValues<CaseLayout>()
                    .Where(l => l is not (CaseLayout.Contiguous or CaseLayout.Padded))
            )
                yield return Case(dtype, [5, 6, 7], false, true).With(layout);
        }
        foreach (var dtype in new[] { DType.Float32, DType.BFloat16 })
            yield return Case(dtype, [2, 2, 64, 65], false, true);
        yield return Case(DType.Float32, [3, 1, 52, 53], true, true);
        foreach (var given in new[] { false, true })
        foreach (var affine in new[] { false, true })
        {
            yield return Case(DType.Float64, [4, 2], given, affine) with
            {
                CheckGradient = true,
            };
            yield return Case(DType.Float64, [2, 2, 3], given, affine) with
            {
                CheckGradient = true,
            };
        }
        yield return Case(DType.Float32, [128, 32, 28, 28], false, true) with
        {
            IsBenchmark = true,
        };
    }
}

/// <summary>Batch normalisation.</summary>
public static class BatchNormExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// (x − mean) / √(var + eps) · weight + bias for each channel of (N, C, …), with the given statistics, or with those of the batch,
        /// whose variance is the biased one, when there are none. Ioffe, Szegedy 2015.
        /// </summary>
        /// <param name="runningMean">Per channel, in the accumulator dtype (f32 for f16 and bf16); together with runningVar.</param>
        /// <param name="runningVar">Per channel, in the accumulator dtype.</param>
        /// <param name="weight">Per channel, in the input's dtype.</param>
        /// <param name="bias">Per channel, in the input's dtype; needs a weight.</param>
        /// <param name="eps">Added to the variance.</param>
        /// <exception cref="ShapeException">A channel has one value only, or the shapes do not fit.</exception>
        public Tensor BatchNorm(
            Tensor? runningMean = null,
            Tensor? runningVar = null,
            Tensor? weight = null,
            Tensor? bias = null,
            double eps = 1e-5
        ) => BatchNormOp.Instance.Apply([input, weight, bias, runningMean, runningVar], Attributes.Of(eps));
    }
}
