namespace CudaNet;

/// <summary>
/// The binary cross entropy of a logit x and a probability y: weight · (pos_weight · y · softplus(−x) + (1 − y) · softplus(x)). Both terms
/// are positive, so nothing cancels. As torch.nn.functional.binary_cross_entropy_with_logits.
/// </summary>
internal sealed class BceWithLogitsOp()
    : Op("bce_with_logits", "input, target, weight?, pos_weight?; reduction: none|mean|sum = mean -> output")
{
    public static readonly BceWithLogitsOp Instance = new();

    public override IReadOnlyList<string> Aliases => ["binary_cross_entropy_with_logits"];

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel? Cpu => CpuBceWithLogits.Forward;

    public override double ErrorConstant => 8;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = BceShapes.Require(call, 0);
        var none = (Reduction)call.Attributes.Int(0) == Reduction.None;
        outputs[0] = new(none ? call.Input(0).Shape : Shape.Scalar, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, target, loss) = (call.Input(0), call.Input(1), call.Output());
        var reduction = (Reduction)call.Attributes.Int(0);
        var n = x.Shape.NumElements;
        var (weight, positive) = (BceShapes.Weights(call, 2, x.Shape), BceShapes.Weights(call, 3, x.Shape));
        for (long i = 0; i < n; i++)
        {
            var at = reduction == Reduction.None ? i : 0;
            var onTarget = positive(i) * target[i] * SpecialFunctions.Softplus(-x[i]);
            var off = (1 - target[i]) * SpecialFunctions.Softplus(x[i]);
            loss[at] += weight(i) * (onTarget + off);
            loss.Magnitude[at] += Math.Abs(weight(i)) * (Math.Abs(onTarget) + Math.Abs(off));
        }
        loss.Terms = reduction == Reduction.None ? 1 : Math.Max(n, 1);
        if (reduction != Reduction.Mean)
            return;
        loss[0] /= n;
        loss.Magnitude[0] /= n;
    }

    protected internal override void Backward(BackwardCall call)
    {
        BceShapes.RequireConstants(call, Name, 2);
        var (x, target) = (call.Input(0), call.Input(1));
        var (weight, positive) = (call.InputOrNull(2), call.InputOrNull(3));
        if (call.Needs(0))
            call.Set(
                0,
                BceWithLogitsBackwardOp.Instance.Apply(
                    [call.GradOutput(), x, target, weight, positive],
                    call.Attributes
                )
            );
        if (!call.Needs(1))
            return;
        var onTarget = BceShapes.Softplus(x.Neg());
        if (positive is not null)
            onTarget = onTarget.Mul(positive);
        var slope = onTarget.Sub(BceShapes.Softplus(x));
        if (weight is not null)
            slope = slope.Mul(weight);
        call.Set(1, slope.Mul(BceShapes.Scale(call.GradOutput(), x, call.Attributes)));
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var dtype = inputs[0]!.DType;
        var (x, target) = (inputs[0]!.Cast(dtype.Accumulator), inputs[1]!.Cast(dtype.Accumulator));
        var onTarget = target.Mul(BceShapes.Softplus(x.Neg()));
        if (inputs[3] is { } positive)
            onTarget = onTarget.Mul(positive.Cast(dtype.Accumulator));
        var losses = onTarget.Add(target.Affine(-1, 1).Mul(BceShapes.Softplus(x)));
        if (inputs[2] is { } weight)
            losses = losses.Mul(weight.Cast(dtype.Accumulator));
        var loss = (Reduction)attributes.Int(0) switch
        {
            Reduction.None => losses,
            Reduction.Sum => losses.Sum(),
            _ => losses.Mean(),
        };
        return [loss.Cast(dtype)];
    }

    public override double Flops(in OpCall call) => 12.0 * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases() => BceCases.For(this, isBackward: false);
}

