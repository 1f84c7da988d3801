using CudaNet.Data;
using CudaNet.IO;

namespace CudaNet.Models;

/// <summary>Reads digits that a user has: a picture of one, drawn or photographed, or arrays of many.</summary>
internal static class DigitFiles
{
    private const string Expected = "a PNG picture of a digit, or an .npz or .npy file of images";
    private const string ArrayName = "images";

    /// <summary>The images of a file. Their labels, which nobody knows, are 0.</summary>
    /// <exception cref="RecipeOptionException">There is no such file, or it is none of images.</exception>
    /// <exception cref="CorruptFileException">The file is damaged.</exception>
    public static LabeledImages Read(string path)
    {
        if (!File.Exists(path))
            throw new RecipeOptionException($"--in {path}: there is no such file; expected {Expected}");
        Span<byte> start = stackalloc byte[8];
        using (var stream = File.OpenRead(path))
            start = start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        if (PngReader.IsPng(start))
            return Labeled(
                Prepare(PngReader.Read(path)) ?? throw new RecipeOptionException($"--in {path}: nothing is drawn in it")
            );
        if (start.StartsWith("PK"u8))
            return FromArray(path, Choose(path, Npz.Read(path)));
        if (start is [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', ..])
            return FromArray(path, Npy.Read(path));
        throw new RecipeOptionException($"--in {path}: expected {Expected}");
    }

    private static LabeledImages Labeled(byte[] pixels)
    {
        var count = pixels.Length / DigitTraining.Pixels;
        return new(pixels, new byte[count], count, DigitTraining.Height, DigitTraining.Width);
    }

    private static NamedArray Choose(string path, IReadOnlyList<NamedArray> arrays) =>
        arrays.Count == 1
            ? arrays[0]
            : arrays.FirstOrDefault(array => array.Name == ArrayName)
                ?? throw new RecipeOptionException(
                    $"--in {path}: it holds {arrays.Count} arrays; expected one, or one that is called {ArrayName}"
                );

    private static LabeledImages FromArray(string path, NamedArray array)
    {
        var isShaped = array.Shape is [.., DigitTraining.Height, DigitTraining.Width] or [.., DigitTraining.Pixels];
        var tensor = isShaped ? array.ToTensor() : null;
        if (tensor is null || tensor.NumElements == 0)
            throw new RecipeOptionException(
                $"--in {path}: '{array.Name}' has shape {new Shape(array.Shape)}; expected (N, {DigitTraining.Height}, {DigitTraining.Width}) or (N, {DigitTraining.Pixels})"
            );
        if (array.Type == DType.UInt8)
            return Labeled(array.Bytes);
        var values = tensor.ToDoubles();
        if (values.Any(value => value is not (>= 0 and <= 1)))
            throw new RecipeOptionException(
                $"--in {path}: '{array.Name}' has values outside 0 (background) to 1 (ink); for 0 to 255 store u1"
            );
        return Labeled([.. values.Select(value => (byte)Math.Round(value * 255))]);
    }

    /// <summary>
    /// A picture as the images of MNIST were made (LeCun, Bottou, Bengio, Haffner 1998, section III.A): bright ink on black, the digit
    /// scaled to fit 20 × 20, its centre of mass in the middle of 28 × 28. Null when nothing is drawn.
    /// </summary>
    private static byte[]? Prepare(Picture picture)
    {
        var ink = Ink(picture);
        if (picture is { Height: DigitTraining.Height, Width: DigitTraining.Width })
            return ink;
        return InkBox.Of(ink, picture.Width, picture.Height)?.Centred();
    }

    /// <summary>Brightness, inverted when the paper is brighter than the ink.</summary>
    private static byte[] Ink(Picture picture)
    {
        var (pixels, channels) = (picture.Pixels, picture.Channels);
        var ink = new byte[picture.Width * picture.Height];
        for (var i = 0; i < ink.Length; i++)
            ink[i] =
                channels == 1
                    ? pixels[i]
                    : (byte)Math.Round(0.299 * pixels[3 * i] + 0.587 * pixels[3 * i + 1] + 0.114 * pixels[3 * i + 2]);
        if (InkBox.Paper(ink, picture.Width, picture.Height) > 127)
            for (var i = 0; i < ink.Length; i++)
                ink[i] = (byte)(255 - ink[i]);
        return ink;
    }
}
