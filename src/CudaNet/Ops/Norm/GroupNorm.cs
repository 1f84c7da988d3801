namespace CudaNet;

/// <summary>
/// Group normalisation (Wu, He 2018): the channels of (N, C, …) in groups of neighbours, each group of each image shifted and scaled to
/// mean 0 and variance 1, with the biased variance, and then by a weight and a bias per channel.
/// </summary>
internal sealed class GroupNormOp()
    : Op("group_norm", "input, weight?, bias?; num_groups: int, eps: float = 1e-5 -> output, mean, rstd")
{
    public static readonly GroupNormOp Instance = new();

    protected internal override Saved Saves => Saved.AllInputs.AndOutputs(1, 2);

    internal override CpuKernel? Cpu => CpuGroupNorm.Forward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var groups = ChannelGroups.Require(call, call.Input(0).Shape);
        for (var i = 1; i <= 2; i++)
            BatchNormShapes.RequireChannels(call, i, call.Input(0).Shape[1], dtype);
        if (call.Has(2) && !call.Has(1))
            throw new AttributeException($"{call.Describe()}: a bias needs a weight");
        outputs[0] = new(call.Input(0).Shape, dtype);
        outputs[1] = outputs[2] = new(groups.Statistics, dtype.Accumulator);
    }

    public override void Reference(ReferenceCall call)
    {
        var groups = ChannelGroups.Of(call.Input().Shape, call.Attributes.Int(0));
        RowNorm.Forward(
            call.Input(),
            call.InputOrNull(1),
            call.InputOrNull(2),
            call.Output(),
            call.Output(1),
            call.Output(2),
            groups.RowLength,
            call.Attributes.Float(1),
            groups.Channel
        );
    }

    protected internal override void Backward(BackwardCall call)
    {
        var (x, mean, rstd) = (call.Input(0), call.Output(1), call.Output(2));
        if (call.HasGradOutput(0))
        {
            var gradients = GroupNormBackwardOp.Instance.ApplyAll(
                [call.GradOutput(), x, call.InputOrNull(1), mean, rstd],
                Attributes.Of(call.Attributes.Int(0))
            );
            for (var i = 0; i < 3; i++)
                if (call.Has(i))
                    call.Set(i, gradients[i]);
        }
        RowNorm.AddStatistics(call, ChannelGroups.Of(x.Shape, call.Attributes.Int(0)).RowsOf(x), mean: 1, rstd: 2);
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var input = inputs[0]!;
        var groups = ChannelGroups.Of(input.Shape, attributes.Int(0));
        var (rows, view) = (groups.RowsOf(input), ChannelRuns.Of(input.Shape));
        var x = rows.Matrix(input);
        var mean = x.Mean(1, keepDim: true);
        var y = view.Planes(Rows.Normalise(x.Sub(mean), attributes.Float(1), out var rstd));
        if (inputs[1] is { } weight)
            y = y.Mul(view.Column(weight));
        if (inputs[2] is { } bias)
            y = y.Add(view.Column(bias));
        return [y.Cast(input.DType).Reshape(input.Shape), mean.Reshape(rows.Leading), rstd.Reshape(rows.Leading)];
    }

    public override double Flops(in OpCall call) => 8.0 * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases() =>
        GroupNormCases.For(
            this,
            (_, shape, _, affine) =>
                [
                    new CaseInput(shape, DrawKind.Normal, 0.5, 1),
                    affine ? Draw.Uniform(0.5, 1.5, shape[1]) : null,
                    affine ? Draw.Normal(shape[1]) : null,
                ],
            groups => Attributes.Of(groups, 1e-5)
        );
}

