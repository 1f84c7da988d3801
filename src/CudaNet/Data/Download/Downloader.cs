using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;

namespace CudaNet.Data;

/// <summary>
/// Downloads files of known size and SHA-256. What has arrived is kept in a file <c>NAME.part</c>, from which a later call goes on; a file gets its name only when its contents are
/// right.
/// </summary>
public sealed class Downloader : IDisposable
{
    private const string PartSuffix = ".part";

    // How often a connection that breaks is made again before the next server is tried.
    private const int Attempts = 3;

    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan SilenceLimit = TimeSpan.FromSeconds(60);

    private readonly HttpClient _client = new(new SocketsHttpHandler { ConnectTimeout = ConnectLimit })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    /// <summary>Sees to it that a file is in a folder.</summary>
    /// <param name="file">The file.</param>
    /// <param name="servers">Folders (URLs) that hold it; tried in this order.</param>
    /// <param name="folder">Where to put it; made when it is not there.</param>
    /// <param name="progress">Told how many bytes are there, or null.</param>
    /// <exception cref="DownloadException">No server gave the right file.</exception>
    /// <exception cref="DataExistsException">There is another file of this name.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public FetchOutcome Fetch(
        RemoteFile file,
        IReadOnlyList<string> servers,
        string folder,
        Action<long>? progress = null
    )
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(servers);
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, file.Name);
        if (File.Exists(path))
            return IsRight(file, path)
                ? FetchOutcome.Present
                : throw new DataExistsException(
                    $"{path} is there already, but it is another file; remove it, or choose another folder"
                );
        var problems = new List<DownloadException>();
        foreach (var server in servers)
            try
            {
                return FetchFrom(file, new Uri($"{server.TrimEnd('/')}/{file.Name}"), path, progress);
            }
            catch (DownloadException e)
            {
                problems.Add(e);
            }
        throw new DownloadException(
            $"{string.Join("; ", problems.Select(problem => problem.Message))}. Run the command again to go on, or put {file.Name} into "
                + $"{Path.GetFullPath(folder)} yourself.",
            problems.FirstOrDefault()
        );
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private FetchOutcome FetchFrom(RemoteFile file, Uri address, string path, Action<long>? progress)
    {
        var part = path + PartSuffix;
        var resumed = false;
        for (var attempt = 1; ; attempt++)
        {
            var first = StartOf(file, part);
            resumed |= first > 0;
            try
            {
                if (first < file.Bytes)
                    Receive(file, address, part, first, progress);
            }
            catch (Exception e) when (e is HttpRequestException or CutException)
            {
                var isCut = LengthOf(part) > first;
                if (isCut && attempt < Attempts)
                    continue;
                throw new DownloadException(
                    isCut
                        ? $"{address}: the connection broke after {LengthOf(part)} of {file.Bytes} bytes"
                        : $"{address}: no answer ({Reason(e)}); is there a network?",
                    e
                );
            }
            var found = Checksum(part);
            if (found == file.Sha256)
                break;
            File.Delete(part);
            // The part may have been of an older version; the file as a whole gets a chance of its own.
            if (!resumed || attempt >= Attempts)
                throw new DownloadException(
                    $"{address}: its SHA-256 is {found}, expected {file.Sha256}; it is another version, or was changed on the way, and was not kept"
                );
            resumed = false;
        }
        File.Move(part, path);
        return resumed ? FetchOutcome.Resumed : FetchOutcome.Downloaded;
    }

    /// <summary>Appends what the server sends to the part.</summary>
    private void Receive(RemoteFile file, Uri address, string part, long first, Action<long>? progress)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        if (first > 0)
            request.Headers.Range = new RangeHeaderValue(first, null);
        using var silence = new CancellationTokenSource(SilenceLimit);
        try
        {
            using var response = _client.Send(request, HttpCompletionOption.ResponseHeadersRead, silence.Token);
            var begins = CheckAnswer(response, file, address, first);
            using var target = new FileStream(part, begins > 0 ? FileMode.Append : FileMode.Create, FileAccess.Write);
            using var source = response.Content.ReadAsStream(silence.Token);
            var buffer = new byte[1 << 16];
            for (var received = begins; received < file.Bytes; )
            {
                silence.CancelAfter(SilenceLimit);
                var got = Read(source, buffer, silence.Token);
                // What is beyond the size makes the checksum wrong or is not the file's.
                got = (int)Math.Min(got, file.Bytes - received);
                target.Write(buffer, 0, got);
                received += got;
                progress?.Invoke(received);
            }
        }
        catch (OperationCanceledException e)
        {
            throw new CutException($"nothing for {SilenceLimit.TotalSeconds:F0} s", e);
        }
    }

    private static int Read(Stream source, byte[] buffer, CancellationToken silence)
    {
        try
        {
            var got = source.ReadAsync(buffer, silence).AsTask().GetAwaiter().GetResult();
            return got > 0 ? got : throw new CutException("the server ended the file early");
        }
        catch (IOException e) when (e is not CutException)
        {
            throw new CutException(e.Message, e);
        }
    }

    /// <summary>Where what the server sends begins.</summary>
    private static long CheckAnswer(HttpResponseMessage response, RemoteFile file, Uri address, long first)
    {
        if (
            response.StatusCode == HttpStatusCode.PartialContent
            && response.Content.Headers.ContentRange?.From == first
        )
            return first;
        if (response.StatusCode != HttpStatusCode.OK)
            throw new DownloadException(
                $"{address}: the server answered {(int)response.StatusCode} {response.ReasonPhrase}"
            );
        if (response.Content.Headers.ContentLength is { } length && length != file.Bytes)
            throw new DownloadException(
                $"{address}: has {length} bytes, expected {file.Bytes}; it is another version, and was not taken"
            );
        return 0;
    }

    /// <summary>The size of the part that can be gone on from.</summary>
    private static long StartOf(RemoteFile file, string part)
    {
        var length = LengthOf(part);
        if (length <= file.Bytes)
            return length;
        File.Delete(part);
        return 0;
    }

    private static long LengthOf(string path) => File.Exists(path) ? new FileInfo(path).Length : 0;

    private static bool IsRight(RemoteFile file, string path) =>
        LengthOf(path) == file.Bytes && Checksum(path) == file.Sha256;

    private static string Checksum(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    /// <summary>The server or the network, not the disk, is why no more came.</summary>
    private sealed class CutException(string message, Exception? inner = null) : IOException(message, inner);

    private static string Reason(Exception error) => error.GetBaseException().Message.TrimEnd('.');
}
