namespace CudaNet;

/// <summary>−weight[t] · input[t] at the target t: cross entropy for log-probabilities. As torch.nn.functional.nll_loss.</summary>
internal sealed class NllLossOp()
    : Op(
        "nll_loss",
        "input, target, weight?; ignore_index: int = -100, reduction: none|mean|sum = mean -> output, total_weight"
    )
{
    public static readonly NllLossOp Instance = new();

    protected internal override Saved Saves => Saved.Inputs(0, 1, 2).AndOutputs(1);

    internal override CpuKernel? Cpu => CpuCrossEntropy.NllForward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = CrossEntropyShapes.Require(call, input: 0, target: 1, weight: 2);
        var rows = call.Input(1).Shape;
        outputs[0] = new((Reduction)call.Attributes.Int(1) == Reduction.None ? rows : Shape.Scalar, dtype);
        outputs[1] = new(Shape.Scalar, dtype.Accumulator);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, target, weight) = (call.Input(0), call.Input(1), call.InputOrNull(2));
        var (y, total) = (call.Output(0), call.Output(1));
        var reduction = (Reduction)call.Attributes.Int(1);
        var (classes, inner) = CrossEntropyShapes.Split(x.Shape);
        for (long row = 0; row < target.Shape.NumElements; row++)
        {
            var label = (long)target[row];
            CrossEntropyShapes.RequireClass(Name, label, row, classes, call.Attributes.Int(0));
            if (label == call.Attributes.Int(0))
                continue;
            var loss = -(weight?[label] ?? 1) * x[(row / inner * classes + label) * inner + row % inner];
            var at = reduction == Reduction.None ? row : 0;
            y[at] += loss;
            y.Magnitude[at] += Math.Abs(loss);
            total[0] += weight?[label] ?? 1;
        }
        total.Magnitude[0] = total[0];
        total.Terms = Math.Max(target.Shape.NumElements, 1);
        y.Terms = reduction == Reduction.None ? 1 : total.Terms;
        if (reduction != Reduction.Mean)
            return;
        y[0] /= total[0];
        y.Magnitude[0] /= total[0];
    }

    protected internal override void Backward(BackwardCall call)
    {
        CrossEntropyShapes.RequireConstantWeight(call, Name, 2);
        if (call.HasGradOutput(0))
            call.Set(
                0,
                NllLossBackwardOp.Instance.Apply(
                    [call.GradOutput(), call.Input(0), call.Input(1), call.InputOrNull(2), call.Output(1)],
                    call.Attributes
                )
            );
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (input, target, weight) = (inputs[0]!, inputs[1]!, inputs[2]);
        var q = SmoothedOneHotOp.For(input, target, weight, attributes.Int(0), 0);
        var losses = q.Mul(input.Cast(q.DType)).Sum(CrossEntropyShapes.ClassAxis(input.Shape)).Neg();
        var total = q.Sum();
        var loss = (Reduction)attributes.Int(1) switch
        {
            Reduction.None => losses,
            Reduction.Sum => losses.Sum(),
            _ => losses.Sum().Div(total),
        };
        return [loss.Cast(input.DType), total];
    }

    public override double Flops(in OpCall call) => 2.0 * call.Input(1).NumElements;

    // Of the input one element in each row is read.
    public override double Bytes(in OpCall call) => 2.0 * call.Input(1).NumElements * call.Input(1).DType.Size;

    public override IEnumerable<OpCase> Cases() =>
        CrossEntropyCases.For(
            this,
            (_, input, target, classes, weighted) =>
                [
                    new CaseInput(input, DrawKind.Uniform, -6, 0),
                    Draw.Indices(classes, target),
                    weighted ? Draw.Uniform(0.5, 1.5, classes) with { Differentiate = false } : null,
                ],
            smooths: false
        );
}