/// <summary>The gradient of <see cref="BceWithLogitsOp"/> by the logits: grad_output (/ n for a mean) · weight ·
/// ((1 − y) σ(x) − pos_weight · y · σ(−x)).</summary>
internal sealed class BceWithLogitsBackwardOp()
    : Op(
        "bce_with_logits_backward",
        "grad_output, input, target, weight?, pos_weight?; reduction: none|mean|sum = mean -> grad_input"
    )
{
    public static readonly BceWithLogitsBackwardOp Instance = new();

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel? Cpu => CpuBceWithLogits.Backward;

    public override double ErrorConstant => 8;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = BceShapes.Require(call, 1);
        var loss = (Reduction)call.Attributes.Int(0) == Reduction.None ? call.Input(1).Shape : Shape.Scalar;
        if (!call.Input(0).Shape.Equals(loss) || call.Input(0).DType != dtype)
            throw call.ShapeError($"grad_output must be {loss} {dtype.Name}");
        outputs[0] = new(call.Input(1).Shape, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (g, x, target, gx) = (call.Input(0), call.Input(1), call.Input(2), call.Output());
        var reduction = (Reduction)call.Attributes.Int(0);
        var n = x.Shape.NumElements;
        var (weight, positive) = (BceShapes.Weights(call, 3, x.Shape), BceShapes.Weights(call, 4, x.Shape));
        for (long i = 0; i < n; i++)
        {
            var scale = weight(i) * g[reduction == Reduction.None ? i : 0] / (reduction == Reduction.Mean ? n : 1);
            var off = (1 - target[i]) * SpecialFunctions.Sigmoid(x[i]);
            var onTarget = positive(i) * target[i] * SpecialFunctions.Sigmoid(-x[i]);
            gx[i] = scale * (off - onTarget);
            gx.Magnitude[i] = Math.Abs(scale) * (Math.Abs(off) + Math.Abs(onTarget));
        }
    }

    /// <summary>Written out, because the derivative σ(x)(1 − σ(x)) that a composition takes cancels for large logits.</summary>
    protected internal override void Backward(BackwardCall call)
    {
        BceShapes.RequireConstants(call, Name, 3);
        var (x, target) = (call.Input(1), call.Input(2));
        var (weight, positive) = (call.InputOrNull(3), call.InputOrNull(4));
        var (on, off) = (x.Neg().Sigmoid(), x.Sigmoid());
        var onWeight = positive is null ? target : target.Mul(positive);
        var offWeight = target.Affine(-1, 1);
        var scale = BceShapes.Scale(call.GradOutput(), x, call.Attributes);
        if (weight is not null)
            scale = scale.Mul(weight);
        if (call.Needs(0))
            call.Set(0, offWeight.Mul(off).Sub(onWeight.Mul(on)).Mul(scale).SumTo(call.InputShape(0)));
        if (!call.Needs(1) && !call.Needs(2))
            return;
        scale = scale.Mul(call.Input(0));
        if (call.Needs(1))
            call.Set(1, offWeight.Add(onWeight).Mul(off).Mul(on).Mul(scale));
        if (call.Needs(2))
            call.Set(2, (positive is null ? on : on.Mul(positive)).Add(off).Mul(scale).Neg());
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (g, x, target) = (inputs[0]!, inputs[1]!, inputs[2]!);
        var onTarget = target.Mul(x.Neg().Sigmoid());
        if (inputs[4] is { } positive)
            onTarget = onTarget.Mul(positive);
        var slope = target.Affine(-1, 1).Mul(x.Sigmoid()).Sub(onTarget);
        if (inputs[3] is { } weight)
            slope = slope.Mul(weight);
        return [slope.Mul(BceShapes.Scale(g, x, attributes))];
    }

    public override double Flops(in OpCall call) => 12.0 * call.Input(1).NumElements;

    public override IEnumerable<OpCase> Cases() => BceCases.For(this, isBackward: true);
}

/// <summary>Checks and small formulas of both directions.</summary>
internal static class BceShapes
{
    public static DType Require(in OpCall call, int input)
    {
        var dtype = call.RequireFloating();
        var shape = call.Input(input).Shape;
        if (!shape.Equals(call.Input(input + 1).Shape))
            throw call.ShapeError(
                "expected input and target of one shape; nothing is broadcast, because it is seldom meant"
            );
        for (var i = input + 2; i <= input + 3; i++)
            if (call.Has(i) && Shape.Broadcast(call.Input(i).Shape, shape) is var both && !shape.Equals(both))
                throw call.ShapeError(
                    $"{call.Op.Signature.Inputs[i].Name} must broadcast to the input's shape {shape}"
                );
        return dtype;
    }

