namespace CudaNet.IO;

/// <summary>Image files of the formats that are read here, told apart by their contents.</summary>
public static class PictureFile
{
    /// <summary>The endings of the names of such files, in lower case.</summary>
    public static IReadOnlyList<string> Endings { get; } = [".png", ".ppm", ".pgm", ".pnm"];

    /// <summary>Reads a PNG, PGM or PPM file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="CorruptFileException">The contents are of no such format or break it.</exception>
    public static Picture Read(string path)
    {
        var contents = File.ReadAllBytes(path);
        if (PngReader.IsPng(contents))
            return PngReader.Read(contents, path);
        if (Netpbm.IsNetpbm(contents))
            return Netpbm.Read(contents, path);
        throw new CorruptFileException(
            path,
            "offset 0",
            "a PNG, PGM or PPM image",
            contents is [0xFF, 0xD8, ..] ? "a JPEG image" : "other contents",
            "Convert it to PNG."
        );
    }
}
