namespace CudaNet;

/// <summary>What element-wise ops of two operands share: broadcasting by NumPy's rule, and gradients summed back to the operands' shapes.</summary>
internal abstract class BinaryOp(string name, string signature = "input, other -> output") : Op(name, signature)
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
        outputs[0] = new(shape, dtype);
    }

    protected virtual DType RequireDType(in OpCall call) => call.RequireFloating();

    public override void Reference(ReferenceCall call)
    {
        var (a, b, y) = (call.Input(0), call.Input(1), call.Output());
        for (long i = 0; i < y.Shape.NumElements; i++)
        {
            y[i] = Evaluate(a[i], b[i]);
            y.Magnitude[i] = Magnitude(a[i], b[i]);
        }
    }

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

    /// <summary>How the operands of the case list are drawn.</summary>
    protected virtual CaseInput DrawInput(long[] shape) => Draw.Normal(shape);

    /// <inheritdoc cref="DrawInput"/>
    protected virtual CaseInput DrawOther(long[] shape) => Draw.Normal(shape);

    /// <summary>The dtypes of the case list.</summary>
    protected virtual IEnumerable<DType> CaseDTypes => CaseSizes.Floating;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseDTypes)
        {
            foreach (var n in CaseSizes.Lengths)
                yield return new OpCase(this, dtype, $"n={n}", [DrawInput([n]), DrawOther([n])]);
            var matrix = new OpCase(this, dtype, "rows=13,cols=29", [DrawInput([13, 29]), DrawOther([13, 29])]);
            foreach (var layout in Enum.GetValues<CaseLayout>())
                yield return matrix.With(layout);
            yield return new OpCase(this, dtype, "shape=5x1x7,other=3x1", [DrawInput([5, 1, 7]), DrawOther([3, 1])]);
            yield return new OpCase(this, dtype, "shape=4x3,other=scalar", [DrawInput([4, 3]), DrawOther([])]);
        }
        yield return new OpCase(this, DType.Float64, "shape=2x3,other=3", [DrawInput([2, 3]), DrawOther([3])])
        {
            CheckGradient = true,
        };
        yield return new OpCase(this, DType.Float32, "n=1048576", [DrawInput([1048576]), DrawOther([1048576])])
        {
            IsBenchmark = true,
        };
    }
}

/// <summary>What element-wise ops of one operand share.</summary>
internal abstract class UnaryOp(string name) : Op(name, "input -> output")
{
    protected internal override bool AcceptsStrides => true;

    protected abstract double Evaluate(double x);

    /// <summary>S of the tolerance rule for one element.</summary>
    protected virtual double Magnitude(double x) => Math.Abs(Evaluate(x));

    public override void Infer(in OpCall call, Span<TensorSpec> outputs) =>
        outputs[0] = new(call.Input(0).Shape, call.RequireFloating());

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
    protected virtual CaseInput DrawInput(long[] shape) => Draw.Normal(shape);

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (var n in CaseSizes.Lengths)
                yield return new OpCase(this, dtype, $"n={n}", [DrawInput([n])]);
            var matrix = new OpCase(this, dtype, "rows=13,cols=29", [DrawInput([13, 29])]);
            foreach (var layout in Enum.GetValues<CaseLayout>())
                yield return matrix.With(layout);
        }
        yield return new OpCase(this, DType.Float64, "shape=2x3", [DrawInput([2, 3])]) { CheckGradient = true };
        yield return new OpCase(this, DType.Float32, "n=1048576", [DrawInput([1048576])]) { IsBenchmark = true };
    }
}

/// <summary>Sizes at which kernels break: empty, one, around a warp, around a block, odd and prime.</summary>
internal static class CaseSizes
{
    public static IReadOnlyList<DType> Floating { get; } =
    [DType.Float32, DType.Float64, DType.Float16, DType.BFloat16];

    public static IReadOnlyList<long> Lengths { get; } = [0, 1, 31, 32, 33, 257, 1031];
}
