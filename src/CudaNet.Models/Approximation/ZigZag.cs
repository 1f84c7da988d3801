using CudaNet.Nn;

namespace CudaNet.Models;

/// <summary>
/// The function on [0, 1] with the values 0, 1, 0, 1, 0 at 0, 1/6, 2/6, 4/6 and 1, made of three hidden units; composed with itself it has 4^copies
/// pieces, which shows what depth can do (UDL, problem 4.8).
/// </summary>
public static class ZigZag
{
    /// <summary>One network: hidden slopes 1, 1, −1, joints 1/6, 2/6, 4/6.</summary>
    public static ShallowNetwork Network() =>
        new(4, [new(-1.0 / 6, 1, -12), new(-2.0 / 6, 1, 9), new(4.0 / 6, -1, -6)]);

    /// <summary>Several copies one after the other; (N, 1) → (N, 1), with 4^copies pieces on [0, 1].</summary>
    public static Sequential Compose(int copies)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(copies, 1);
        return new Sequential([.. Enumerable.Range(0, copies).Select(_ => Network())]);
    }
}
