using System.Runtime.CompilerServices;

namespace CudaNet.Random;

/// <summary>
/// How draws are made of Philox words: the same formulas as kernels/device/philox.cuh, so that all devices agree. A counter serves four
/// elements, or two where f64 values take two words each.
/// </summary>
internal static class RandomFormulas
{
    private const double TwoToMinus24 = 1.0 / (1 << 24);
    private const double TwoToMinus53 = 1.0 / (1L << 53);

    /// <summary>Elements for each counter of uniform and normal draws.</summary>
    public static int Lanes(DType dtype) => dtype == DType.Float64 ? 2 : 4;

    /// <summary>How many counters <paramref name="count"/> elements take.</summary>
    public static long Counters(long count, int lanes) => (count + lanes - 1) / lanes;

    /// <summary>Word <paramref name="lane"/> of a block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Word(in (uint W0, uint W1, uint W2, uint W3) block, int lane) =>
        lane switch
        {
            0 => block.W0,
            1 => block.W1,
            2 => block.W2,
            _ => block.W3,
        };

    /// <summary>Uniform values on [0, 1): two of 53 bits or four of 24.</summary>
    public static void Uniform(in (uint W0, uint W1, uint W2, uint W3) block, Span<double> lanes)
    {
        if (lanes.Length == 2)
        {
            lanes[0] = Philox.ToDouble(block.W0, block.W1);
            lanes[1] = Philox.ToDouble(block.W2, block.W3);
            return;
        }
        for (var lane = 0; lane < lanes.Length; lane++)
            lanes[lane] = Philox.ToFloat(Word(block, lane));
    }

    /// <summary>
    /// Standard normal values by the method of Box and Muller (1958): each pair of uniforms gives a pair. The first uniform of a pair is
    /// taken from (0, 1], as its logarithm is.
    /// </summary>
    public static void Normal(in (uint W0, uint W1, uint W2, uint W3) block, Span<double> lanes)
    {
        Uniform(block, lanes);
        var step = lanes.Length == 2 ? TwoToMinus53 : TwoToMinus24;
        for (var pair = 0; pair < lanes.Length; pair += 2)
        {
            var radius = Math.Sqrt(-2 * Math.Log(lanes[pair] + step));
            var (sin, cos) = double.SinCosPi(2 * lanes[pair + 1]);
            (lanes[pair], lanes[pair + 1]) = (radius * cos, radius * sin);
        }
    }
}
