namespace CudaNet;

/// <summary>How a loss is made of the losses of its elements.</summary>
public enum Reduction
{
    /// <summary>Not at all: one loss per element.</summary>
    None,

    /// <summary>The mean; of a weighted loss, the weighted mean.</summary>
    Mean,

    /// <summary>The sum.</summary>
    Sum,
}

/// <summary>
/// −Σ_c q_c log softmax(input)_c with the smoothed one-hot q of <see cref="SmoothedOneHotOp"/>, fused: one pass makes the loss and
/// log Σ exp(input), from which the backward gets the probabilities. As torch.nn.functional.cross_entropy with class indices.
/// </summary>
internal sealed class CrossEntropyOp()
    : Op(
        "cross_entropy",
        "input, target, weight?; ignore_index: int = -100, reduction: none|mean|sum = mean, label_smoothing: float = 0"
            + " -> output, log_sum_exp, total_weight"
    )
{
    public static readonly CrossEntropyOp Instance = new();

    protected internal override Saved Saves => Saved.Inputs(0, 1, 2).AndOutputs(1, 2);

    internal override CpuKernel? Cpu => CpuCrossEntropy.Forward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = CrossEntropyShapes.Require(call, input: 0, target: 1, weight: 2, smoothing: 2);
        var rows = call.Input(1).Shape;
        outputs[0] = new((Reduction)call.Attributes.Int(1) == Reduction.None ? rows : Shape.Scalar, dtype);
        outputs[1] = new(rows, dtype.Accumulator);
        outputs[2] = new(Shape.Scalar, dtype.Accumulator);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, target, weight) = (call.Input(0), call.Input(1), call.InputOrNull(2));
        var (y, lse, total) = (call.Output(0), call.Output(1), call.Output(2));
        var (ignore, smoothing) = (call.Attributes.Int(0), call.Attributes.Float(2));
        var reduction = (Reduction)call.Attributes.Int(1);
        var (classes, inner) = CrossEntropyShapes.Split(x.Shape);
        for (long row = 0; row < target.Shape.NumElements; row++)
        {
            var first = row / Math.Max(inner, 1) * classes * inner + row % Math.Max(inner, 1);
            var stats = ExpSum.Of(x, first, inner, classes);
            lse[row] = stats.Max + Math.Log(stats.Sum);
            lse.Magnitude[row] = Math.Abs(stats.Max) + Math.Abs(Math.Log(stats.Sum)) + stats.Noise;
            var label = (long)target[row];
            CrossEntropyShapes.RequireClass(Name, label, row, classes, ignore);
            if (label == ignore)
                continue;
            var (loss, magnitude) = (0.0, 0.0);
            for (long c = 0; c < classes; c++)
            {
                var q = SmoothedOneHotOp.Value(c, label, classes, smoothing, weight?[c] ?? 1);
                loss += q == 0 ? 0 : q * (lse[row] - x[first + c * inner]);
                magnitude += q == 0 ? 0 : q * (Math.Abs(x[first + c * inner]) + lse.Magnitude[row]);
            }
            total[0] += weight?[label] ?? 1;
            y[reduction == Reduction.None ? row : 0] += loss;
            y.Magnitude[reduction == Reduction.None ? row : 0] += magnitude;
        }
        total.Magnitude[0] = total[0];
        lse.Terms = Math.Max(classes, 1);
        total.Terms = Math.Max(target.Shape.NumElements, 1);
        y.Terms = Math.Max(lse.Terms, reduction == Reduction.None ? 1 : total.Terms);
        if (reduction != Reduction.Mean)
            return;
        y[0] /= total[0];
        y.Magnitude[0] /= total[0];
    }

    protected internal override void Backward(BackwardCall call)
    {
        CrossEntropyShapes.RequireConstantWeight(call, Name, 2);
        var (x, lse) = (call.Input(0), call.Output(1));
        Tensor? gradient = null;
        if (call.HasGradOutput(0))
            gradient = CrossEntropyBackwardOp.Instance.Apply(
                [call.GradOutput(), x, call.Input(1), call.InputOrNull(2), lse, call.Output(2)],
                call.Attributes
            );
        // Nobody asks for the gradient of log Σ exp directly, but second derivatives come back through it: softmax.
        if (call.HasGradOutput(1))
        {
            var slope = CrossEntropyShapes.Rows(call.GradOutput(1), x).Cast(x.DType);
            var part = x.Softmax(CrossEntropyShapes.ClassAxis(x.Shape)).Mul(slope);
            gradient = gradient is null ? part : gradient.Add(part);
        }
        call.Set(0, gradient);
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (input, target, weight) = (inputs[0]!, inputs[1]!, inputs[2]);
        var axis = CrossEntropyShapes.ClassAxis(input.Shape);
        var x = input.Cast(input.DType.Accumulator);
        var logProbabilities = x.LogSoftmax(axis);
        var q = SmoothedOneHotOp.For(input, target, weight, attributes.Int(0), attributes.Float(2));
        var losses = q.Mul(logProbabilities).Sum(axis).Affine(-1);
        var total = SmoothedOneHotOp.For(input, target, weight, attributes.Int(0), 0).Sum();
        var loss = (Reduction)attributes.Int(1) switch
        {
            Reduction.None => losses,
            Reduction.Sum => losses.Sum(),
            _ => losses.Sum().Mul(total.Pow(-1)),
        };
        return [loss.Cast(input.DType), x.Sub(logProbabilities).Mean(axis), total];
    }

    public override double Flops(in OpCall call) => 5.0 * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases() =>
        CrossEntropyCases.For(
            this,
            (dtype, input, target, classes, weighted) =>
                [
                    new CaseInput(input, DrawKind.Uniform, -6, 6),
                    Draw.Indices(classes, target),
                    weighted ? Draw.Uniform(0.5, 1.5, classes) with { Differentiate = false } : null,
                ]
        );
}

