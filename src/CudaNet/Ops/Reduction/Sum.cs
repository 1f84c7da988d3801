namespace CudaNet;

internal sealed class SumOp() : ReductionOp("sum")
{
    public static readonly SumOp Instance = new();

    internal override CpuKernel? Cpu => CpuReduce.Sum;

    protected override DType RequireDType(in OpCall call) =>
        call.Input(0).DType is { IsFloating: true } dtype ? dtype : DType.Int64;

    public override void Reference(ReferenceCall call)
    {
        var (x, y) = (call.Input(), call.Output());
        foreach (var (output, inputs) in Groups(x.Shape, call.Attributes.Ints(0), Name))
        {
            foreach (var i in inputs)
            {
                y[output] += x[i];
                y.Magnitude[output] += Math.Abs(x[i]);
            }
            y.Terms = Math.Max(inputs.Count, 1);
        }
    }

    protected internal override void Backward(BackwardCall call) => call.Set(0, Spread(call, call.GradOutput()));

    public override double Flops(in OpCall call) => call.Input(0).NumElements;
}

/// <summary>Sums.</summary>
public static class SumExtensions
{
    extension(Tensor input)
    {
        /// <summary>The sum over <paramref name="dim"/>, or over all axes when none is named; 0 over no elements. Accumulates in f32
        /// (f64 for f64). Integers and booleans give i64, exactly.</summary>
        public Tensor Sum(ReadOnlySpan<long> dim = default, bool keepDim = false) =>
            SumOp.Instance.Apply([input], Attributes.Of(dim, keepDim));

        /// <summary>The sum over one axis.</summary>
        public Tensor Sum(int dim, bool keepDim = false) => input.Sum([dim], keepDim);
    }
}
