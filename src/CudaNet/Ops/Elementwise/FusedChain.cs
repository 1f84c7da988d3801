namespace CudaNet;

/// <summary>What chains of element-wise operations share that one kernel computes: two or three operands that broadcast, and numbers.</summary>
internal abstract class FusedChainOp(string name, string signature) : Op(name, signature)
{
    private int Operands => Signature.Inputs.Count;

    protected internal override bool AcceptsStrides => true;

    protected internal override bool Broadcasts => true;

    /// <summary>One element, and S of the tolerance rule for it.</summary>
    protected abstract (double Value, double Magnitude) Evaluate(ReadOnlySpan<double> x, Attributes attributes);

    /// <summary>The gradient of an operand before it is summed to the operand's shape.</summary>
    protected abstract Tensor Gradient(BackwardCall call, Tensor gradient, int operand);

    /// <summary>The attributes of the case list.</summary>
    protected virtual Attributes CaseAttributes => default;

    /// <summary>How an operand of the case list is drawn.</summary>
    protected virtual CaseInput DrawOperand(int operand, long[] shape) => Draw.Normal(shape);

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        Shape? shape = call.Input(0).Shape;
        for (var i = 1; i < Operands && shape is not null; i++)
            shape = Shape.Broadcast(shape, call.Input(i).Shape);
        outputs[0] = new(
            shape
                ?? throw call.ShapeError(
                    "the shapes do not broadcast: from the last axis backwards, extents must be equal or 1"
                ),
            dtype
        );
    }

    public override void Reference(ReferenceCall call)
    {
        var y = call.Output();
        Span<double> x = stackalloc double[Operands];
        for (long i = 0; i < y.Shape.NumElements; i++)
        {
            for (var n = 0; n < x.Length; n++)
                x[n] = call.Input(n)[i];
            (y[i], y.Magnitude[i]) = Evaluate(x, call.Attributes);
        }
    }

    protected internal override void Backward(BackwardCall call)
    {
        var gradient = call.GradOutput();
        for (var i = 0; i < Operands; i++)
            if (call.Needs(i))
                call.Set(i, Gradient(call, gradient, i).SumTo(call.InputShape(i)));
    }

    public override double Flops(in OpCall call) => Operands * (double)call.Output(0).NumElements;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (var n in CaseSizes.Lengths)
                yield return Case(dtype, $"n={n}", [n], [n], [n]);
            var matrix = Case(dtype, "rows=13,cols=29", [13, 29], [13, 29], [13, 29]);
            foreach (var layout in Enum.GetValues<CaseLayout>())
                yield return matrix.With(layout);
            yield return Case(dtype, "shapes=5x1x7+3x1+7", [5, 1, 7], [3, 1], [7]);
            yield return Case(dtype, "shapes=scalar+67+scalar", [], [67], []);
            yield return Case(dtype, "shapes=9+scalar+4x9", [9], [], [4, 9]);
        }
        yield return Case(DType.Float64, "shapes=2x3+3+2x1", [2, 3], [3], [2, 1]) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float32, "n=1048576", [1048576], [1048576], [1048576]) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, string label, params long[][] shapes) =>
        new(
            this,
            dtype,
            label,
            [.. shapes.Take(Operands).Select((shape, operand) => DrawOperand(operand, shape))],
            CaseAttributes
        );
}
