namespace CudaNet;

/// <summary>
/// What activation functions with a fused backward share: an element-wise function f of one operand with attributes, whose backward,
/// grad · f′(input), is an op with a kernel of its own.
/// </summary>
internal abstract class ActivationOp(string name, string attributes = "") : Op(name, $"input{attributes} -> output")
{
    protected internal override bool AcceptsStrides => true;

    protected internal override Saved Saves => Saved.Inputs(0);

    // A polynomial's last few operations, each rounded once.
    public override double ErrorConstant => 8;

    /// <summary>f(x).</summary>
    public abstract double Evaluate(double x, Attributes attributes);

    /// <summary>S of the tolerance rule for f(x).</summary>
    public virtual double Magnitude(double x, Attributes attributes) => Math.Abs(Evaluate(x, attributes));

    /// <summary>f′(x).</summary>
    public abstract double Slope(double x, Attributes attributes);

    /// <summary>S of the tolerance rule for f′(x).</summary>
    public virtual double SlopeMagnitude(double x, Attributes attributes) => Math.Abs(Slope(x, attributes));

    /// <summary>f′(x) in ops, which can be differentiated again.</summary>
    public abstract Tensor Slope(Tensor x, Attributes attributes);

    /// <summary>The op that computes grad · f′(input).</summary>
    protected abstract ActivationBackwardOp Derivative { get; }

    /// <summary>Throws for attributes that make no sense.</summary>
    public virtual void CheckAttributes(Attributes attributes) { }

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        CheckAttributes(call.Attributes);
        outputs[0] = new(call.Input(0).Shape, call.RequireFloating());
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, y) = (call.Input(), call.Output());
        for (long i = 0; i < y.Shape.NumElements; i++)
        {
            y[i] = Evaluate(x[i], call.Attributes);
            y.Magnitude[i] = Magnitude(x[i], call.Attributes);
        }
    }

    protected internal override void Backward(BackwardCall call) =>
        call.Set(0, Derivative.Apply([call.GradOutput(), call.Input(0)], call.Attributes));

    public override double Flops(in OpCall call) => 8.0 * call.Input(0).NumElements;

    /// <summary>The attributes of the case list, the defaults first.</summary>
    public virtual IEnumerable<(string Label, Attributes Attributes)> Variants => [("", default)];

    /// <summary>How the operand of a gradient check is drawn: away from kinks.</summary>
    public virtual CaseInput DrawForGradient(long[] shape) => Draw.Away(0.1, 2, shape);

    public override IEnumerable<OpCase> Cases() => CasesOf(this, input => [input]);

    /// <summary>The case list of both directions.</summary>
    public IEnumerable<OpCase> CasesOf(Op op, Func<CaseInput, CaseInput[]> inputs)
    {
        var isFirst = true;
        foreach (var (label, attributes) in Variants)
        {
            OpCase Case(DType dtype, string size, CaseInput input) =>
                new(op, dtype, label.Length == 0 ? size : $"{size},{label}", inputs(input), attributes);
            foreach (var dtype in CaseSizes.Floating)
            {
                yield return Case(dtype, "n=601,wide", Draw.Uniform(-30, 30, 601));
                // Kinks and bounds lie at whole numbers, and belong to one side.
                yield return Case(dtype, "n=257,whole", new CaseInput([257], DrawKind.Integers, -25, 26));
                foreach (var n in isFirst ? CaseSizes.Lengths : [257])
                    yield return Case(dtype, $"n={n}", Draw.Uniform(-4, 4, n));
                foreach (var layout in isFirst ? Enum.GetValues<CaseLayout>() : [])
                    yield return Case(dtype, "rows=13,cols=29", Draw.Normal(13, 29)).With(layout);
            }
            yield return Case(DType.Float64, "shape=2x3", DrawForGradient([2, 3])) with
            {
                CheckGradient = true,
            };
            if (isFirst)
                yield return Case(DType.Float32, "n=1048576", Draw.Normal(1048576)) with
                {
                    IsBenchmark = true,
                };
            isFirst = false;
        }
    }
}

/// <summary>grad_output · f′(input) for an activation function f; its own gradient is that of the composition.</summary>
internal abstract class ActivationBackwardOp(ActivationOp activation, string attributes = "")
    : Op($"{activation.Name}_backward", $"grad_output, input{attributes} -> grad_input")
{
    protected internal override bool AcceptsStrides => true;

    protected internal override Saved Saves => Saved.AllInputs;

    public override double ErrorConstant => activation.ErrorConstant;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        if (!call.Input(0).Shape.Equals(call.Input(1).Shape))
            throw call.ShapeError("grad_output and input must have one shape");
        activation.CheckAttributes(call.Attributes);
        outputs[0] = new(call.Input(1).Shape, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (g, x, gx) = (call.Input(0), call.Input(1), call.Output());
        for (long i = 0; i < gx.Shape.NumElements; i++)
        {
            gx[i] = g[i] * activation.Slope(x[i], call.Attributes);
            gx.Magnitude[i] = Math.Abs(g[i]) * activation.SlopeMagnitude(x[i], call.Attributes);
        }
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes) =>
        [inputs[0]!.Mul(activation.Slope(inputs[1]!, attributes))];

    public override double Flops(in OpCall call) => 12.0 * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases() =>
        activation.CasesOf(this, input => [Draw.Normal([.. input.Shape]), input]);
}
