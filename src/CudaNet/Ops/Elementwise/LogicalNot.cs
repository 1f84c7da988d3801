namespace CudaNet;

internal sealed class LogicalNotOp() : UnaryOp("logical_not")
{
    public static readonly LogicalNotOp Instance = new();

    public override OpKind Kind => OpKind.Composition;

    public override bool IsExact => true;

    public override string NoBackwardReason => "its output is true or false, which does not change smoothly";

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes) =>
        [inputs[0]!.Eq(0)];

    public override void Infer(in OpCall call, Span<TensorSpec> outputs) =>
        outputs[0] = new(call.Input(0).Shape, DType.Bool);

    protected override double Evaluate(double x) => x == 0 ? 1 : 0;

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) =>
        throw new AutogradException(NoBackwardReason);

    protected override IEnumerable<DType> CaseDTypes => DTypes.All;

    // Few different values, so that many are 0.
    protected override CaseInput DrawInput(DType dtype, long[] shape) =>
        new(shape, DrawKind.Integers, dtype is DType.UInt8 or DType.Bool ? 0 : -1, 2);
}

/// <summary>The logical complement.</summary>
public static class LogicalNotExtensions
{
    extension(Tensor input)
    {
        /// <summary>Whether an element is 0, as bool.</summary>
        public Tensor LogicalNot() => LogicalNotOp.Instance.Apply([input]);
    }
}
