using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using CudaNet.Data;

namespace CudaNet.Cli.Commands;

/// <summary><c>cudanet data get NAME</c>: downloads a data set.</summary>
internal static class DataGet
{
    /// <summary>Names a folder (URL) to download from instead of the usual ones, as --url does.</summary>
    public const string ServerVariable = "CUDANET_DATA_URL";

    public static CliCommand Create(CliConsole console)
    {
        var sets = DataSets.All.Where(set => set.Download is not null).ToList();
        var names = string.Join(", ", sets.Select(set => set.Name));
        var name = new Argument<string>("NAME") { Description = $"The data set: {names}." };
        var output = new Option<string?>("--out", "-o")
        {
            Description = "The folder for the files, which is made when it is not there. [default: data/NAME]",
            HelpName = "DIR",
        };
        var server = new Option<string?>("--url")
        {
            Description =
                $"A mirror: the URL of the folder that holds the files. [default: {ServerVariable}, or where they are published]",
            HelpName = "URL",
        };
        var json = CliOptions.Json();
        var command = new CliCommand(
            "get",
            "Download a data set; size and SHA-256 are checked, and what was interrupted goes on."
        )
        {
            Examples =
            [
                "cudanet data get mnist",
                "cudanet data get fashion-mnist --out fashion",
                "cudanet data get cifar10 --url http://localhost:8000",
            ],
        };
        command.Add(name);
        foreach (var option in new Option[] { output, server, json })
            command.Add(option);
        command.SetAction(parsed =>
        {
            var wanted = parsed.GetValue(name)!;
            var set =
                sets.FirstOrDefault(set => set.Name == wanted)
                ?? throw new UsageException($"there is nothing to get for '{wanted}'; expected one of {names}");
            var folder = parsed.GetValue(output) ?? Path.Combine("data", set.Name);
            return Run(console, set, folder, parsed.GetValue(server), parsed.GetValue(json));
        });
        return command;
    }

    /// <summary>Gets the files of a set.</summary>
    /// <param name="console">Where to say so.</param>
    /// <param name="set">One that can be downloaded.</param>
    /// <param name="folder">Where to put the files.</param>
    /// <param name="server">A mirror, or null.</param>
    /// <param name="json">Whether to print a document instead of lines.</param>
    internal static int Run(CliConsole console, DataSet set, string folder, string? server, bool json)
    {
        server ??= Environment.GetEnvironmentVariable(ServerVariable);
        if (server is { Length: > 0 } && !IsWeb(server))
            throw new UsageException($"--url {server}: expected a URL that begins with http:// or https://");
        var download = set.Download!;
        IReadOnlyList<string> servers = server is { Length: > 0 } ? [server] : download.Servers;
        var got = new List<JsonNode?>();
        using (var downloader = new Downloader())
            foreach (var file in download.Files)
            {
                var outcome = downloader.Fetch(file, servers, folder, Progress(console, file, json));
                var path = Path.GetFullPath(Path.Combine(folder, file.Name));
                if (!json)
                    console.Out.WriteLine(
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"{ClearLine(console)}{file.Name}  {file.Bytes:N0} bytes  {Describe(outcome)}"
                        )
                    );
                got.Add(
                    new JsonObject
                    {
                        ["file"] = path,
                        ["bytes"] = file.Bytes,
                        ["sha256"] = file.Sha256,
                        ["outcome"] = outcome.ToString().ToLowerInvariant(),
                    }
                );
            }
        download.Unpack?.Invoke(folder);
        if (json)
            Json.Print(console, new JsonObject { ["folder"] = Path.GetFullPath(folder), ["files"] = Json.Array(got) });
        else
            console.Out.WriteLine($"{set.Name} is in {ShownPath.Of(Path.GetFullPath(folder))}");
        return ExitCode.Ok;
    }

    private static bool IsWeb(string server) =>
        Uri.TryCreate(server, UriKind.Absolute, out var address) && address.Scheme is "http" or "https";

    private static string Describe(FetchOutcome outcome) =>
        outcome switch
        {
            FetchOutcome.Present => "was there already",
            FetchOutcome.Resumed => "downloaded, going on from a part",
            _ => "downloaded",
        };

    // A terminal shows how far it is on one line; a log gets a line when it is done.
    private static Action<long>? Progress(CliConsole console, RemoteFile file, bool json)
    {
        if (json || !console.IsTerminal)
            return null;
        var shown = -1L;
        return received =>
        {
            var percent = 100 * received / file.Bytes;
            if (percent == shown)
                return;
            shown = percent;
            console.Out.Write($"\r{file.Name}  {percent} %");
            console.Out.Flush();
        };
    }

    private static string ClearLine(CliConsole console) => console.IsTerminal ? "\r" : "";
}