/// <summary>The gradients of group normalisation from the statistics of its forward pass.</summary>
internal sealed class GroupNormBackwardOp()
    : Op(
        "group_norm_backward",
        "grad_output, input, weight?, mean, rstd; num_groups: int -> grad_input, grad_weight?, grad_bias?"
    )
{
    public static readonly GroupNormBackwardOp Instance = new();

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel? Cpu => CpuGroupNorm.Backward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating(0, 2);
        var shape = call.Input(1).Shape;
        var groups = ChannelGroups.Require(call, shape);
        if (!call.Input(0).Shape.Equals(shape))
            throw call.ShapeError("grad_output and input must have one shape");
        BatchNormShapes.RequireChannels(call, 2, shape[1], dtype);
        for (var i = 3; i <= 4; i++)
            if (!call.Input(i).Shape.Equals(groups.Statistics) || call.Input(i).DType != dtype.Accumulator)
                throw call.ShapeError($"mean and rstd must be {groups.Statistics} {dtype.Accumulator.Name}");
        outputs[0] = new(shape, dtype);
        if (call.Has(2))
            outputs[1] = outputs[2] = new(call.Input(2).Shape, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var groups = ChannelGroups.Of(call.Input(1).Shape, call.Attributes.Int(0));
        RowNorm.Backward(
            call.Input(),
            call.Input(1),
            call.InputOrNull(2),
            call.Input(3),
            call.Input(4),
            call.Output(),
            call.OutputOrNull(1),
            call.OutputOrNull(2),
            groups.RowLength,
            groups.Channel
        );
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (input, weight) = (inputs[1]!, inputs[2]);
        var groups = ChannelGroups.Of(input.Shape, attributes.Int(0));
        var (rows, view) = (groups.RowsOf(input), ChannelRuns.Of(input.Shape));
        var g = view.Planes(inputs[0]!);
        var rstd = rows.Column(inputs[4]!);
        var normalised = rows.Matrix(input).Sub(rows.Column(inputs[3]!)).Mul(rstd);
        var scaled = rows.Matrix(weight is null ? g : g.Mul(view.Column(weight)));
        var projected = scaled.Mul(normalised).Mean(1, keepDim: true);
        var gradInput = scaled.Sub(scaled.Mean(1, keepDim: true)).Sub(normalised.Mul(projected)).Mul(rstd);
        return
        [
            gradInput.Cast(input.DType).Reshape(input.Shape),
            weight is null ? null : g.Mul(view.Planes(normalised)).Sum([0, 2]).Cast(input.DType),
            weight is null ? null : g.Sum([0, 2]).Cast(input.DType),
        ];
    }

    public override double Flops(in OpCall call) => 14.0 * call.Input(1).NumElements;

    public override IEnumerable<OpCase> Cases() =>
        GroupNormCases.For(
            this,
            (dtype, shape, groups, affine) =>
                [
                    Draw.Normal(shape),
                    Draw.Normal(shape),
                    affine ? Draw.Uniform(0.5, 1.5, shape[1]) : null,
                    new CaseInput([shape[0], groups], DrawKind.Normal, 0, 0.2) { DType = dtype.Accumulator },
                    new CaseInput([shape[0], groups], DrawKind.Uniform, 0.5, 1.5) { DType = dtype.Accumulator },
                ],
            groups => Attributes.Of(groups)
        );
}

/// <summary>A tensor (N, C, …) as rows: each group of <see cref="Channels"/> channels of each image, <see cref="Length"/> elements each.</summary>
internal readonly record struct ChannelGroups(long Images, long Groups, long Channels, long Length)
{
    public static ChannelGroups Of(Shape shape, long groups) =>
        new(shape[0], groups, shape[1] / groups, new Shape(shape.Dims[2..]).NumElements);

    /// <summary>The same once shape and number of groups are known to fit.</summary>
    public static ChannelGroups Require(in OpCall call, Shape shape)
    {
        BatchNormShapes.Require(call, shape);
        var count = call.Attributes.Int(0);
        if (count < 1 || shape[1] % count != 0)
            throw new AttributeException(
                $"{call.Describe()}: num_groups must be at least 1 and divide the {shape[1]} channels; got {count}"
            );
        var groups = Of(shape, count);
        return groups.Images == 0 || groups.RowLength > 0
            ? groups
            : throw call.ShapeError("expected groups of at least one value, whose statistics are taken");
    }

    public long Rows => Images * Groups;

    public long RowLength => Channels * Length;

    /// <summary>The shape of the groups' statistics.</summary>
    public Shape Statistics => new(Images, Groups);

    /// <summary>The channel of a row's i-th element.</summary>
    public long Channel(long row, long i) => row % Groups * Channels + i / Length;

    public Rows RowsOf(Tensor tensor) => new(Rows, RowLength, Statistics, tensor.DType.Accumulator);
}

