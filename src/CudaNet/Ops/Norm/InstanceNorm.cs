namespace CudaNet;

/// <summary>
/// Instance normalisation (Ulyanov, Vedaldi, Lempitsky 2016): each channel of each image by its own mean and variance, which is group
/// normalisation with a group for each channel; or by given statistics, as batch normalisation does.
/// </summary>
internal sealed class InstanceNormOp()
    : Op("instance_norm", "input, weight?, bias?, running_mean?, running_var?; eps: float = 1e-5 -> output")
{
    public static readonly InstanceNormOp Instance = new();

    public override OpKind Kind => OpKind.Composition;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating(0, 2);
        var shape = call.Input(0).Shape;
        if (shape.Rank < 3 || shape[1] == 0)
            throw call.ShapeError("expected an input (N, C, …) with channels and at least one axis behind them");
        for (var i = 1; i <= 4; i++)
            BatchNormShapes.RequireChannels(call, i, shape[1], i <= 2 ? dtype : dtype.Accumulator);
        if (call.Has(2) && !call.Has(1))
            throw new AttributeException($"{call.Describe()}: a bias needs a weight");
        if (call.Has(3) != call.Has(4))
            throw new AttributeException(
                $"{call.Describe()}: running_mean and running_var come together or not at all"
            );
        if (!call.Has(3) && shape[0] > 0 && ChannelRuns.Of(shape).Length < 2)
            throw call.ShapeError(
                "expected more than one value per channel and image, whose statistics are taken; give running_mean and running_var to evaluate"
            );
        outputs[0] = new(shape, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var x = call.Input();
        var eps = call.Attributes.Float(0);
        if (call.InputOrNull(3) is not null)
        {
            BatchNormOp.Instance.Reference(new([.. call.Inputs], [call.Output(), null, null], Attributes.Of(eps)));
            return;
        }
        var statistics = new Shape(x.Shape[0], x.Shape[1]);
        ReferenceTensor?[] outputs =
        [
            call.Output(),
            ReferenceRunner.Empty(statistics, DType.Float64),
            ReferenceRunner.Empty(statistics, DType.Float64),
        ];
        GroupNormOp.Instance.Reference(new([.. call.Inputs.Take(3)], outputs, Attributes.Of(x.Shape[1], eps)));
    }

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        Infer(new OpCall(this, inputs, attributes), new TensorSpec[1]);
        var (input, eps) = (inputs[0]!, attributes.Float(0));
        if (inputs[3] is not null)
            return [BatchNormOp.Instance.Apply(inputs, Attributes.Of(eps))];
        return [GroupNormOp.Instance.Apply(inputs[..3], Attributes.Of(input.Shape[1], eps))];
    }

    public override double Flops(in OpCall call) => 8.0 * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        {
            yield return Case(dtype, [2, 3, 33], false, true);
            yield return Case(dtype, [3, 5, 7, 9], false, false);
            yield return Case(dtype, [2, 3, 5], true, true);
            yield return Case(dtype, [0, 3, 5], false, true);
        }
        foreach (var given in new[] { false, true })
            yield return Case(DType.Float64, [2, 2, 3], given, true) with
            {
                CheckGradient = true,
            };
        yield return Case(DType.Float32, [32, 64, 28, 28], false, true) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, long[] shape, bool given, bool affine) =>
        new(
            this,
            dtype,
            $"shape={string.Join('x', shape)},given={(given ? "yes" : "no")},affine={(affine ? "yes" : "no")}",
            [
                new CaseInput(shape, DrawKind.Normal, 0.5, 1),
                affine ? Draw.Uniform(0.5, 1.5, shape[1]) : null,
                affine ? Draw.Normal(shape[1]) : null,
                given ? BatchNormCases.Mean(dtype, shape) : null,
                given ? BatchNormCases.Var(dtype, shape) : null,
            ],
            Attributes.Of(1e-5)
        );
}

/// <summary>Instance normalisation.</summary>
public static class InstanceNormExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// (x − mean) / √(variance + eps) · weight + bias for each channel of each image of (N, C, …), with the given statistics, or with those
        /// of the channel itself, whose variance is the biased one, when there are none. Ulyanov, Vedaldi, Lempitsky 2016.
        /// </summary>
        /// <param name="runningMean">Per channel, in the accumulator dtype (f32 for f16 and bf16); together with runningVar.</param>
        /// <param name="runningVar">Per channel, in the accumulator dtype.</param>
        /// <param name="weight">Per channel, in the input's dtype.</param>
        /// <param name="bias">Per channel, in the input's dtype; needs a weight.</param>
        /// <param name="eps">Added to the variance.</param>
        /// <exception cref="ShapeException">A channel has one value only, or the shapes do not fit.</exception>
        public Tensor InstanceNorm(
            Tensor? runningMean = null,
            Tensor? runningVar = null,
            Tensor? weight = null,
            Tensor? bias = null,
            double eps = 1e-5
        ) => InstanceNormOp.Instance.Apply([input, weight, bias, runningMean, runningVar], Attributes.Of(eps));
    }
}
