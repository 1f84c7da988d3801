namespace CudaNet;

internal sealed class MeanOp() : ReductionOp("mean")
{
    public static readonly MeanOp Instance = new();

    internal override CpuKernel? Cpu => CpuReduce.Mean;

    protected override bool TakesIntegers => false;

    public override void Reference(ReferenceCall call)
    {
        var (x, y) = (call.Input(), call.Output());
        foreach (var (output, inputs) in Groups(x.Shape, call.Attributes.Ints(0), Name))
        {
            foreach (var i in inputs)
            {
                y[output] += x[i] / inputs.Count;
                y.Magnitude[output] += Math.Abs(x[i]) / inputs.Count;
            }
            if (inputs.Count == 0)
                y[output] = double.NaN;
            y.Terms = Math.Max(inputs.Count, 1);
        }
    }

    protected internal override void Backward(BackwardCall call)
    {
        var shape = call.InputShape(0);
        var terms =
            (double)shape.NumElements
            / Math.Max(1, shape.Reduce(call.Attributes.Ints(0), keepAxes: true, Name).NumElements);
        call.Set(0, Spread(call, call.GradOutput().Affine(1 / terms)));
    }

    public override double Flops(in OpCall call) => call.Input(0).NumElements;
}

/// <summary>Means.</summary>
public static class MeanExtensions
{
    extension(Tensor input)
    {
        /// <summary>The mean over <paramref name="dim"/>, or over all axes when none is named; NaN over no elements.</summary>
        public Tensor Mean(ReadOnlySpan<long> dim = default, bool keepDim = false) =>
            MeanOp.Instance.Apply([input], Attributes.Of(dim, keepDim));

        /// <summary>The mean over one axis.</summary>
        public Tensor Mean(int dim, bool keepDim = false) => input.Mean([dim], keepDim);
    }
}
