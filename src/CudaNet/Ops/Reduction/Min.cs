namespace CudaNet;

internal sealed class MinOp() : ExtremumOp("min", largest: false)
{
    public static readonly MinOp Instance = new();

    internal override CpuKernel? Cpu => CpuReduce.Min;
}

/// <summary>Minima.</summary>
public static class MinExtensions
{
    extension(Tensor input)
    {
        /// <summary>The smallest element over <paramref name="dim"/>, or over all axes when none is named. NaN wins. Elements that tie
        /// share the gradient equally.</summary>
        /// <exception cref="ShapeException">There are no elements to choose from.</exception>
        public Tensor Min(ReadOnlySpan<long> dim = default, bool keepDim = false) =>
            MinOp.Instance.Apply([input], Attributes.Of(dim, keepDim));

        /// <summary>The smallest element along one axis.</summary>
        public Tensor Min(int dim, bool keepDim = false) => input.Min([dim], keepDim);
    }
}
