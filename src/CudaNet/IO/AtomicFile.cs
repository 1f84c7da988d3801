namespace CudaNet.IO;

/// <summary>
/// Replaces a file as a whole: a reader, or a program that starts after a crash, sees the old contents or the new ones
/// and never a part.
/// </summary>
public static class AtomicFile
{
    /// <summary>
    /// Writes a temporary file beside <paramref name="path"/>, flushes it to the disk and renames it over
    /// <paramref name="path"/>. After a power cut the file is either the old or the new one.
    /// </summary>
    /// <param name="path">The file to make or replace. Its folder must exist.</param>
    /// <param name="write">Writes the contents. When it throws, <paramref name="path"/> is left as it was.</param>
    /// <exception cref="IOException">The file cannot be written, or the disk is full.</exception>
    /// <exception cref="DirectoryNotFoundException">The folder does not exist.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or the file may not be written.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        string full = Path.GetFullPath(path);

        // A symbolic link keeps pointing: its target is replaced, not the link.
        var link = new FileInfo(full);
        if (link.LinkTarget is not null && link.ResolveLinkTarget(returnFinalTarget: true) is { } target)
        {
            full = target.FullName;
        }

        string folder = Path.GetDirectoryName(full) ?? throw new IOException($"{path} names a root, not a file.");

        // Same folder, so that the rename stays within one file system; a unique name, so that writers do not collide.
        string temporary = Path.Combine(folder, $".{Path.GetFileName(full)}.{Guid.NewGuid():N}.tmp");
        bool created = false;
        try
        {
            using (
                var stream = new FileStream(
                    temporary,
                    FileMode.CreateNew,
                    FileAccess.ReadWrite,
                    FileShare.None,
                    1 << 16
                )
            )
            {
                created = true;
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            if (!OperatingSystem.IsWindows() && File.Exists(full))
            {
                File.SetUnixFileMode(temporary, File.GetUnixFileMode(full));
            }

            File.Move(temporary, full, overwrite: true);
            created = false;
        }
        finally
        {
            if (created)
            {
                DeleteQuietly(temporary);
            }
        }
    }

    /// <summary><see cref="Write(string, Action{Stream})"/> for contents that are already in memory.</summary>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="contents">The bytes.</param>
    public static void WriteAllBytes(string path, ReadOnlyMemory<byte> contents) =>
        Write(path, stream => stream.Write(contents.Span));

    /// <summary><see cref="Write(string, Action{Stream})"/> for text, as UTF-8 without a byte-order mark.</summary>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="text">The text.</param>
    public static void WriteAllText(string path, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        WriteAllBytes(path, System.Text.Encoding.UTF8.GetBytes(text));
    }

    private static void DeleteQuietly(string temporary)
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The write's own exception is the one to report; a left-over temporary file harms nobody.
        }
    }
}
