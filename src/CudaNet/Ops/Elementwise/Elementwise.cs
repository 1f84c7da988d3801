namespace CudaNet;

/// <summary>What element-wise ops of two operands share that broadcast by NumPy's rule.</summary>
internal abstract class BroadcastOp(string name, string signature = "input, other -> output") : Op(name, signature)
{
    protected internal override bool AcceptsStrides => true;

    protected internal override bool Broadcasts => true;

    protected abstract double Evaluate(double a, double b);

    /// <summary>S of the tolerance rule for one element.</summary>
    protected virtual double Magnitude(double a, double b) => Math.Abs(Evaluate(a, b));

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = RequireDType(call);
        var shape =
            Shape.Broadcast(call.Input(0).Shape, call.Input(1).Shape)
            ?? throw call.ShapeError(
                "the shapes do not broadcast: from the last axis backwards, extents must be equal or 1"
            );
        outputs[0] = new(shape, OutputDType(dtype));
    }

    /// <summary>Checks the dtypes of the operands and gives the one that they share.</summary>
    protected virtual DType RequireDType(in OpCall call) => call.RequireFloating();

    /// <summary>The dtype of the output for operands of this one.</summary>
    protected virtual DType OutputDType(DType input) => input;

    public override void Reference(ReferenceCall call)
    {
        var (a, b, y) = (call.Input(0), call.Input(1), call.Output());
        for (long i = 0; i < y.Shape.NumElements; i++)
        {
            y[i] = Evaluate(a[i], b[i]);
            y.Magnitude[i] = Magnitude(a[i], b[i]);
        }
    }

    /// <summary>How the first operand of the case list is drawn.</summary>
    protected virtual CaseInput DrawInput(DType dtype, long[] shape) => CaseSizes.Draw(dtype, shape);

    /// <summary>How the second operand of the case list is drawn.</summary>
    protected virtual CaseInput DrawOther(DType dtype, long[] shape) => CaseSizes.Draw(dtype, shape);

    /// <summary>How the operands of the gradient check are drawn: away from kinks.</summary>
    protected virtual CaseInput[] DrawForGradient(long[] input, long[] other) =>
        [DrawInput(DType.Float64, input), DrawOther(DType.Float64, other)];

    /// <summary>The dtypes of the case list.</summary>
    protected virtual IEnumerable<DType> CaseDTypes => CaseSizes.Floating;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseDTypes)
        {
            foreach (var n in CaseSizes.Lengths)
                yield return Case(dtype, $"n={n}", [n], [n]);
            var matrix = Case(dtype, "rows=13,cols=29", [13, 29], [13, 29]);
            foreach (var layout in Enum.GetValues<CaseLayout>())
                yield return matrix.With(layout);
            yield return Case(dtype, "shape=5x1x7,other=3x1", [5, 1, 7], [3, 1]);
            yield return Case(dtype, "shape=4x3,other=scalar", [4, 3], []);
            yield return Case(dtype, "shape=scalar,other=67", [], [67]);
        }
        if (NoBackwardReason is null)
            yield return new OpCase(this, DType.Float64, "shape=2x3,other=3", DrawForGradient([2, 3], [3]))
            {
                CheckGradient = true,
            };
        yield return Case(CaseDTypes.First(), "n=1048576", [1048576], [1048576]) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, string label, long[] input, long[] other) =>
        new(this, dtype, label, [DrawInput(dtype, input), DrawOther(dtype, other)]);
}

/// <summary>Element-wise ops of two operands with gradients, which are summed back to the operands' shapes.</summary>
internal abstract class BinaryOp(string name, string signature = "input, other -> output")
    : BroadcastOp(name, signature)
{
    protected internal override void Backward(BackwardCall call)
    {
        var gradient = call.GradOutput();
        if (call.Needs(0))
            call.Set(0, GradInput(call, gradient).SumTo(call.InputShape(0)));
        if (call.Needs(1))
            call.Set(1, GradOther(call, gradient).SumTo(call.InputShape(1)));
    }

    protected abstract Tensor GradInput(BackwardCall call, Tensor gradient);

    protected abstract Tensor GradOther(BackwardCall call, Tensor gradient);
}

