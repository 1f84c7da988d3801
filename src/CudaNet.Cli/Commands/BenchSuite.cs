using CudaNet.Verification;

namespace CudaNet.Cli.Commands;

/// <summary><c>cudanet bench --suite</c>: rows on our side and, if asked for, on the peer's, with the table that comes of it.</summary>
internal sealed class BenchSuite(CliConsole console, string name, IReadOnlyList<PeerRow> rows, PeerBenchOptions options)
{
    /// <summary>The peer's interpreter; null when only our side is measured.</summary>
    public string? Python { get; init; }

    /// <summary>Where the table goes.</summary>
    public string? Path { get; init; }

    public int List()
    {
        foreach (var row in rows)
            console.Out.WriteLine(row.Name);
        return ExitCode.Ok;
    }

    public int Run(bool json)
    {
        var folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path ?? "."));
        if (!Directory.Exists(folder))
            throw new UsageException($"--out {Path}: there is no folder {folder}; make it first");
        using var peer = Python is null
            ? null
            : new PeerProcess(
                Python,
                PeerProcess.FindScript(),
                options.Device.Name.StartsWith("cuda", StringComparison.Ordinal) ? 0 : 1
            );
        double? copy = options.Device == Device.Cpu ? null : PeerBench.MeasureCopy(options);
        var done = 0;
        var results = PeerBench.Run(
            rows,
            peer,
            options,
            result =>
            {
                done++;
                if (console.IsTerminal && !json)
                    console.Error.Write($"\r{done} {result.Row.Name} ({result.Threads}T)\u001b[K");
            }
        );
        if (console.IsTerminal && !json)
            console.Error.Write("\r\u001b[K");
        var report = new PeerReport(results, peer?.About, options, copy);
        if (Path is not null)
            File.WriteAllText(
                Path,
                report.ToMarkdown($"cudanet bench --suite {name}{(peer is null ? "" : " --peer")}", DateTime.UtcNow)
            );
        console.Out.WriteLine(json ? report.ToJson() : report.ToText());
        return ExitCode.Ok;
    }
}