/// <summary>The gradient of <see cref="CrossEntropyOp"/>: grad_output (/ total weight for a mean) · (Σq · exp(input − log_sum_exp) − q).</summary>
internal sealed class CrossEntropyBackwardOp()
    : Op(
        "cross_entropy_backward",
        "grad_output, input, target, weight?, log_sum_exp, total_weight;"
            + " ignore_index: int = -100, reduction: none|mean|sum = mean, label_smoothing: float = 0 -> grad_input"
    )
{
    public static readonly CrossEntropyBackwardOp Instance = new();

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel? Cpu => CpuCrossEntropy.Backward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = CrossEntropyShapes.Require(call, input: 1, target: 2, weight: 3, smoothing: 2);
        var rows = call.Input(2).Shape;
        var loss = (Reduction)call.Attributes.Int(1) == Reduction.None ? rows : Shape.Scalar;
        if (!call.Input(0).Shape.Equals(loss) || call.Input(0).DType != dtype)
            throw call.ShapeError($"grad_output must be {loss} {dtype.Name}");
        if (
            !call.Input(4).Shape.Equals(rows)
            || call.Input(4).DType != dtype.Accumulator
            || call.Input(5).NumElements != 1
            || call.Input(5).DType != dtype.Accumulator
        )
            throw call.ShapeError($"log_sum_exp must be {rows} and total_weight a scalar, {dtype.Accumulator.Name}");
        outputs[0] = new(call.Input(1).Shape, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (g, x, target, weight) = (call.Input(0), call.Input(1), call.Input(2), call.InputOrNull(3));
        var (lse, total, gx) = (call.Input(4), call.Input(5), call.Output());
        var (ignore, smoothing) = (call.Attributes.Int(0), call.Attributes.Float(2));
        var reduction = (Reduction)call.Attributes.Int(1);
        var (classes, inner) = CrossEntropyShapes.Split(x.Shape);
        gx.Terms = Math.Max(classes, 1);
        for (long row = 0; row < target.Shape.NumElements; row++)
        {
            var label = (long)target[row];
            CrossEntropyShapes.RequireClass(Name, label, row, classes, ignore);
            if (label == ignore)
                continue;
            double sum = 0;
            for (long c = 0; c < classes; c++)
                sum += SmoothedOneHotOp.Value(c, label, classes, smoothing, weight?[c] ?? 1);
            var scale =
                reduction == Reduction.None ? g[row]
                : reduction == Reduction.Mean ? g[0] / total[0]
                : g[0];
            for (long c = 0; c < classes; c++)
            {
                var at = (row / inner * classes + c) * inner + row % inner;
                var q = SmoothedOneHotOp.Value(c, label, classes, smoothing, weight?[c] ?? 1);
                var p = Math.Exp(x[at] - lse[row]);
                gx[at] = scale * (sum * p - q);
                gx.Magnitude[at] = Math.Abs(scale) * (sum * p * (1 + Math.Abs(x[at] - lse[row])) + q);
            }
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
        var (g, input, target, weight) = (inputs[0]!, inputs[1]!, inputs[2]!, inputs[3]);
        var axis = CrossEntropyShapes.ClassAxis(input.Shape);
        var accumulator = input.DType.Accumulator;
        var q = SmoothedOneHotOp.For(input, target, weight, attributes.Int(0), attributes.Float(2));
        var p = input.Cast(accumulator).Sub(CrossEntropyShapes.Rows(inputs[4]!, input)).Exp();
        var scale = g.Cast(accumulator);
        if ((Reduction)attributes.Int(1) == Reduction.Mean)
            scale = scale.Mul(inputs[5]!.Pow(-1).Reshape(Shape.Scalar));
        if (scale.Rank > 0)
            scale = CrossEntropyShapes.Rows(scale, input);
        return [p.Mul(q.Sum(axis, keepDim: true)).Sub(q).Mul(scale).Cast(input.DType)];
    }

    public override double Flops(in OpCall call) => 5.0 * call.Input(1).NumElements;

    public override IEnumerable<OpCase> Cases() =>
        CrossEntropyCases.For(
            this,
            (dtype, input, target, classes, weighted) =>
                [
                    // A gradient of the loss; its shape follows from the reduction, see CrossEntropyCases.
                    new CaseInput(target),
                    new CaseInput(input, DrawKind.Uniform, -3, 3),
                    Draw.Indices(classes, target),
                    weighted ? Draw.Uniform(0.5, 1.5, classes) with { Differentiate = false } : null,
                    new CaseInput(target, DrawKind.Uniform, 1, 4) { DType = dtype.Accumulator },
                    new CaseInput([], DrawKind.Uniform, 1, 3) { DType = dtype.Accumulator },
                ],
            isBackward: true
        );
}

/// <summary>Losses of classification.</summary>
public static class CrossEntropyExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// −log softmax(input)[target], the class axis being the second (of a vector, the only) one: logits (N, C), (C) or (N, C, d1, …)
        /// with targets i64 (N), () or (N, d1, …).
        /// </summary>
        /// <param name="target">Class numbers from 0 to C − 1. Another one that is not <paramref name="ignoreIndex"/> is an error on the
        /// cpu; kernels of other devices, which cannot throw, make the loss NaN.</param>
        /// <param name="weight">A weight per class, (C). A mean is then divided by the sum of the targets' weights.</param>
        /// <param name="ignoreIndex">Targets of this value count nothing, neither in the loss nor in its mean.</param>
        /// <param name="reduction">Mean, sum, or one loss per target.</param>
        /// <param name="labelSmoothing">ε: the target has probability 1 − ε, and ε is spread over all classes (Szegedy et al. 2016).</param>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        public Tensor CrossEntropy(
            Tensor target,
            Tensor? weight = null,
            long ignoreIndex = -100,
            Reduction reduction = Reduction.Mean,
            double labelSmoothing = 0
        ) =>
            CrossEntropyOp.Instance.Apply(
                [input, target, weight],
                Attributes.Of(ignoreIndex, (long)reduction, labelSmoothing)
            );
    }
}
