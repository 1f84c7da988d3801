namespace CudaNet.Cli;

/// <summary>Where a command writes. Tests pass their own; the program passes the process's.</summary>
/// <param name="Out">Results.</param>
/// <param name="Error">Messages.</param>
/// <param name="IsTerminal">Whether a person is watching, so that progress may be drawn over itself.</param>
internal sealed record CliConsole(TextWriter Out, TextWriter Error, bool IsTerminal)
{
    public static CliConsole OfProcess() =>
        new(
            Console.Out,
            Console.Error,
            !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("TERM") != "dumb"
        );
}

/// <summary>The command was used wrongly; the message says what was expected.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>The exit codes.</summary>
internal static class ExitCode
{
    public const int Ok = 0;
    public const int FoundWrong = 1;
    public const int UsedWrong = 2;

    /// <summary>What a shell reports for a program that Ctrl-C ended: 128 + SIGINT.</summary>
    public const int Interrupted = 130;
}
