using System.Runtime.CompilerServices;

namespace CudaNet.Random;

/// <summary>
/// Philox4x32-10, the counter-based random number generator behind every random value in CudaNet.
/// </summary>
/// <remarks>
/// <para>
/// A counter-based generator is a pure function of (seed, counter), so element i of a tensor gets the same value on
/// every device and for every launch geometry, and a draw is replayed by repeating the counter.
/// </para>
/// <para>
/// Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011;
/// bit for bit the <c>philox4x32</c> of Random123 with 10 rounds.
/// </para>
/// </remarks>
public static class Philox
{
    private const uint Multiplier0 = 0xD2511F53;
    private const uint Multiplier1 = 0xCD9E8D57;

    // The Weyl increments of the key schedule: the golden ratio and sqrt(3) - 1, each times 2^32.
    private const uint Weyl0 = 0x9E3779B9;
    private const uint Weyl1 = 0xBB67AE85;

    private const float TwoToMinus24 = 1.0f / (1 << 24);
    private const double TwoToMinus53 = 1.0 / (1L << 53);

    /// <summary>The four 32-bit words of one counter position.</summary>
    /// <param name="seed">The key: its low word is key[0], its high word key[1].</param>
    /// <param name="counterLow">Counter words 0 (low half) and 1 (high half).</param>
    /// <param name="counterHigh">Counter words 2 (low half) and 3 (high half).</param>
    /// <returns>Output words 0 to 3, each uniform over all 32-bit values.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (uint W0, uint W1, uint W2, uint W3) Block(ulong seed, ulong counterLow, ulong counterHigh)
    {
        uint k0 = (uint)seed;
        uint k1 = (uint)(seed >> 32);
        uint c0 = (uint)counterLow;
        uint c1 = (uint)(counterLow >> 32);
        uint c2 = (uint)counterHigh;
        uint c3 = (uint)(counterHigh >> 32);
        for (int round = 0; round < 10; round++)
        {
            ulong p0 = (ulong)Multiplier0 * c0;
            ulong p1 = (ulong)Multiplier1 * c2;
            c0 = (uint)(p1 >> 32) ^ c1 ^ k0;
            c1 = (uint)p1;
            c2 = (uint)(p0 >> 32) ^ c3 ^ k1;
            c3 = (uint)p0;
            unchecked
            {
                k0 += Weyl0;
                k1 += Weyl1;
            }
        }

        return (c0, c1, c2, c3);
    }

    /// <summary>One word as a float32 in [0, 1): its top 24 bits times 2^-24, so every value is exact.</summary>
    /// <param name="word">A random word.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ToFloat(uint word) => (word >> 8) * TwoToMinus24;

    /// <summary>Two words as a float64 in [0, 1): the top 53 bits of (low | high·2^32) times 2^-53.</summary>
    /// <param name="low">The word that makes the low half.</param>
    /// <param name="high">The word that makes the high half.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double ToDouble(uint low, uint high) => ((low | ((ulong)high << 32)) >> 11) * TwoToMinus53;
}
