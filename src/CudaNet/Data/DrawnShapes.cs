using CudaNet.Random;

namespace CudaNet.Data;

/// <summary>
/// A data set for segmentation that the program draws itself: 48 × 48 grey images of one to four discs, rectangles and triangles on a shaded, noisy ground, with the
/// class of every pixel. A shape is brighter or darker than the ground, and covers those that
/// were drawn before it.
/// </summary>
/// <remarks>
/// Item i is a function of (seed, i) alone. Only operations that IEEE 754 rounds exactly are used, so the bytes are the same on every platform.
/// </remarks>
public static class DrawnShapes
{
    /// <summary>Rows of an image.</summary>
    public const int Height = 48;

    /// <summary>Pixels per row of an image.</summary>
    public const int Width = 48;

    private const int Pixels = Height * Width;

    // Test items are numbered from here, so that the test set is the same whatever the size of the training set.
    private const long FirstTestItem = 1L << 40;

    // A pixel is this many points in each direction, so that edges are smooth.
    private const int Points = 3;

    /// <summary>The names of the classes by number.</summary>
    public static IReadOnlyList<string> Classes { get; } = ["ground", "disc", "rectangle", "triangle"];

    /// <summary>A training and a test set.</summary>
    /// <param name="seed">Another seed gives other images.</param>
    /// <param name="trainCount">Training items.</param>
    /// <param name="testCount">Test items.</param>
    public static (SegmentedImages Train, SegmentedImages Test) Load(
        ulong seed = 1,
        int trainCount = 1500,
        int testCount = 300
    ) => (Draw(seed, trainCount), Draw(seed, testCount, FirstTestItem));

    /// <summary>Draws items in a row, on all cores.</summary>
    /// <param name="seed">The set's seed.</param>
    /// <param name="count">How many.</param>
    /// <param name="first">The number of the first item, at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is negative, or the images pass 2 GiB.</exception>
    public static SegmentedImages Draw(ulong seed, int count, long first = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Array.MaxLength / Pixels);
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, long.MaxValue - count);
        var (images, masks) = (new byte[count * Pixels], new byte[count * Pixels]);
        Parallel.For(
            0,
            count,
            i => DrawItem(seed, first + i, images.AsSpan(i * Pixels, Pixels), masks.AsSpan(i * Pixels, Pixels))
        );
        return new SegmentedImages(images, masks, count, Height, Width);
    }

    private static void DrawItem(ulong seed, long index, Span<byte> image, Span<byte> mask)
    {
        var random = new PhiloxStream(seed, (ulong)index);
        Span<float> ground = stackalloc float[Pixels];
        Span<float> light = stackalloc float[Pixels];
        Ground(ref random, ground);
        ground.CopyTo(light);
        mask.Clear();
        var shapes = 1 + random.NextInt(4);
        for (var s = 0; s < shapes; s++)
            Paint(ref random, ground, light, mask);
        var grain = 4f + 14f * random.NextFloat();
        for (var i = 0; i < Pixels; i++)
            image[i] = (byte)Math.Clamp(light[i] + grain * Bell(random.NextUInt()) + 0.5f, 0f, 255f);
    }

    /// <summary>A plane of light that rises towards one side.</summary>
    private static void Ground(ref PhiloxStream random, Span<float> light)
    {
        var middle = 90f + 75f * random.NextFloat();
        var slopeX = 1.2f * (2 * random.NextFloat() - 1);
        var slopeY = 1.2f * (2 * random.NextFloat() - 1);
        for (var i = 0; i < Pixels; i++)
            light[i] = middle + slopeX * (i % Width - Width / 2) + slopeY * (i / Width - Height / 2);
    }

    private static void Paint(ref PhiloxStream random, ReadOnlySpan<float> ground, Span<float> light, Span<byte> mask)
    {
        var shape = 1 + random.NextInt(3);
        var centreX = 6 + (Width - 12) * random.NextFloat();
        var centreY = 6 + (Height - 12) * random.NextFloat();
        var radius = 6 + 8 * random.NextFloat();
        var ratio = 0.6f + 0.4f * random.NextFloat();
        // A direction as a unit vector: a point of the square, drawn again until it lies in the ring.
        float cos,
            sin,
            length;
        do
        {
            (cos, sin) = (2 * random.NextFloat() - 1, 2 * random.NextFloat() - 1);
            length = cos * cos + sin * sin;
        } while (length is < 0.01f or > 1);
        length = MathF.Sqrt(length);
        (cos, sin) = (cos / length, sin / length);
        var contrast = (45 + 60 * random.NextFloat()) * (random.NextInt(2) == 0 ? 1 : -1);
        for (var y = 0; y < Height; y++)
        for (var x = 0; x < Width; x++)
        {
            var covered = 0;
            for (var point = 0; point < Points * Points; point++)
            {
                var dx = x + (point % Points + 0.5f) / Points - centreX;
                var dy = y + (point / Points + 0.5f) / Points - centreY;
                var (u, v) = ((cos * dx + sin * dy) / radius, (cos * dy - sin * dx) / radius);
                if (IsInside(shape, u, v, ratio))
                    covered++;
            }
            var share = covered / (float)(Points * Points);
            var pixel = y * Width + x;
            light[pixel] += (ground[pixel] + contrast - light[pixel]) * share;
            if (share > 0.5f)
                mask[pixel] = (byte)shape;
        }
    }

    /// <summary>Whether a point, from the centre and in radii, lies in a disc, a rectangle, or a triangle of equal sides.</summary>
    private static bool IsInside(int shape, float u, float v, float ratio) =>
        shape switch
        {
            1 => u * u + v * v < 0.81f,
            2 => Math.Abs(u) < 0.9f && Math.Abs(v) < 0.9f * ratio,
            _ => v > -0.5f && v + 1.7320508f * Math.Abs(u) < 1,
        };

    // Nearly normal with unit variance: the sum of a word's four bytes.
    private static float Bell(uint word)
    {
        const float deviation = 147.80f;
        var sum = (word & 255) + ((word >> 8) & 255) + ((word >> 16) & 255) + (word >> 24);
        return (sum - 510f) / deviation;
    }
}
