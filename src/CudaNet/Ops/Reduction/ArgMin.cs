namespace CudaNet;

internal sealed class ArgMinOp() : ArgExtremumOp("argmin", largest: false)
{
    public static readonly ArgMinOp Instance = new();

    internal override CpuKernel? Cpu => CpuReduce.ArgMin;
}

/// <summary>Positions of minima.</summary>
public static class ArgMinExtensions
{
    extension(Tensor input)
    {
        /// <summary>The position, i64, of the smallest element along <paramref name="dim"/>; without it, among all elements in C order.
        /// The first of several; NaN counts as smallest.</summary>
        /// <exception cref="ShapeException">There are no elements to choose from.</exception>
        public Tensor ArgMin(int? dim = null, bool keepDim = false) =>
            ArgMinOp.Instance.Apply([input], Attributes.Of(dim is { } axis ? new long[] { axis } : [], keepDim));
    }
}
