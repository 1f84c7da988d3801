namespace CudaNet.Nn;

/// <summary>During training, sets each element to zero with probability p and scales the others by 1/(1 − p) (Srivastava et al. 2014).</summary>
public sealed class Dropout(double p = 0.5, Generator? generator = null) : Module<Tensor, Tensor>
{
    /// <summary>The probability of being dropped.</summary>
    public double P { get; } =
        p is >= 0 and <= 1
            ? p
            : throw new ArgumentOutOfRangeException(nameof(p), p, "a probability lies between 0 and 1");

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Dropout(P, IsTraining, generator);
}
