using System.Security.Cryptography;
using System.Text.Json.Nodes;
using CudaNet.Cli;
using CudaNet.Cli.Commands;
using CudaNet.Data;
using CudaNet.Tests.Data;
using CudaNet.Tests.IO;

namespace CudaNet.Tests.Cli;

[TestFixture]
public sealed class DataGetTests
{
    [Test]
    public void A_set_is_downloaded_and_unpacked()
    {
        using var server = new LocalServer { Files = { ["a"] = [1, 2, 3], ["b"] = [4] } };
        using var folder = new TemporaryFolder();
        var unpacked = "";
        var set = Set(["a", "b"], server, path => unpacked = path);
        var first = Get(set, folder.Path, server.Url);
        Assert.That(first.Code, Is.Zero);
        Assert.That(first.Out, Does.Contain("a  3 bytes  downloaded").And.Contain("small is in"));
        Assert.That(unpacked, Is.EqualTo(folder.Path));
        Assert.That(File.ReadAllBytes(folder.File("a")), Is.EqualTo(new byte[] { 1, 2, 3 }));
        var second = JsonNode.Parse(Get(set, folder.Path, server.Url, json: true).Out)!;
        Assert.That(
            second["files"]!.AsArray().Select(file => file!["outcome"]!.GetValue<string>()),
            Is.All.EqualTo("present")
        );
    }

    [Test]
    public void The_command_names_what_a_mirror_lacks_or_has_changed()
    {
        using var server = new LocalServer();
        using var folder = new TemporaryFolder();
        string[] command = ["data", "get", "mnist", "--out", folder.Path, "--url", server.Url];
        IsFailure(CliRun.Of(command), "404", "t10k-labels-idx1-ubyte.gz", server.Url);
        server.Files["t10k-labels-idx1-ubyte.gz"] = new byte[4542];
        IsFailure(CliRun.Of(command), "SHA-256", "f7ae60f92e00ec6d");
        server.Files["t10k-labels-idx1-ubyte.gz"] = new byte[4543];
        IsFailure(CliRun.Of(command), "has 4543 bytes, expected 4542");
        Assert.That(Directory.GetFiles(folder.Path), Is.Empty);
    }

    [Test]
    public void Without_a_network_one_line_says_so()
    {
        using var folder = new TemporaryFolder();
        var nobody = LocalServer.Nobody();
        IsFailure(
            CliRun.Of("data", "get", "cifar10", "--out", folder.Path, "--url", nobody),
            "no answer",
            "is there a network?",
            "cifar-10-binary.tar.gz"
        );
    }

    [Test]
    public void The_mirror_can_be_named_by_the_environment()
    {
        using var server = new LocalServer();
        using var folder = new TemporaryFolder();
        Environment.SetEnvironmentVariable(DataGet.ServerVariable, server.Url);
        try
        {
            IsFailure(CliRun.Of("data", "get", "fashion-mnist", "--out", folder.Path), server.Url, "404");
        }
        finally
        {
            Environment.SetEnvironmentVariable(DataGet.ServerVariable, null);
        }
    }

    [Test]
    public void Wrong_use_is_refused()
    {
        CliRun.Of("data", "get", "drawn").IsRefusal("'drawn'", "mnist, fashion-mnist, cifar10");
        CliRun.Of("data", "get", "mnist", "--url", "ftp://x").IsRefusal("ftp://x", "http");
        Assert.That(CliRun.Of("data", "list").IsFine(), Does.Contain("cudanet data get mnist"));
    }

    private static void IsFailure(CliRun run, params string[] says)
    {
        Assert.That(run.Code, Is.EqualTo(1), run.Error);
        Assert.That(run.Error.TrimEnd('\n').Split('\n'), Has.Length.EqualTo(1), run.Error);
        Assert.That(run.Error, Does.StartWith("cudanet: ").And.Not.Contain("internal error"));
        foreach (var text in says)
            Assert.That(run.Error, Does.Contain(text));
    }

    private static DataSet Set(IEnumerable<string> names, LocalServer server, Action<string> unpack)
    {
        var files = names.Select(name => new RemoteFile(
            name,
            server.Files[name].Length,
            Convert.ToHexStringLower(SHA256.HashData(server.Files[name]))
        ));
        return new DataSet("small", "", "", "", new DataDownload([], [.. files], unpack));
    }

    private static CliRun Get(DataSet set, string folder, string server, bool json = false)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = DataGet.Run(new CliConsole(output, error, IsTerminal: false), set, folder, server, json);
        return new CliRun(code, output.ToString(), error.ToString());
    }
}