/// <summary>The sizes at which both directions are checked.</summary>
internal static class GroupNormCases
{
    public delegate CaseInput?[] Inputs(DType dtype, long[] shape, long groups, bool affine);

    public static IEnumerable<OpCase> For(Op op, Inputs inputs, Func<long, Attributes> attributes)
    {
        OpCase Case(DType dtype, long[] shape, long groups, bool affine = true) =>
            new(
                op,
                dtype,
                $"shape={string.Join('x', shape)},groups={groups},affine={(affine ? "yes" : "no")}",
                inputs(dtype, shape, groups, affine),
                attributes(groups)
            );
        foreach (var dtype in CaseSizes.Floating)
        {
            yield return Case(dtype, [1, 1, 1], 1);
            yield return Case(dtype, [2, 6], 3);
            yield return Case(dtype, [67, 4, 3], 2);
            yield return Case(dtype, [3, 6, 33], 2);
            yield return Case(dtype, [2, 70, 9], 2);
            yield return Case(dtype, [5, 12, 8], 3);
            yield return Case(dtype, [2, 3, 4, 4], 3);
            yield return Case(dtype, [2, 4, 16, 17], 1);
            yield return Case(dtype, [1, 300, 4], 1);
            yield return Case(dtype, [1, 2, 1040], 2);
            yield return Case(dtype, [1, 3, 2751], 1);
            yield return Case(dtype, [0, 4, 3], 2);
            yield return Case(dtype, [4, 6, 7], 3, affine: false);
            foreach (
                var layout in Enum.GetValues<CaseLayout>()
                    .Where(l => l is not (CaseLayout.Contiguous or CaseLayout.Padded))
            )
                yield return Case(dtype, [5, 6, 8], 3).With(layout);
        }
        foreach (var affine in new[] { false, true })
        {
            yield return Case(DType.Float64, [2, 4], 2, affine) with
            {
                CheckGradient = true,
            };
            yield return Case(DType.Float64, [2, 4, 3], 2, affine) with
            {
                CheckGradient = true,
            };
        }
        yield return Case(DType.Float32, [32, 64, 28, 28], 8) with
        {
            IsBenchmark = true,
        };
    }
}

/// <summary>Group normalisation.</summary>
public static class GroupNormExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// (x − mean) / √(variance + eps) · weight + bias over each of <paramref name="numGroups"/> groups of neighbouring channels of each
        /// image of (N, C, …), with the biased variance, as torch.nn.functional.group_norm. Wu, He 2018.
        /// </summary>
        /// <param name="numGroups">How many groups the channels form; a divisor of C.</param>
        /// <param name="weight">Per channel, in the input's dtype.</param>
        /// <param name="bias">Per channel, in the input's dtype; needs a weight.</param>
        /// <param name="eps">Added to the variance.</param>
        /// <exception cref="AttributeException">The groups do not divide the channels.</exception>
        /// <exception cref="ShapeException">The input has no channels, or weight or bias do not fit them.</exception>
        public Tensor GroupNorm(long numGroups, Tensor? weight = null, Tensor? bias = null, double eps = 1e-5) =>
            GroupNormOp.Instance.Apply([input, weight, bias], Attributes.Of(numGroups, eps));
    }
}
