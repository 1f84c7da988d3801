using CudaNet.IO;

namespace CudaNet.Data;

/// <summary>The images of a folder with a sub-folder for each class.</summary>
/// <param name="Images">All images; labels are places in <paramref name="Classes"/>.</param>
/// <param name="Classes">The names of the sub-folders, sorted.</param>
/// <param name="Files">The files in the order of the images.</param>
public sealed record ImageFolder(LabeledImages Images, IReadOnlyList<string> Classes, IReadOnlyList<string> Files)
{
    private const int MostClasses = 256;

    /// <summary>
    /// Reads all PNG, PGM and PPM files of the sub-folders, sorted by class and name. If one image has colours, all get three channels.
    /// </summary>
    /// <param name="path">The folder.</param>
    /// <exception cref="DataNotFoundException">There is no such folder, no sub-folder, or no image in them.</exception>
    /// <exception cref="CorruptFileException">A file is damaged, or not of the size of the first.</exception>
    public static ImageFolder Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!Directory.Exists(path))
            throw new DataNotFoundException($"There is no folder '{Path.GetFullPath(path)}'.", path);
        var folders = Directory.GetDirectories(path).Order(StringComparer.Ordinal).ToList();
        var items = folders.SelectMany((folder, label) => FilesOf(folder).Select(file => (file, label))).ToList();
        if (items.Count == 0)
            throw new DataNotFoundException(
                $"No images in '{Path.GetFullPath(path)}'. Expected a sub-folder for each class with files "
                    + $"{string.Join(", ", PictureFile.Endings)}.",
                path
            );
        if (folders.Count > MostClasses)
            throw new DataNotFoundException(
                $"'{Path.GetFullPath(path)}' has {folders.Count} sub-folders; at most {MostClasses} classes are read.",
                path
            );
        var pictures = items.ConvertAll(item => PictureFile.Read(item.file));
        var (width, height) = (pictures[0].Width, pictures[0].Height);
        var channels = pictures.Max(picture => picture.Channels);
        var size = checked(width * height * channels);
        var images = new byte[checked(items.Count * size)];
        for (var i = 0; i < pictures.Count; i++)
        {
            if (pictures[i].Width != width || pictures[i].Height != height)
                throw new CorruptFileException(
                    items[i].file,
                    "size",
                    $"{width} × {height} pixels, as {Path.GetFileName(items[0].file)} has",
                    $"{pictures[i].Width} × {pictures[i].Height}",
                    "Scale the images to one size."
                );
            ToPlanes(pictures[i], channels, images.AsSpan(i * size, size));
        }
        byte[] labels = [.. items.Select(item => (byte)item.label)];
        return new ImageFolder(
            new LabeledImages(images, labels, items.Count, height, width, channels),
            [.. folders.Select(folder => Path.GetFileName(folder))],
            [.. items.Select(item => item.file)]
        );
    }

    private static IEnumerable<string> FilesOf(string folder) =>
        Directory
            .GetFiles(folder)
            .Where(file => PictureFile.Endings.Contains(Path.GetExtension(file).ToLowerInvariant()))
            .Order(StringComparer.Ordinal);

    private static void ToPlanes(Picture picture, int channels, Span<byte> planes)
    {
        var count = picture.Width * picture.Height;
        for (var channel = 0; channel < channels; channel++)
        for (var i = 0; i < count; i++)
            planes[channel * count + i] = picture.Pixels[
                i * picture.Channels + Math.Min(channel, picture.Channels - 1)
            ];
    }
}
