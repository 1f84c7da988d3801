namespace CudaNet;

/// <summary>
/// Layer normalisation (Ba, Kiros, Hinton 2016): each row of the last axes is shifted and scaled to mean 0 and variance 1, with the
/// biased variance, and then by a learned weight and bias.
/// </summary>
internal sealed class LayerNormOp()
    : Op("layer_norm", "input, weight?, bias?; normalized_shape: ints, eps: float = 1e-5 -> output, mean, rstd")
{
    public static readonly LayerNormOp Instance = new();

    protected internal override Saved Saves => Saved.AllInputs.AndOutputs(1, 2);

    internal override CpuKernel? Cpu => CpuRowNorm.LayerForward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var rows = RowShape(call.Input(0).Shape, call.Attributes.Ints(0), call);
        RequireParameter(call, 1);
        RequireParameter(call, 2);
        if (call.Has(2) && !call.Has(1))
            throw new AttributeException($"{Name}: a bias needs a weight");
        outputs[0] = new(call.Input(0).Shape, dtype);
        outputs[1] = outputs[2] = new(rows, dtype.Accumulator);
    }

    /// <summary>Throws unless an optional input has the shape normalized_shape.</summary>
    internal static void RequireParameter(in OpCall call, int input)
    {
        if (call.Has(input) && !call.Input(input).Shape.Dims.SequenceEqual(call.Attributes.Ints(0)))
            throw call.ShapeError(
                $"{call.Op.Signature.Inputs[input].Name} must have the shape ({string.Join(", ", call.Attributes.Ints(0).ToArray())}) of normalized_shape"
            );
    }

    /// <summary>The axes that are not normalised.</summary>
    internal static Shape RowShape(Shape input, ReadOnlySpan<long> normalized, in OpCall call)
    {
        if (
            normalized.IsEmpty
            || normalized.Length > input.Rank
            || !input.Dims[^normalized.Length..].SequenceEqual(normalized)
        )
            throw call.ShapeError(
                $"the last axes must be normalized_shape ({string.Join(", ", normalized.ToArray())})"
            );
        return new Shape(input.Dims[..^normalized.Length]);
    }

    public override void Reference(ReferenceCall call) =>
        RowNorm.Forward(
            call.Input(),
            call.InputOrNull(1),
            call.InputOrNull(2),
            call.Output(),
            call.Output(1),
            call.Output(2),
            new Shape(call.Attributes.Ints(0)).NumElements,
            call.Attributes.Float(1),
            (_, i) => i
        );

    protected internal override void Backward(BackwardCall call)
    {
        var shape = call.Attributes.Ints(0);
        var (x, mean, rstd) = (call.Input(0), call.Output(1), call.Output(2));
        if (call.HasGradOutput(0))
        {
            var gradients = LayerNormBackwardOp.Instance.ApplyAll(
                [call.GradOutput(), x, call.InputOrNull(1), mean, rstd],
                Attributes.Of(shape)
            );
            call.Set(0, gradients[0]);
            if (call.Has(1))
                call.Set(1, gradients[1]);
            if (call.Has(2))
                call.Set(2, gradients[2]);
        }
        RowNorm.AddStatistics(call, Rows.Of(x, shape), mean: 1, rstd: 2);
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var input = inputs[0]!;
        var rows = Rows.Of(input, attributes.Ints(0));
        var x = rows.Matrix(input);
        var mean = x.Mean(1, keepDim: true);
        var y = Rows.Normalise(x.Sub(mean), attributes.Float(1), out var rstd);
        if (inputs[1] is { } weight)
            y = y.Mul(rows.Row(weight));
        if (inputs[2] is { } bias)
            y = y.Add(rows.Row(bias));
        return [y.Cast(input.DType).Reshape(input.Shape), mean.Reshape(rows.Leading), rstd.Reshape(rows.Leading)];
    }

    public override double Flops(in OpCall call) => 8.0 * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases() =>
        LayerNormCases.For(
            this,
            (dtype, rows, cols, affine) =>
                [
                    Draw.Normal(rows, cols),
                    affine ? Draw.Uniform(0.5, 1.5, cols) : null,
                    affine ? Draw.Normal(cols) : null,
                ],
            cols => Attributes.Of(new long[] { cols }, 1e-5)
        );
}