    /// <summary>Weights by the number of an element; 1 where none are given.</summary>
    public static Func<long, double> Weights(ReferenceCall call, int index, Shape shape)
    {
        if (call.InputOrNull(index) is not { } weights)
            return _ => 1;
        var own = weights.Shape;
        var first = shape.Rank - own.Rank;
        return i =>
        {
            long at = 0;
            for (var axis = 0; axis < own.Rank; axis++)
                if (own[axis] != 1)
                    at += i / shape.ContiguousStrides[first + axis] % shape[first + axis] * own.ContiguousStrides[axis];
            return weights[at];
        };
    }

    public static void RequireConstants(BackwardCall call, string op, int weight)
    {
        for (var i = weight; i <= weight + 1; i++)
            if (call.Has(i) && call.Needs(i))
                throw new AutogradException(
                    $"'{op}' has no gradient for weight and pos_weight: they are constants; Detach() them"
                );
    }

    /// <summary>What each element's gradient is multiplied by.</summary>
    public static Tensor Scale(Tensor gradient, Tensor input, Attributes attributes) =>
        (Reduction)attributes.Int(0) == Reduction.Mean ? gradient.Affine(1.0 / input.NumElements) : gradient;

    /// <summary>Without the bound from which softplus is the identity, because the small rest is what the loss consists of.</summary>
    public static Tensor Softplus(Tensor x) => x.Softplus(1, double.PositiveInfinity);
}

internal static class BceCases
{
    public static IEnumerable<OpCase> For(Op op, bool isBackward)
    {
        OpCase Case(DType dtype, Reduction reduction, long[]? weight, long[]? positive, params long[] shape)
        {
            CaseInput? Weight(long[]? extents) =>
                extents is null ? null : Draw.Uniform(0.5, 1.5, extents) with { Differentiate = false };
            CaseInput?[] inputs =
            [
                new CaseInput(shape, DrawKind.Uniform, -6, 6),
                Draw.Uniform(0, 1, shape),
                Weight(weight),
                Weight(positive),
            ];
            var word = reduction.ToString().ToLowerInvariant();
            string Label(long[]? extents) => extents is null ? "no" : string.Join('x', extents);
            return new OpCase(
                op,
                dtype,
                $"shape={string.Join('x', shape)},reduction={word},weight={Label(weight)},pos_weight={Label(positive)}",
                isBackward ? [new CaseInput(reduction == Reduction.None ? shape : []), .. inputs] : inputs,
                Attributes.Of((long)reduction)
            );
        }
        foreach (var reduction in Enum.GetValues<Reduction>())
        {
            foreach (var dtype in CaseSizes.Floating)
            {
                foreach (var n in CaseSizes.Lengths.Where(n => n > 0 || reduction != Reduction.Mean))
                    yield return Case(dtype, reduction, null, null, n);
                yield return Case(dtype, reduction, [13, 1], [29], 13, 29);
                yield return Case(dtype, reduction, [], null, 3, 5, 7);
                yield return Case(dtype, reduction, null, [3, 1, 7], 3, 5, 7);
                foreach (var layout in Enum.GetValues<CaseLayout>())
                    yield return Case(dtype, reduction, null, [29], 13, 29).With(layout);
            }
            yield return Case(DType.Float64, reduction, null, null, 2, 3) with
            {
                CheckGradient = true,
            };
            yield return Case(DType.Float64, reduction, [2, 1], [3], 2, 3) with
            {
                CheckGradient = true,
            };
        }
        yield return Case(DType.Float32, Reduction.Sum, null, null, 70001);
        yield return Case(DType.Float32, Reduction.Mean, null, null, 1048576) with
        {
            IsBenchmark = true,
        };
    }
}

/// <summary>The binary cross entropy.</summary>
public static class BceWithLogitsExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// −(posWeight · y · log σ(input) + (1 − y) · log(1 − σ(input))) · weight for targets y from 0 to 1, its mean over all elements,
        /// or its sum. Accurate for logits of any size.
        /// </summary>
        /// <param name="target">Probabilities of the shape and dtype of the input; they may have gradients.</param>
        /// <param name="weight">Multiplies each loss; it broadcasts to the input's shape. A mean is still over all elements.</param>
        /// <param name="posWeight">Multiplies the part of the positive class; it broadcasts to the input's shape.</param>
        /// <param name="reduction">Mean, sum, or one loss per element.</param>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        public Tensor BceWithLogits(
            Tensor target,
            Tensor? weight = null,
            Tensor? posWeight = null,
            Reduction reduction = Reduction.Mean
        ) => BceWithLogitsOp.Instance.Apply([input, target, weight, posWeight], Attributes.Of((long)reduction));
    }
}
