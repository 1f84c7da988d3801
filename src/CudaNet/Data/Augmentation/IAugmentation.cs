using CudaNet.Random;

namespace CudaNet.Data;

/// <summary>
/// A change of an image that leaves what it shows recognisable. What it does is drawn from the stream that it is given and from nothing else, so the same image in the same epoch is
/// always changed in the same way.
/// </summary>
public interface IAugmentation
{
    /// <summary>Changes an image.</summary>
    /// <param name="image">Values in [0, 1], which they stay in.</param>
    /// <param name="random">Where to draw from, as much as needed.</param>
    void Apply(ImageCanvas image, ref PhiloxStream random);
}

/// <summary>What all augmentations share.</summary>
public static class Augmentation
{
    /// <summary>The stream that belongs to an image in an epoch.</summary>
    /// <param name="seed">The run's.</param>
    /// <param name="epoch">From 0.</param>
    /// <param name="item">The image's place in its data set.</param>
    public static PhiloxStream StreamOf(ulong seed, long epoch, long item)
    {
        var root = Philox.Block(seed, (ulong)item, (ulong)epoch);
        return new PhiloxStream(root.W0 | (ulong)root.W1 << 32, root.W2 | (ulong)root.W3 << 32);
    }

    /// <summary>One after the other.</summary>
    public static IAugmentation Chain(params IReadOnlyList<IAugmentation> steps) => new Steps(steps);

    /// <summary>A number between two, the upper one excluded.</summary>
    internal static double Between(ref PhiloxStream random, double low, double high) =>
        low + (high - low) * random.NextDouble();

    internal static void CheckProbability(double value, string name)
    {
        if (!(value is >= 0 and <= 1))
            throw new ArgumentOutOfRangeException(name, value, "a probability is from 0 to 1");
    }

    private sealed class Steps(IReadOnlyList<IAugmentation> steps) : IAugmentation
    {
        public void Apply(ImageCanvas image, ref PhiloxStream random)
        {
            foreach (var step in steps)
                step.Apply(image, ref random);
        }
    }
}
