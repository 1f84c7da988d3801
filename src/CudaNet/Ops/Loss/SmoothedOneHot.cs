namespace CudaNet;

/// <summary>
/// What cross entropy compares probabilities with: (1 − ε) w_t at the target t plus ε w_c / C at every class c, and zeros where the target
/// is ignored. The class axis is the second one, of a scalar target the only one.
/// </summary>
internal sealed class SmoothedOneHotOp()
    : Op(
        "smoothed_one_hot",
        "target, weight?; num_classes: int, ignore_index: int = -100, label_smoothing: float = 0, dtype: dtype = f32 -> output"
    )
{
    public static readonly SmoothedOneHotOp Instance = new();

    public override string NoBackwardReason => "targets are integers and class weights are constants";

    /// <summary>q for the logits <paramref name="input"/>, in their accumulator dtype.</summary>
    public static Tensor For(Tensor input, Tensor target, Tensor? weight, long ignoreIndex, double smoothing)
    {
        var accumulator = input.DType.Accumulator;
        var classes = input.Shape[CrossEntropyShapes.ClassAxis(input.Shape)];
        return Instance.Apply(
            [target, weight?.Cast(accumulator)],
            Attributes.Of(classes, ignoreIndex, smoothing, accumulator)
        );
    }

    /// <summary>The value at one class.</summary>
    public static double Value(long c, long target, long classes, double smoothing, double weight) =>
        weight * ((c == target ? 1 - smoothing : 0) + smoothing / classes);

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var (target, classes, dtype) = (call.Input(0), call.Attributes.Int(0), call.Attributes.DType(3));
        CrossEntropyShapes.RequireTarget(call, 0);
        CrossEntropyShapes.RequireWeight(call, 1, classes, dtype);
        CrossEntropyShapes.RequireSmoothing(call, 2);
        var dims = target.Shape.ToList();
        dims.Insert(Math.Min(1, dims.Count), classes);
        outputs[0] = new(new Shape([.. dims]), dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (target, weight, y) = (call.Input(0), call.InputOrNull(1), call.Output());
        var (ignore, smoothing) = (call.Attributes.Int(1), call.Attributes.Float(2));
        var (classes, inner) = CrossEntropyShapes.Split(y.Shape);
        for (long row = 0; row < target.Shape.NumElements; row++)
        {
            var label = (long)target[row];
            CrossEntropyShapes.RequireClass(Name, label, row, classes, ignore);
            for (long c = 0; c < classes && label != ignore; c++)
                y[(row / inner * classes + c) * inner + row % inner] = Value(
                    c,
                    label,
                    classes,
                    smoothing,
                    weight?[c] ?? 1
                );
        }
    }

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        foreach (
            var (target, classes, smoothing, weighted) in new (long[], long, double, bool)[]
            {
                ([], 5, 0, false),
                ([7], 3, 0.25, true),
                ([3, 5, 2], 33, 0.125, true),
                ([0], 4, 0, false),
                ([257], 31, 0, true),
            }
        )
            yield return new OpCase(
                this,
                dtype,
                $"target={string.Join('x', target)},classes={classes},smoothing={smoothing},weight={(weighted ? "yes" : "no")}",
                [Draw.Indices(classes, target), weighted ? Draw.Uniform(0.5, 1.5, classes) : null],
                // Class 1 is ignored.
                Attributes.Of(classes, 1L, smoothing, dtype)
            );
        yield return new OpCase(
            this,
            DType.Float32,
            "target=4096,classes=1000,smoothing=0.1,weight=no",
            [Draw.Indices(1000, 4096), null],
            Attributes.Of(1000L, -100L, 0.1, DType.Float32)
        )
        {
            IsBenchmark = true,
        };
    }
}

/// <summary>Checks and index arithmetic of the losses over classes.</summary>
internal static class CrossEntropyShapes
{
    public static int ClassAxis(Shape input) => input.Rank == 1 ? 0 : 1;

    /// <summary>The number of classes and of elements behind the class axis. Row r starts at r / inner · classes · inner + r mod inner.</summary>
    public static (long Classes, long Inner) Split(Shape input)
    {
        var (_, classes, inner) = Slices.Split(input, ClassAxis(input), "cross_entropy");
        return (classes, inner);
    }

    /// <summary>A tensor with the target's shape, with the class axis inserted.</summary>
    public static Tensor Rows(Tensor rows, Tensor input) => rows.Unsqueeze(ClassAxis(input.Shape));

    public static DType Require(in OpCall call, int input, int target, int weight, int? smoothing = null)
    {
        var logits = call.Input(input);
        if (!logits.DType.IsFloating)
            throw call.DTypeError("expected logits of a floating dtype; convert with Cast(DType.Float32)");
        RequireTarget(call, target);
        if (logits.Rank == 0)
            throw call.ShapeError("expected logits (C), (N, C) or (N, C, d1, …)");
        var axis = ClassAxis(logits.Shape);
        var rows = logits.Shape.ToList();
        rows.RemoveAt(axis);
        var expected = new Shape([.. rows]);
        if (!call.Input(target).Shape.Equals(expected))
            throw call.ShapeError(
                $"expected a target of shape {expected}: that of the logits without the class axis {axis}"
            );
        if (logits.Shape[axis] == 0 && expected.NumElements > 0)
            throw call.ShapeError("there must be at least one class");
        RequireWeight(call, weight, logits.Shape[axis], logits.DType);
        if (smoothing is { } attribute)
            RequireSmoothing(call, attribute);
        return logits.DType;
    }

