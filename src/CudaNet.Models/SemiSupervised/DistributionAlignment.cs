using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>
/// Scales guesses so that, over time, the classes are guessed as often as they are: q ∝ p · (true frequency) / (mean guess). Source: Berthelot et al., "ReMixMatch", 2020, section 3.1; there the mean is over the
/// last 128 batches, here it is a moving average with a decay.
/// </summary>
public sealed class DistributionAlignment : IStateful
{
    private readonly Tensor _frequencies;
    private readonly Tensor _mean;
    private readonly double _decay;

    /// <summary>Guesses are at first taken to be as frequent as their classes.</summary>
    /// <param name="frequencies">How often each class is right; sums to 1.</param>
    /// <param name="decay">How much of the mean stays with each batch.</param>
    /// <exception cref="AttributeException">A frequency is not positive, they do not sum to 1, or the decay is not from 0 to 1.</exception>
    public DistributionAlignment(IReadOnlyList<double> frequencies, double decay = 0.99)
    {
        if (frequencies.Any(share => !(share > 0)) || Math.Abs(frequencies.Sum() - 1) > 1e-6)
            throw new AttributeException(
                $"DistributionAlignment: expected positive frequencies that sum to 1, got ({string.Join(", ", frequencies)})"
            );
        if (decay is not (>= 0 and <= 1))
            throw new AttributeException($"DistributionAlignment: expected a decay from 0 to 1, got {decay}");
        float[] values = [.. frequencies.Select(share => (float)share)];
        _frequencies = Tensor.From(values).Keep();
        _mean = Tensor.From(values).Keep();
        _decay = decay;
    }

    /// <summary>The mean guess so far, (C).</summary>
    public IReadOnlyList<float> Mean => _mean.ToArray<float>();

    /// <summary>Aligned guesses; the batch then joins the mean.</summary>
    /// <param name="guesses">(N, C) probabilities.</param>
    public Tensor Align(Tensor guesses)
    {
        var scaled = guesses * (_frequencies / _mean.Clone());
        _mean.CopyFrom<float>(_mean.Lerp(guesses.Mean(0), 1 - _decay).ToArray<float>());
        return scaled / scaled.Sum(1, keepDim: true);
    }

    /// <inheritdoc/>
    public void SaveState(TrainingState state) => state.Add("mean", _mean);

    /// <inheritdoc/>
    public void LoadState(TrainingState state) => state.Restore("mean", _mean);
}
