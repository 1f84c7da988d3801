namespace CudaNet;

/// <summary>What losses share.</summary>
internal static class Losses
{
    /// <summary>The losses themselves, their sum or their mean.</summary>
    public static Tensor Reduce(Tensor losses, Reduction reduction) =>
        reduction switch
        {
            Reduction.None => losses,
            Reduction.Sum => losses.Sum(),
            _ => losses.Mean(),
        };
}