/// <summary>The gradients of layer normalisation from the statistics of its forward pass.</summary>
internal sealed class LayerNormBackwardOp()
    : Op(
        "layer_norm_backward",
        "grad_output, input, weight?, mean, rstd; normalized_shape: ints -> grad_input, grad_weight?, grad_bias?"
    )
{
    public static readonly LayerNormBackwardOp Instance = new();

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel? Cpu => CpuRowNorm.LayerBackward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating(0, 2);
        var rows = LayerNormOp.RowShape(call.Input(1).Shape, call.Attributes.Ints(0), call);
        if (!call.Input(0).Shape.Equals(call.Input(1).Shape))
            throw call.ShapeError("grad_output and input must have one shape");
        if (
            !call.Input(3).Shape.Equals(rows)
            || !call.Input(4).Shape.Equals(rows)
            || call.Input(3).DType != dtype.Accumulator
            || call.Input(4).DType != dtype.Accumulator
        )
            throw call.ShapeError($"mean and rstd must be {rows} {dtype.Accumulator.Name}");
        outputs[0] = new(call.Input(1).Shape, dtype);
        if (call.Has(2))
            outputs[1] = outputs[2] = new(call.Input(2).Shape, dtype);
    }

    public override void Reference(ReferenceCall call) =>
        RowNorm.Backward(
            call.Input(),
            call.Input(1),
            call.InputOrNull(2),
            call.Input(3),
            call.Input(4),
            call.Output(),
            call.OutputOrNull(1),
            call.OutputOrNull(2),
            new Shape(call.Attributes.Ints(0)).NumElements,
            (_, i) => i
        );

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (input, weight) = (inputs[1]!, inputs[2]);
        var rows = Rows.Of(input, attributes.Ints(0));
        var g = rows.Matrix(inputs[0]!);
        var rstd = rows.Column(inputs[4]!);
        var normalised = rows.Matrix(input).Sub(rows.Column(inputs[3]!)).Mul(rstd);
        var scaled = weight is null ? g : g.Mul(rows.Row(weight));
        var projected = scaled.Mul(normalised).Mean(1, keepDim: true);
        var gradInput = scaled.Sub(scaled.Mean(1, keepDim: true)).Sub(normalised.Mul(projected)).Mul(rstd);
        return
        [
            gradInput.Cast(input.DType).Reshape(input.Shape),
            weight is null ? null : g.Mul(normalised).Sum(0).Cast(input.DType).Reshape(weight.Shape),
            weight is null ? null : g.Sum(0).Cast(input.DType).Reshape(weight.Shape),
        ];
    }

    public override double Flops(in OpCall call) => 14.0 * call.Input(1).NumElements;

    public override IEnumerable<OpCase> Cases() =>
        LayerNormCases.For(
            this,
            (dtype, rows, cols, affine) =>
                [
                    Draw.Normal(rows, cols),
                    Draw.Normal(rows, cols),
                    affine ? Draw.Uniform(0.5, 1.5, cols) : null,
                    new CaseInput([rows], DrawKind.Normal, 0, 0.1) { DType = dtype.Accumulator },
                    new CaseInput([rows], DrawKind.Uniform, 0.5, 1.5) { DType = dtype.Accumulator },
                ],
            cols => Attributes.Of(new long[] { cols })
        );
}

/// <summary>The sizes at which both directions of layer and RMS normalisation are checked.</summary>
internal static class LayerNormCases
{
    public static IEnumerable<OpCase> For(
        Op op,
        Func<DType, long, long, bool, CaseInput?[]> inputs,
        Func<long, Attributes> attributes
    )
    {
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (
                var (rows, cols) in new (long, long)[]
                {
                    (0, 5),
                    (1, 1),
                    (3, 31),
                    (2, 32),
                    (5, 33),
                    (113, 203),
                    (4, 1025),
                    (70, 8),
                    (6, 264),
                    (5, 520),
                    (2, 2056),
                    (1, 8200),
                    (2, 8195),
                }
            )
                yield return new OpCase(
                    op,
                    dtype,
                    $"rows={rows},cols={cols}",
                    inputs(dtype, rows, cols, true),
                    attributes(cols)
                );
            yield return new OpCase(op, dtype, "rows=7,cols=65,affine=no", inputs(dtype, 7, 65, false), attributes(65));
            foreach (
                var layout in new[]
                {
                    CaseLayout.Strided,
                    CaseLayout.Transposed,
                    CaseLayout.Offset,
                    CaseLayout.Broadcast,
                }
            )
                yield return new OpCase(op, dtype, "rows=9,cols=67", inputs(dtype, 9, 67, true), attributes(67)).With(
                    layout
                );
        }
        yield return new OpCase(op, DType.Float64, "rows=2,cols=4", inputs(DType.Float64, 2, 4, true), attributes(4))
        {
            CheckGradient = true,
        };
        yield return new OpCase(
            op,
            DType.Float64,
            "rows=3,cols=5,affine=no",
            inputs(DType.Float64, 3, 5, false),
            attributes(5)
        )
        {
            CheckGradient = true,
        };
        yield return new OpCase(
            op,
            DType.Float32,
            "rows=512,cols=1024",
            inputs(DType.Float32, 512, 1024, true),
            attributes(1024)
        )
        {
            IsBenchmark = true,
        };
    }
}

/// <summary>Layer normalisation.</summary>
public static class LayerNormExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// (x − mean) / √(variance + eps) · weight + bias over the last axes, with the biased variance. Weight and bias have the shape
        /// <paramref name="normalizedShape"/>; a bias needs a weight. Ba, Kiros, Hinton 2016.
        /// </summary>
        public Tensor LayerNorm(
            ReadOnlySpan<long> normalizedShape,
            Tensor? weight = null,
            Tensor? bias = null,
            double eps = 1e-5
        ) => LayerNormOp.Instance.Apply([input, weight, bias], Attributes.Of(normalizedShape, eps));
    }
}
