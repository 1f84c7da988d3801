using System.Numerics;

namespace CudaNet.Random;

/// <summary>
/// Random permutations without a table: the swap-or-not shuffle of Hoang, Morris and Rogaway (CRYPTO 2012). Each round pairs x with
/// K − x (mod n) and exchanges the two on a random bit that belongs to the pair, so where one element goes is found without the others.
/// </summary>
internal static class SwapOrNot
{
    private const int Chunk = 256;

    /// <summary>Rounds after which the permutation of n elements cannot be told from a uniform one.</summary>
    public static int Rounds(long n) => 24 + 4 * (n < 2 ? 0 : 64 - BitOperations.LeadingZeroCount((ulong)n - 1));

    /// <summary>The images of first, first + 1, …, one for each place of <paramref name="images"/>.</summary>
    public static void Map(ulong seed, ulong counter, long n, long first, Span<long> images)
    {
        if (images.IsEmpty)
            return;
        // The draw's one counter gives a key and a stream of its own, in which round r reads blocks 2r (pairs) and 2r + 1 (K).
        var root = Philox.Block(seed, counter, 0);
        var key = root.W0 | (ulong)root.W1 << 32;
        var stream = root.W2 | (ulong)root.W3 << 32;
        var rounds = Rounds(n);
        Span<ulong> shifts = stackalloc ulong[rounds];
        for (var r = 0; r < rounds; r++)
        {
            var block = Philox.Block(key, 0, stream + 2 * (ulong)r + 1);
            shifts[r] = (block.W0 | (ulong)block.W1 << 32) % (ulong)n;
        }
        for (var i = 0; i < images.Length; i++)
            images[i] = first + i;
        // Rounds outside, elements inside: blocks of one round do not wait for each other.
        for (var start = 0; start < images.Length; start += Chunk)
        {
            var part = images.Slice(start, Math.Min(Chunk, images.Length - start));
            for (var r = 0; r < rounds; r++)
                Round(part, key, stream + 2 * (ulong)r, (long)shifts[r], n);
        }
    }

    private static void Round(Span<long> part, ulong key, ulong stream, long shift, long n)
    {
        for (var i = 0; i < part.Length; i++)
        {
            var x = part[i];
            var partner = shift - x;
            partner += partner < 0 ? n : 0;
            var pair = Math.Max(x, partner);
            part[i] = (Philox.Block(key, (ulong)pair, stream).W0 & 1) != 0 ? partner : x;
        }
    }
}
