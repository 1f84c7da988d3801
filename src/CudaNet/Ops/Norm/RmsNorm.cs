namespace CudaNet;

/// <summary>
/// Root mean square normalisation (Zhang, Sennrich 2019): each row of the last axes is divided by the root of the mean of its squares,
/// and multiplied by a learned weight. The mean is not taken off.
/// </summary>
internal sealed class RmsNormOp()
    : Op("rms_norm", "input, weight?; normalized_shape: ints, eps: float = 1.1920928955078125e-7 -> output, rstd")
{
    public static readonly RmsNormOp Instance = new();

    protected internal override Saved Saves => Saved.AllInputs.AndOutputs(1);

    internal override CpuKernel? Cpu => CpuRowNorm.RmsForward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var rows = LayerNormOp.RowShape(call.Input(0).Shape, call.Attributes.Ints(0), call);
        LayerNormOp.RequireParameter(call, 1);
        outputs[0] = new(call.Input(0).Shape, dtype);
        outputs[1] = new(rows, dtype.Accumulator);
    }

    public override void Reference(ReferenceCall call) =>
        RowNorm.Forward(
            call.Input(),
            call.InputOrNull(1),
            null,
            call.Output(),
            null,
            call.Output(1),
            new Shape(call.Attributes.Ints(0)).NumElements,
            call.Attributes.Float(1),
            (_, i) => i
        );

    protected internal override void Backward(BackwardCall call)
    {
        var shape = call.Attributes.Ints(0);
        var x = call.Input(0);
        if (call.HasGradOutput(0))
        {
            var gradients = RmsNormBackwardOp.Instance.ApplyAll(
                [call.GradOutput(), x, call.InputOrNull(1), call.Output(1)],
                Attributes.Of(shape)
            );
            call.Set(0, gradients[0]);
            if (call.Has(1))
                call.Set(1, gradients[1]);
        }
        RowNorm.AddStatistics(call, Rows.Of(x, shape), mean: null, rstd: 1);
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var input = inputs[0]!;
        var rows = Rows.Of(input, attributes.Ints(0));
        var y = Rows.Normalise(rows.Matrix(input), attributes.Float(1), out var rstd);
        if (inputs[1] is { } weight)
            y = y.Mul(rows.Row(weight));
        return [y.Cast(input.DType).Reshape(input.Shape), rstd.Reshape(rows.Leading)];
    }

    public override double Flops(in OpCall call) => 5.0 * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases() =>
        LayerNormCases.For(
            this,
            (dtype, rows, cols, affine) => [Draw.Normal(rows, cols), affine ? Draw.Uniform(0.5, 1.5, cols) : null],
            cols => Attributes.Of(new long[] { cols }, 1e-5)
        );
}

/// <summary>The gradients of RMS normalisation from the statistics of its forward pass.</summary>
internal sealed class RmsNormBackwardOp()
    : Op("rms_norm_backward", "grad_output, input, weight?, rstd; normalized_shape: ints -> grad_input, grad_weight?")
{
    public static readonly RmsNormBackwardOp Instance = new();

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel? Cpu => CpuRowNorm.RmsBackward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating(0, 2);
        var rows = LayerNormOp.RowShape(call.Input(1).Shape, call.Attributes.Ints(0), call);
        if (!call.Input(0).Shape.Equals(call.Input(1).Shape))
            throw call.ShapeError("grad_output and input must have one shape");
        if (!call.Input(3).Shape.Equals(rows) || call.Input(3).DType != dtype.Accumulator)
            throw call.ShapeError($"rstd must be {rows} {dtype.Accumulator.Name}");
        outputs[0] = new(call.Input(1).Shape, dtype);
        if (call.Has(2))
            outputs[1] = new(call.Input(2).Shape, dtype);
    }

    public override void Reference(ReferenceCall call) =>
        RowNorm.Backward(
            call.Input(),
            call.Input(1),
            call.InputOrNull(2),
            null,
            call.Input(3),
            call.Output(),
            call.OutputOrNull(1),
            null,
            new Shape(call.Attributes.Ints(0)).NumElements,
            (_, i) => i
        );

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (input, weight) = (inputs[1]!, inputs[2]);
        var rows = Rows.Of(input, attributes.Ints(0));
        var g = rows.Matrix(inputs[0]!);
        var rstd = rows.Column(inputs[3]!);
        var normalised = rows.Matrix(input).Mul(rstd);
        var scaled = weight is null ? g : g.Mul(rows.Row(weight));
        var projected = scaled.Mul(normalised).Mean(1, keepDim: true);
        return
        [
            scaled.Sub(normalised.Mul(projected)).Mul(rstd).Cast(input.DType).Reshape(input.Shape),
            weight is null ? null : g.Mul(normalised).Sum(0).Cast(input.DType).Reshape(weight.Shape),
        ];
    }

    public override double Flops(in OpCall call) => 11.0 * call.Input(1).NumElements;

    public override IEnumerable<OpCase> Cases() =>
        LayerNormCases.For(
            this,
            (dtype, rows, cols, affine) =>
                [
                    Draw.Normal(rows, cols),
                    Draw.Normal(rows, cols),
                    affine ? Draw.Uniform(0.5, 1.5, cols) : null,
                    new CaseInput([rows], DrawKind.Uniform, 0.5, 1.5) { DType = dtype.Accumulator },
                ],
            cols => Attributes.Of(new long[] { cols })
        );
}

/// <summary>Root mean square normalisation.</summary>
public static class RmsNormExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// x / √(mean of x² + eps) · weight over the last axes, as torch.nn.functional.rms_norm. Zhang, Sennrich 2019.
        /// </summary>
        /// <param name="normalizedShape">The extents of the last axes.</param>
        /// <param name="weight">Of shape <paramref name="normalizedShape"/>.</param>
        /// <param name="eps">Added to the mean of squares; when left out, the distance from 1 to the next number of the input's dtype.</param>
        /// <exception cref="ShapeException">The last axes, or the weight's, are not <paramref name="normalizedShape"/>.</exception>
        public Tensor RmsNorm(ReadOnlySpan<long> normalizedShape, Tensor? weight = null, double? eps = null) =>
            RmsNormOp.Instance.Apply(
                [input, weight],
                Attributes.Of(normalizedShape, eps ?? 2 * input.DType.UnitRoundoff)
            );
    }
}
