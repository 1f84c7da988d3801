using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CudaNet.Verification;

/// <summary>The library that we are compared with is missing, or its process has failed; the message says what to do.</summary>
public sealed class PeerException(string message) : CudaNetException(message);

/// <summary>The other side of a comparison: its versions, and how long it takes for one row.</summary>
public interface IPeer
{
    /// <summary>Name and version, its BLAS, and the instruction set that it uses.</summary>
    PeerAbout About { get; }

    /// <summary>Gets a row ready to be timed; what it answers names the environment that was chosen for it.</summary>
    string Prepare(PeerRow row, int threads);

    /// <summary>Seconds for one call, measured for about this long.</summary>
    double Time(double seconds);
}

/// <summary>Who the peer is.</summary>
public sealed record PeerAbout(string Version, string Blas, string Capability);

/// <summary>A peer in a process of its own, <c>bench/peer/ops.py</c>, which answers one line of JSON with another.</summary>
public sealed class PeerProcess : IPeer, IDisposable
{
    private readonly Process _process;
    private readonly string _python;

    /// <summary>Starts the script.</summary>
    /// <param name="python">The interpreter, with torch among its packages.</param>
    /// <param name="script">The path of the script.</param>
    /// <param name="threads">The number of threads of the first rows; 0 when the peer is to run on a GPU.</param>
    /// <exception cref="PeerException">The interpreter or torch is missing.</exception>
    public PeerProcess(string python, string script, int threads = 1)
    {
        _python = python;
        var start = new ProcessStartInfo(python)
        {
            ArgumentList = { script, threads.ToString(CultureInfo.InvariantCulture) },
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            _process = Process.Start(start)!;
        }
        catch (Win32Exception error)
        {
            throw Missing($"cannot be started ({error.Message})");
        }
        _process.ErrorDataReceived += (_, line) => LastError = line.Data ?? LastError;
        _process.BeginErrorReadLine();
        try
        {
            var about = Read();
            About = new(Text(about, "version"), Text(about, "blas"), Text(about, "capability"));
        }
        catch (PeerException error)
        {
            Dispose();
            throw Missing(error.Message);
        }
    }

    /// <inheritdoc/>
    public PeerAbout About { get; }

    private string LastError { get; set; } = "";

    /// <summary>The script, looked for in the clone that the program was built in.</summary>
    /// <exception cref="PeerException">There is none.</exception>
    public static string FindScript()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var script = Path.Combine(folder.FullName, "bench", "peer", "ops.py");
            if (File.Exists(script))
                return script;
        }
        throw new PeerException("bench/peer/ops.py is missing: a comparison with PyTorch runs from a clone of CudaNet");
    }

    /// <inheritdoc/>
    public string Prepare(PeerRow row, int threads)
    {
        ArgumentNullException.ThrowIfNull(row);
        var attributes = new JsonObject();
        foreach (var (name, value) in row.AttributeValues)
            attributes[name] = value;
        var shapes = new JsonArray([.. row.Shapes.Select(shape => new JsonArray([.. shape.Select(n => (JsonNode)n)]))]);
        var answer = Ask(
            new JsonObject
            {
                ["prepare"] = new JsonObject
                {
                    ["task"] = row.Task,
                    ["shapes"] = shapes,
                    ["attributes"] = attributes,
                    ["dtype"] = row.DType.Name,
                },
                ["threads"] = threads,
            }
        );
        return Text(answer, "environment");
    }

    /// <inheritdoc/>
    public double Time(double seconds) =>
        Ask(new JsonObject { ["time"] = seconds })["seconds"]?.GetValue<double>()
        ?? throw new PeerException($"the peer {_python} did not answer with 'seconds'");

    private JsonObject Ask(JsonObject question)
    {
        try
        {
            _process.StandardInput.WriteLine(question.ToJsonString());
            _process.StandardInput.Flush();
        }
        catch (IOException)
        {
            throw Ended();
        }
        return Read();
    }

    private JsonObject Read()
    {
        var line = _process.StandardOutput.ReadLine() ?? throw Ended();
        JsonObject answer;
        try
        {
            answer = JsonNode.Parse(line) as JsonObject ?? throw Unreadable(line);
        }
        catch (JsonException)
        {
            throw Unreadable(line);
        }
        return answer["error"] is { } error ? throw new PeerException(error.GetValue<string>()) : answer;
    }

    private static string Text(JsonObject answer, string name) =>
        answer[name]?.GetValue<string>() ?? throw new PeerException($"the peer did not answer with '{name}'");

    private PeerException Ended()
    {
        _process.WaitForExit(1000);
        return new($"the peer's process has ended{(LastError.Length > 0 ? $": {LastError}" : "")}");
    }

    private PeerException Unreadable(string line) => new($"the peer answered '{line}', which is no JSON object");

    private PeerException Missing(string why) =>
        new(
            $"--peer-python {_python}: {why}; install PyTorch for it (Debian: apt install python3-torch) or name another interpreter"
        );

    /// <summary>Ends the process by ending its input.</summary>
    public void Dispose()
    {
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException) { }
        if (!_process.WaitForExit(5000))
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }
}
