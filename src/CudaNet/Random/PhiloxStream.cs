namespace CudaNet.Random;

/// <summary>
/// A sequence of random numbers on the host, read off <see cref="Philox"/> in order: counter words 0 and 1 count the
/// blocks, words 2 and 3 hold the stream's number, so streams of one seed never overlap.
/// </summary>
/// <remarks>
/// A mutable struct: pass it by <c>ref</c>, because a copy continues on its own from the same position. Not for
/// concurrent use. Values of the same (seed, stream) are the same on every platform, except that
/// <see cref="NextNormal"/> goes through <see cref="Math.Log(double)"/>, <see cref="Math.Cos"/> and
/// <see cref="Math.Sin"/>, whose last bit belongs to the platform's C library.
/// </remarks>
public struct PhiloxStream
{
    private readonly ulong _seed;
    private readonly ulong _stream;
    private ulong _position;
    private (uint W0, uint W1, uint W2, uint W3) _block;
    private double _spareNormal;
    private bool _hasSpareNormal;

    /// <summary>Starts a stream at its first word.</summary>
    /// <param name="seed">The generator's key.</param>
    /// <param name="stream">Which of the 2^64 independent sequences of that key.</param>
    public PhiloxStream(ulong seed, ulong stream)
    {
        _seed = seed;
        _stream = stream;
    }

    /// <summary>How many 32-bit words have been consumed (a double takes two).</summary>
    public readonly ulong Position => _position;

    /// <summary>The next word, uniform over all 2^32 values.</summary>
    public uint NextUInt()
    {
        uint lane = (uint)_position & 3;
        if (lane == 0)
        {
            _block = Philox.Block(_seed, _position >> 2, _stream);
        }

        _position++;
        return lane switch
        {
            0 => _block.W0,
            1 => _block.W1,
            2 => _block.W2,
            _ => _block.W3,
        };
    }

    /// <summary>The next float32, uniform in [0, 1) on the grid of 2^-24.</summary>
    public float NextFloat() => Philox.ToFloat(NextUInt());

    /// <summary>The next float64, uniform in [0, 1) on the grid of 2^-53; consumes two words, low then high.</summary>
    public double NextDouble()
    {
        uint low = NextUInt();
        uint high = NextUInt();
        return Philox.ToDouble(low, high);
    }

    /// <summary>
    /// The next draw from the standard normal distribution, by the Box–Muller transform (G. E. P. Box, M. E. Muller,
    /// "A note on the generation of random normal deviates", 1958). Every other call returns the pair's second value.
    /// </summary>
    public double NextNormal()
    {
        if (_hasSpareNormal)
        {
            _hasSpareNormal = false;
            return _spareNormal;
        }

        // 1 - u lies in (0, 1], so that the logarithm is finite.
        double radius = Math.Sqrt(-2.0 * Math.Log(1.0 - NextDouble()));
        (double sin, double cos) = Math.SinCos(2.0 * Math.PI * NextDouble());
        _spareNormal = radius * sin;
        _hasSpareNormal = true;
        return radius * cos;
    }

    /// <summary>
    /// The next integer, uniform in [0, <paramref name="bound"/>) without bias (D. Lemire, "Fast random integer
    /// generation in an interval", 2019). Consumes one word, rarely more.
    /// </summary>
    /// <param name="bound">The exclusive upper end; at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="bound"/> is less than 1.</exception>
    public int NextInt(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bound, 1);
        uint range = (uint)bound;
        ulong product = (ulong)NextUInt() * range;
        if ((uint)product < range)
        {
            uint threshold = unchecked(0u - range) % range;
            while ((uint)product < threshold)
            {
                product = (ulong)NextUInt() * range;
            }
        }

        return (int)(product >> 32);
    }
}
