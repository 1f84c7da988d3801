using CudaNet.IO;

namespace CudaNet.Cli;

/// <summary>From exceptions to one line on stderr and an exit code.</summary>
internal static class Errors
{
    private const string DebugVariable = "CUDANET_DEBUG";

    public static int Report(CliConsole console, Exception error)
    {
        var debug = Environment.GetEnvironmentVariable(DebugVariable) == "1";
        var (message, code) = error switch
        {
            // The caller can free memory or take a smaller batch, but what was typed was right.
            OutOfDeviceMemoryException => (error.Message, ExitCode.FoundWrong),
            UsageException or CudaNetException or CorruptFileException => (error.Message, ExitCode.UsedWrong),
            FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException => (
                error.Message,
                ExitCode.UsedWrong
            ),
            IOException => (error.Message, ExitCode.FoundWrong),
            OperationCanceledException => ("interrupted", ExitCode.Interrupted),
            _ => (
                $"internal error: {error.GetType().Name}: {error.Message}{(debug ? "" : $" (set {DebugVariable}=1 to see where)")}",
                ExitCode.FoundWrong
            ),
        };
        CommandLine.Fail(console, message, code);
        if (debug)
            console.Error.WriteLine(error);
        return code;
    }
}
