namespace CudaNet.Nn;

/// <summary>
/// The two ways in which label smoothing is written. Cross entropy here, as in PyTorch and in Szegedy et al. 2016, spreads ε over all C classes, so that the right one
/// keeps 1 − ε + ε/C; UDL's problem 9.4 takes a mass from the right class and spreads it over the others. Both are cross entropies against the smoothed target.
/// (The answer printed there, the logarithm of a mixed probability, is none.)
/// </summary>
public static class LabelSmoothing
{
    /// <summary>The ε for <c>CrossEntropy(labelSmoothing: ε)</c> that takes <paramref name="mass"/> from the right class and gives each other one an equal part: mass·C/(C − 1).</summary>
    /// <param name="mass">From 0 to (C − 1)/C.</param>
    /// <param name="classes">C, at least 2.</param>
    /// <exception cref="AttributeException">The mass would leave the right class less than the others.</exception>
    public static double FromOtherClasses(double mass, long classes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        var smoothing = mass * classes / (classes - 1);
        return mass >= 0 && smoothing <= 1
            ? smoothing
            : throw new AttributeException(
                $"LabelSmoothing: of {classes} classes the wrong ones can be given from 0 to {(classes - 1.0) / classes}, got {mass}"
            );
    }
}
