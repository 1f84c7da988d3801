namespace CudaNet;

internal sealed class StdOp() : VarianceOp("std")
{
    public static readonly StdOp Instance = new();

    protected internal override Saved Saves => Saved.Inputs(0).AndOutputs(0);

    internal override CpuKernel? Cpu => CpuReduceRows.Std;

    protected override (double, double) Finish(double variance, double magnitude)
    {
        var root = Math.Sqrt(variance);
        return (root, root == 0 ? 0 : magnitude / (2 * root));
    }

    protected internal override void Backward(BackwardCall call)
    {
        var output = call.Output();
        // The root has no derivative at 0; 0 is a subgradient, as PyTorch has it.
        var flat = output.Eq(0);
        var perVariance = Tensor.Where(flat, 0, call.GradOutput().Div(Tensor.Where(flat, 1, output).Affine(2)));
        call.Set(0, Spread(call, perVariance).Mul(TwiceDeviation(call)));
    }
}

/// <summary>Standard deviations.</summary>
public static class StdExtensions
{
    extension(Tensor input)
    {
        /// <summary>The square root of the variance over <paramref name="dim"/>, or over all axes when none is named. The gradient where it
        /// is 0 is 0.</summary>
        public Tensor Std(ReadOnlySpan<long> dim = default, long correction = 1, bool keepDim = false) =>
            StdOp.Instance.Apply([input], Attributes.Of(dim, keepDim, correction));

        /// <summary>The standard deviation along one axis.</summary>
        public Tensor Std(int dim, long correction = 1, bool keepDim = false) => input.Std([dim], correction, keepDim);
    }
}
