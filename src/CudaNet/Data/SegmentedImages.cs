namespace CudaNet.Data;

/// <summary>Grey images of one size with a class number for every pixel.</summary>
/// <param name="Images">Count × Height × Width bytes, rows from the top, 0 dark to 255 bright.</param>
/// <param name="Masks">Count × Height × Width class numbers.</param>
/// <param name="Count">How many images.</param>
/// <param name="Height">Rows per image.</param>
/// <param name="Width">Pixels per row.</param>
public sealed record SegmentedImages(byte[] Images, byte[] Masks, int Count, int Height, int Width)
{
    /// <summary>A copy of the first items, all of them where there are fewer.</summary>
    public SegmentedImages First(int most)
    {
        var count = Math.Min(most, Count);
        return new(Images[..(count * Height * Width)], Masks[..(count * Height * Width)], count, Height, Width);
    }
}