    public static void RequireTarget(in OpCall call, int target)
    {
        if (call.Input(target).DType != DType.Int64)
            throw call.DTypeError("expected class numbers, an i64 target; convert with Cast(DType.Int64)");
    }

    public static void RequireWeight(in OpCall call, int weight, long classes, DType dtype)
    {
        if (!call.Has(weight))
            return;
        if (!call.Input(weight).Shape.Equals(new Shape(classes)))
            throw call.ShapeError($"expected a weight per class, of shape ({classes})");
        if (call.Input(weight).DType != dtype)
            throw call.DTypeError($"expected a weight of dtype {dtype.Name}; convert with Cast");
    }

    /// <summary>Throws when a gradient of the class weights is asked for.</summary>
    public static void RequireConstantWeight(BackwardCall call, string op, int weight)
    {
        if (call.Needs(weight))
            throw new AutogradException(
                $"'{op}' has no gradient for weight: class weights are constants; Detach() them"
            );
    }

    public static void RequireSmoothing(in OpCall call, int attribute)
    {
        var smoothing = call.Attributes.Float(attribute);
        if (!(smoothing >= 0 && smoothing <= 1))
            throw new AttributeException($"{call.Describe()}: label_smoothing must be from 0 to 1; got {smoothing}");
    }

    /// <summary>Throws for a target that is neither a class nor ignored.</summary>
    public static void RequireClass(string op, long target, long position, long classes, long ignoreIndex)
    {
        if (target != ignoreIndex && (target < 0 || target >= classes))
            throw new CudaNetException(
                $"{op}: target {target} at position {position} is outside 0..{classes - 1} (there are {classes} classes) and is not "
                    + $"ignore_index ({ignoreIndex}); correct the targets or the number of classes"
            );
    }
}

/// <summary>The sizes at which both directions of the losses over classes are checked.</summary>
internal static class CrossEntropyCases
{
    public delegate CaseInput?[] Inputs(DType dtype, long[] input, long[] target, long classes, bool weighted);

    /// <param name="op">The op.</param>
    /// <param name="inputs">What is drawn; of a backward, whose first input is the gradient of the loss, with the targets' shape.</param>
    /// <param name="isBackward">Whether the first input has the shape of the loss.</param>
    /// <param name="smooths">Whether the last attribute is label_smoothing.</param>
    public static IEnumerable<OpCase> For(Op op, Inputs inputs, bool isBackward = false, bool smooths = true)
    {
        OpCase Case(DType dtype, long[] input, Reduction reduction, double smoothing, bool weighted, long ignore)
        {
            var axis = input.Length == 1 ? 0 : 1;
            long[] target = [.. input[..axis], .. input[(axis + 1)..]];
            var drawn = inputs(dtype, input, target, input[axis], weighted);
            if (isBackward && reduction != Reduction.None)
                drawn[0] = drawn[0]! with { Shape = Shape.Scalar };
            var smoothed = smooths ? $"smoothing={smoothing}," : "";
            var options =
                $"reduction={reduction.ToString().ToLowerInvariant()},{smoothed}weight={(weighted ? "yes" : "no")},ignore={ignore}";
            return new OpCase(
                op,
                dtype,
                $"shape={string.Join('x', input)},{options}",
                drawn,
                smooths ? Attributes.Of(ignore, (long)reduction, smoothing) : Attributes.Of(ignore, (long)reduction)
            );
        }
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (
                var shape in new long[][]
                {
                    [5],
                    [1, 1],
                    [3, 31],
                    [7, 32],
                    [2, 33],
                    [113, 203],
                    [2, 1025],
                    [3, 5, 7],
                    [2, 3, 4, 33],
                }
            )
                yield return Case(dtype, shape, Reduction.Mean, 0, false, -100);
            yield return Case(dtype, [0, 3], Reduction.Sum, 0, false, -100);
            foreach (var reduction in Enum.GetValues<Reduction>())
            {
                yield return Case(dtype, [29, 37], reduction, 0.125, true, 3);
                yield return Case(dtype, [3, 6, 5], reduction, 0.25, true, 1);
            }
            yield return Case(dtype, [29, 37], Reduction.None, 0.125, false, -100);
            foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
                yield return Case(dtype, [9, 67], Reduction.None, 0, false, -100).With(layout);
        }
        foreach (var reduction in Enum.GetValues<Reduction>())
        {
            yield return Case(DType.Float64, [3, 4], reduction, 0, false, -100) with
            {
                CheckGradient = true,
            };
            yield return Case(DType.Float64, [4, 3], reduction, 0.2, true, 1) with
            {
                CheckGradient = true,
            };
            yield return Case(DType.Float64, [2, 3, 2], reduction, 0.2, true, 5) with
            {
                CheckGradient = true,
            };
        }
        yield return Case(DType.Float32, [4096, 1000], Reduction.Mean, 0, false, -100) with
        {
            IsBenchmark = true,
        };
    }
}
