namespace CudaNet.Data;

/// <summary>A file to download, and how to know that it is the right one.</summary>
/// <param name="Name">Its name at the server and in the folder.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Sha256">Its checksum, in lower-case hexadecimal.</param>
public sealed record RemoteFile(string Name, long Bytes, string Sha256);

/// <summary>Where the files of a data set are.</summary>
/// <param name="Servers">Folders (URLs) that hold all of them; tried in this order.</param>
/// <param name="Files">The files.</param>
/// <param name="Unpack">What is then done in the folder, given its path; null for nothing.</param>
public sealed record DataDownload(
    IReadOnlyList<string> Servers,
    IReadOnlyList<RemoteFile> Files,
    Action<string>? Unpack = null
);

/// <summary>What it took to have a file.</summary>
public enum FetchOutcome
{
    /// <summary>It was there already.</summary>
    Present,

    /// <summary>It was downloaded as a whole.</summary>
    Downloaded,

    /// <summary>A part of it was there and the rest was downloaded.</summary>
    Resumed,
}

/// <summary>A file could not be downloaded; the message says from where, why, and what to do.</summary>
public sealed class DownloadException(string message, Exception? inner = null) : IOException(message, inner);
