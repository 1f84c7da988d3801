namespace CudaNet;

internal sealed class AllOp() : TruthOp("all")
{
    public static readonly AllOp Instance = new();

    internal override CpuKernel? Cpu => CpuReduceRows.All;

    protected override bool OfNothing => true;
}

/// <summary>Whether all elements are true.</summary>
public static class AllExtensions
{
    extension(Tensor input)
    {
        /// <summary>Whether no element over <paramref name="dim"/>, or of all when none is named, is 0; of any dtype. true over no
        /// elements.</summary>
        public Tensor All(ReadOnlySpan<long> dim = default, bool keepDim = false) =>
            AllOp.Instance.Apply([input], Attributes.Of(dim, keepDim));

        /// <summary>Whether no element along one axis is 0.</summary>
        public Tensor All(int dim, bool keepDim = false) => input.All([dim], keepDim);
    }
}