/// <summary>The gradient of <see cref="NllLossOp"/>: −weight[t] · grad_output (/ total weight for a mean) at the target t, elsewhere 0.</summary>
internal sealed class NllLossBackwardOp()
    : Op(
        "nll_loss_backward",
        "grad_output, input, target, weight?, total_weight;"
            + " ignore_index: int = -100, reduction: none|mean|sum = mean -> grad_input"
    )
{
    public static readonly NllLossBackwardOp Instance = new();

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel? Cpu => CpuCrossEntropy.NllBackward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = CrossEntropyShapes.Require(call, input: 1, target: 2, weight: 3);
        var loss = (Reduction)call.Attributes.Int(1) == Reduction.None ? call.Input(2).Shape : Shape.Scalar;
        if (!call.Input(0).Shape.Equals(loss) || call.Input(0).DType != dtype)
            throw call.ShapeError($"grad_output must be {loss} {dtype.Name}");
        if (call.Input(4).NumElements != 1 || call.Input(4).DType != dtype.Accumulator)
            throw call.ShapeError($"total_weight must be a scalar, {dtype.Accumulator.Name}");
        outputs[0] = new(call.Input(1).Shape, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (g, x, target, weight, total) = (
            call.Input(0),
            call.Input(1),
            call.Input(2),
            call.InputOrNull(3),
            call.Input(4)
        );
        var gx = call.Output();
        var reduction = (Reduction)call.Attributes.Int(1);
        var (classes, inner) = CrossEntropyShapes.Split(x.Shape);
        for (long row = 0; row < target.Shape.NumElements; row++)
        {
            var label = (long)target[row];
            CrossEntropyShapes.RequireClass(Name, label, row, classes, call.Attributes.Int(0));
            if (label == call.Attributes.Int(0))
                continue;
            var scale =
                reduction == Reduction.None ? g[row]
                : reduction == Reduction.Mean ? g[0] / total[0]
                : g[0];
            gx[(row / inner * classes + label) * inner + row % inner] = -(weight?[label] ?? 1) * scale;
        }
    }

    protected internal override void Backward(BackwardCall call)
    {
        CrossEntropyShapes.RequireConstantWeight(call, Name, 3);
        call.BackwardOfComposition();
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (g, input) = (inputs[0]!, inputs[1]!);
        var q = SmoothedOneHotOp.For(input, inputs[2]!, inputs[3], attributes.Int(0), 0);
        var scale = g.Cast(q.DType).Neg();
        if ((Reduction)attributes.Int(1) == Reduction.Mean)
            scale = scale.Div(inputs[4]!.Reshape(Shape.Scalar));
        if (scale.Rank > 0)
            scale = CrossEntropyShapes.Rows(scale, input);
        return [q.Mul(scale).Cast(input.DType)];
    }

    public override double Flops(in OpCall call) => call.Input(2).NumElements;

    // The input lends its shape only.
    public override double Bytes(in OpCall call) => call.Output(0).NumElements * call.Output(0).DType.Size;

    public override IEnumerable<OpCase> Cases() =>
        CrossEntropyCases.For(
            this,
            (dtype, input, target, classes, weighted) =>
                [
                    new CaseInput(target),
                    new CaseInput(input, DrawKind.Uniform, -3, 3),
                    Draw.Indices(classes, target),
                    weighted ? Draw.Uniform(0.5, 1.5, classes) with { Differentiate = false } : null,
                    new CaseInput([], DrawKind.Uniform, 1, 3) { DType = dtype.Accumulator },
                ],
            isBackward: true,
            smooths: false
        );
}

/// <summary>The negative log-likelihood.</summary>
public static class NllLossExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// −input[target] for log-probabilities (N, C), (C) or (N, C, d1, …), as <c>LogSoftmax</c> gives them, with targets i64 (N), () or
        /// (N, d1, …).
        /// </summary>
        /// <param name="target">Class numbers from 0 to C − 1. Another one that is not <paramref name="ignoreIndex"/> is an error on the
        /// cpu; kernels of other devices, which cannot throw, make the loss NaN.</param>
        /// <param name="weight">A weight per class, (C). A mean is then divided by the sum of the targets' weights.</param>
        /// <param name="ignoreIndex">Targets of this value count nothing, neither in the loss nor in its mean.</param>
        /// <param name="reduction">Mean, sum, or one loss per target.</param>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        public Tensor NllLoss(
            Tensor target,
            Tensor? weight = null,
            long ignoreIndex = -100,
            Reduction reduction = Reduction.Mean
        ) => NllLossOp.Instance.Apply([input, target, weight], Attributes.Of(ignoreIndex, (long)reduction));
    }
}
