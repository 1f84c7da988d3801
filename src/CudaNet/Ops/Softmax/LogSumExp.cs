namespace CudaNet;

internal sealed class LogSumExpOp() : ReductionOp("logsumexp")
{
    public static readonly LogSumExpOp Instance = new();

    protected internal override Saved Saves => Saved.Inputs(0).AndOutputs(0);

    internal override CpuKernel? Cpu => CpuReduceRows.LogSumExp;

    protected override bool TakesIntegers => false;

    public override void Reference(ReferenceCall call)
    {
        var (x, y) = (call.Input(), call.Output());
        foreach (var (output, inputs) in Groups(x.Shape, call.Attributes.Ints(0), Name))
        {
            var sum = ExpSum.Of([.. inputs.Select(i => x[i])]);
            y[output] = sum.Log;
            y.Magnitude[output] = sum.LogMagnitude;
            y.Terms = Math.Max(inputs.Count, 1);
        }
    }

    protected internal override void Backward(BackwardCall call)
    {
        var kept = call.InputShape(0).Reduce(call.Attributes.Ints(0), keepAxes: true, Name);
        var output = call.Output().Reshape(kept);
        // Of nothing but −∞ the differences would be NaN; measured from 0, the shares are 0.
        var origin = Tensor.Where(output.Eq(double.NegativeInfinity), 0, output);
        call.Set(0, Spread(call, call.GradOutput()).Mul(call.Input(0).Sub(origin).Exp()));
    }

    public override double Flops(in OpCall call) => 4.0 * call.Input(0).NumElements;

    protected override CaseInput DrawInput(params long[] shape) => Draw.Uniform(-6, 6, shape);
}

/// <summary>Logarithms of sums of exponentials.</summary>
public static class LogSumExpExtensions
{
    extension(Tensor input)
    {
        /// <summary>log Σ exp(input) over <paramref name="dim"/>, or over all axes when none is named, computed from input − max, so that
        /// it never overflows. −∞ over no elements and over nothing but −∞, where the gradient is 0.</summary>
        public Tensor LogSumExp(ReadOnlySpan<long> dim = default, bool keepDim = false) =>
            LogSumExpOp.Instance.Apply([input], Attributes.Of(dim, keepDim));

        /// <summary>log Σ exp(input) along one axis.</summary>
        public Tensor LogSumExp(int dim, bool keepDim = false) => input.LogSumExp([dim], keepDim);
    }
}
