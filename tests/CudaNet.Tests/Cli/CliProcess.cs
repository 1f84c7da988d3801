using System.Diagnostics;

namespace CudaNet.Tests.Cli;

/// <summary>The command as a program of its own, for what happens to whole programs: signals, a clean stderr.</summary>
internal sealed class CliProcess : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _error;

    private CliProcess(Process process)
    {
        _process = process;
        _output = process.StandardOutput.ReadToEndAsync();
        _error = process.StandardError.ReadToEndAsync();
    }

    public static CliProcess Start(params string[] args)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "CudaNet.Cli.dll");
        // A test run in the background of a script is born with Ctrl-C ignored, and so would be its children.
        string[] command = OperatingSystem.IsLinux() ? ["env", "--default-signal=INT", "dotnet"] : ["dotnet"];
        var start = new ProcessStartInfo(command[0], [.. command[1..], program, .. args])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return new CliProcess(Process.Start(start)!);
    }

    public void Send(string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{_process.Id}"]);
        kill.WaitForExit();
    }

    public (int Code, string Error) Wait()
    {
        if (!_process.WaitForExit(s_limit))
        {
            _process.Kill();
            Assert.Fail($"the program did not end within {s_limit}");
        }
        return (_process.ExitCode, _error.Result);
    }

    public bool HasEnded => _process.HasExited;

    /// <summary>Ends it at once, and gives what it had to say.</summary>
    public string Kill()
    {
        _process.Kill();
        return Wait().Error;
    }

    public string Output => _output.Result;

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }
}