/// <summary>What element-wise ops of one operand share.</summary>
internal abstract class UnaryOp(string name) : Op(name, "input -> output")
{
    protected internal override bool AcceptsStrides => true;

    protected abstract double Evaluate(double x);

    /// <summary>S of the tolerance rule for one element.</summary>
    protected virtual double Magnitude(double x) => Math.Abs(Evaluate(x));

    public override void Infer(in OpCall call, Span<TensorSpec> outputs) =>
        outputs[0] = new(call.Input(0).Shape, RequireDType(call));

    /// <summary>Checks the dtype of the operand and gives it.</summary>
    protected virtual DType RequireDType(in OpCall call) => call.RequireFloating();

    public override void Reference(ReferenceCall call)
    {
        var (x, y) = (call.Input(), call.Output());
        for (long i = 0; i < y.Shape.NumElements; i++)
        {
            y[i] = Evaluate(x[i]);
            y.Magnitude[i] = Magnitude(x[i]);
        }
    }

    protected internal override void Backward(BackwardCall call) => call.Set(0, GradInput(call, call.GradOutput()));

    protected abstract Tensor GradInput(BackwardCall call, Tensor gradient);

    /// <summary>How the operand of the case list is drawn.</summary>
    protected virtual CaseInput DrawInput(DType dtype, long[] shape) => CaseSizes.Draw(dtype, shape);

    /// <summary>How the operand of the gradient check is drawn: away from kinks.</summary>
    protected virtual CaseInput DrawForGradient(long[] shape) => DrawInput(DType.Float64, shape);

    /// <summary>The dtypes of the case list.</summary>
    protected virtual IEnumerable<DType> CaseDTypes => CaseSizes.Floating;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseDTypes)
        {
            foreach (var n in CaseSizes.Lengths)
                yield return Case(dtype, $"n={n}", [n]);
            var matrix = Case(dtype, "rows=13,cols=29", [13, 29]);
            foreach (var layout in Enum.GetValues<CaseLayout>())
                yield return matrix.With(layout);
        }
        if (NoBackwardReason is null)
            yield return new OpCase(this, DType.Float64, "shape=2x3", [DrawForGradient([2, 3])])
            {
                CheckGradient = true,
            };
        yield return Case(CaseDTypes.First(), "n=1048576", [1048576]) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, string label, long[] shape) => new(this, dtype, label, [DrawInput(dtype, shape)]);
}

/// <summary>Sizes at which kernels break: empty, one, around a warp, around a block, odd and prime.</summary>
internal static class CaseSizes
{
    public static IReadOnlyList<DType> Floating { get; } =
    [DType.Float32, DType.Float64, DType.Float16, DType.BFloat16];

    /// <summary>Those and the integers that have arithmetic.</summary>
    public static IReadOnlyList<DType> Numbers { get; } = [.. Floating, DType.Int64, DType.Int32, DType.UInt8];

    public static IReadOnlyList<long> Lengths { get; } = [0, 1, 31, 32, 33, 257, 1031];

    /// <summary>Standard normal values; small integers, negative ones where the dtype has them.</summary>
    public static CaseInput Draw(DType dtype, long[] shape) =>
        dtype switch
        {
            DType.Bool => new CaseInput(shape, DrawKind.Integers, 0, 2),
            DType.UInt8 => new CaseInput(shape, DrawKind.Integers, 0, 8),
            _ when dtype.IsFloating => CudaNet.Draw.Normal(shape),
            _ => new CaseInput(shape, DrawKind.Integers, -90, 90),
        };

    /// <summary>Whether an integer dtype has this value.</summary>
    public static bool Holds(DType dtype, double value) =>
        dtype switch
        {
            DType.Bool => value is 0 or 1,
            DType.UInt8 => byte.CreateSaturating(value) == value,
            DType.Int32 => int.CreateSaturating(value) == value,
            _ => value < long.MaxValue && long.CreateSaturating(value) == value,
        };

    /// <summary>The dtype that the given inputs share, which has arithmetic.</summary>
    public static DType RequireNumber(in OpCall call)
    {
        var dtype = call.RequireSameDType();
        return dtype == DType.Bool
            ? throw call.DTypeError("expected numbers; convert bool with Cast(DType.Int64) or Cast(DType.Float32)")
            : dtype;
    }
}
