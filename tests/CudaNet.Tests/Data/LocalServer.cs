using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace CudaNet.Tests.Data;

/// <summary>A server of files on this machine, which can break off and forget how to go on.</summary>
internal sealed class LocalServer : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly Task _loop;

    public LocalServer()
    {
        // The port may be taken by somebody else between the asking and the listening; then another is asked for.
        for (var attempt = 0; ; attempt++)
        {
            Url = $"http://127.0.0.1:{FreePort()}";
            _listener.Prefixes.Clear();
            _listener.Prefixes.Add(Url + "/");
            try
            {
                _listener.Start();
                break;
            }
            catch (HttpListenerException) when (attempt < 10) { }
        }
        _loop = Task.Run(Serve);
    }

    /// <summary>Without a slash at the end.</summary>
    public string Url { get; }

    /// <summary>By name.</summary>
    public Dictionary<string, byte[]> Files { get; } = [];

    /// <summary>Answers break off after this many bytes; each takes one of them.</summary>
    public ConcurrentQueue<int> Cuts { get; } = [];

    /// <summary>Whether parts can be asked for.</summary>
    public bool KnowsRanges { get; init; } = true;

    /// <summary>What was asked for: the name and the first byte.</summary>
    public ConcurrentQueue<(string Name, long From)> Requests { get; } = [];

    /// <summary>A URL at which nobody answers.</summary>
    public static string Nobody() => $"http://127.0.0.1:{FreePort()}";

    public void Dispose()
    {
        _listener.Stop();
        _loop.Wait();
        _listener.Close();
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private void Serve()
    {
        while (_listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = _listener.GetContext();
            }
            catch (Exception e)
                when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }
            try
            {
                Answer(context.Request, context.Response);
            }
            catch (Exception e) when (e is HttpListenerException or IOException or ObjectDisposedException)
            {
                // The client went away.
            }
        }
    }

    private void Answer(HttpListenerRequest request, HttpListenerResponse response)
    {
        var name = request.Url!.AbsolutePath.TrimStart('/');
        var range = request.Headers["Range"];
        var from = range is null ? 0 : long.Parse(range["bytes=".Length..].TrimEnd('-'), CultureInfo.InvariantCulture);
        Requests.Enqueue((name, from));
        if (!Files.TryGetValue(name, out var contents))
        {
            response.StatusCode = 404;
            response.Close();
            return;
        }
        if (from > 0 && KnowsRanges)
        {
            response.StatusCode = 206;
            response.AddHeader("Content-Range", $"bytes {from}-{contents.Length - 1}/{contents.Length}");
        }
        else
        {
            from = 0;
        }
        var rest = contents.AsMemory((int)from);
        response.ContentLength64 = rest.Length;
        if (Cuts.TryDequeue(out var most) && most < rest.Length)
        {
            // The client sees the end of the connection before that of the file.
            response.KeepAlive = false;
            response.OutputStream.Write(rest.Span[..most]);
            response.OutputStream.Flush();
            response.Close();
            return;
        }
        response.OutputStream.Write(rest.Span);
        response.Close();
    }
}
