using CudaNet.Cli;

namespace CudaNet.Tests.Cli;

/// <summary>What a command printed and returned.</summary>
internal sealed record CliRun(int Code, string Out, string Error)
{
    /// <summary>Runs a command within this process, as if its output were piped.</summary>
    public static CliRun Of(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = CommandLine.Run(args, new CliConsole(output, error, IsTerminal: false));
        return new CliRun(code, output.ToString(), error.ToString());
    }

    /// <summary>Asserts that the command was refused with one line that says all of <paramref name="says"/>.</summary>
    public void IsRefusal(params string[] says)
    {
        Assert.That(Code, Is.EqualTo(2), Error);
        Assert.That(Error, Does.StartWith("cudanet: "));
        Assert.That(Error.TrimEnd('\n').Split('\n'), Has.Length.EqualTo(1), Error);
        Assert.That(Error, Does.Not.Contain("   at "));
        foreach (var text in says)
            Assert.That(Error, Does.Contain(text));
    }

    /// <summary>Asserts that the command went well, and gives its output.</summary>
    public string IsFine()
    {
        Assert.That(Code, Is.Zero, Error);
        Assert.That(Error, Is.Empty);
        return Out;
    }
}
