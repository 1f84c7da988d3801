using System.Diagnostics;
using System.Globalization;

namespace CudaNet.Verification;

/// <summary>The other end of <see cref="MutantServer"/>: starts the process, and again when a mutant has ended it.</summary>
internal sealed class MutantProcess(
    string program,
    string root,
    string flavour,
    string library,
    string ops,
    bool vendor
) : IDisposable
{
    private const int KilledItself = 128 + 9; // by its watchdog

    private readonly Queue<string> _errors = new();
    private Process? _process;

    /// <summary>A run that is part of a measurement: how long it takes without a mutant, and which mutants it comes to.</summary>
    public readonly record struct Run(int Number, double Milliseconds, byte[] Reached)
    {
        public bool Reaches(int mutant) => (Reached[mutant / 8] >> (mutant % 8) & 1) != 0;
    }

    /// <summary>All runs that the variants do not refuse.</summary>
    /// <exception cref="DeviceException">A case fails without any mutant.</exception>
    public IReadOnlyList<Run> Measure(int limit)
    {
        var runs = new List<Run>();
        Start();
        _process!.StandardInput.WriteLine(FormattableString.Invariant($"measure {limit}"));
        for (; ; )
        {
            var answer = _process.StandardOutput.ReadLine();
            if (answer == "measured")
                return runs;
            if (answer?.Split(' ') is not ["run", var number, var milliseconds, var reached])
                throw new DeviceException(
                    $"the cases of {ops} fail on {flavour} without any mutant: {answer} {Errors()}"
                );
            runs.Add(
                new(
                    int.Parse(number, CultureInfo.InvariantCulture),
                    double.Parse(milliseconds, CultureInfo.InvariantCulture),
                    Convert.FromHexString(reached)
                )
            );
        }
    }

    /// <summary>Whether a mutant is found, and by which run where one failed; a crash and a run over its limit are found by none in particular.</summary>
    public (bool Found, int? Run) Try(int mutant, int schedule, int grid, int limit, IEnumerable<int> runs)
    {
        var order = string.Join(',', runs);
        var line = FormattableString.Invariant($"try {mutant} {schedule} {grid} {limit} {order}");
        for (var isFresh = _process is null; ; isFresh = true)
        {
            Start();
            var answer = Ask(line)?.Split(' ');
            if (answer is ["survived"])
                return (false, null);
            if (answer is ["killed", var run])
                return (true, int.Parse(run, CultureInfo.InvariantCulture));
            var isOverLimit = Stop() == KilledItself;
            if (answer is not null and not ["damaged", _])
                throw new DeviceException(
                    $"the process that tries mutants answered: {string.Join(' ', answer)} {Errors()}"
                );
            // Only what an earlier mutant cannot have damaged is to be believed.
            if (isFresh || isOverLimit)
                return (true, null);
        }
    }

    /// <summary>The answer; null when the process ends instead.</summary>
    private string? Ask(string line)
    {
        try
        {
            _process!.StandardInput.WriteLine(line);
            return _process.StandardOutput.ReadLine();
        }
        catch (IOException)
        {
            return null;
        }
    }

    private void Start()
    {
        if (_process is not null)
            return;
        string[] arguments =
        [
            program,
            "mutate",
            "--serve",
            ops,
            .. vendor ? ["--kernels", "Vendor"] : Array.Empty<string>(),
        ];
        var start = new ProcessStartInfo("dotnet", arguments)
        {
            WorkingDirectory = root,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["CUDANET_SIMT_LIBRARY"] = library;
        start.Environment["LD_LIBRARY_PATH"] = Path.Combine(root, "build", flavour); // stand-ins for vendors' libraries
        if (flavour == "simt-asan")
        {
            start.Environment["LD_PRELOAD"] = s_sanitizer.Value;
            start.Environment["ASAN_OPTIONS"] = "handle_segv=0:detect_leaks=0:use_sigaltstack=0:exitcode=99";
        }
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, line) => Note(line.Data);
        _process.BeginErrorReadLine();
        // A process that cannot start has found nothing.
        if (_process.StandardOutput.ReadLine() != MutantServer.Ready)
            throw new DeviceException($"the process that tries mutants in {library} does not start: {Errors()}");
    }

    /// <summary>What a process needs that was not built with AddressSanitizer.</summary>
    private static readonly Lazy<string> s_sanitizer = new(() =>
        ChildProcess.Run("g++", ["-print-file-name=libasan.so"], ".", seconds: 60).Output.Trim()
    );

    private void Note(string? line)
    {
        const int Most = 20;
        lock (_errors)
        {
            if (line is { Length: > 0 })
                _errors.Enqueue(line);
            if (_errors.Count > Most)
                _errors.Dequeue();
        }
    }

    private string Errors()
    {
        _process?.WaitForExit(1000);
        lock (_errors)
            return string.Join(' ', _errors);
    }

    /// <summary>The exit status.</summary>
    private int Stop()
    {
        const int Patience = 5000; // milliseconds
        try
        {
            _process!.StandardInput.Close();
        }
        catch (IOException) { } // it has ended by itself
        if (!_process!.WaitForExit(Patience))
            _process.Kill();
        _process.WaitForExit();
        var status = _process.ExitCode;
        _process.Dispose();
        _process = null;
        return status;
    }

    public void Dispose()
    {
        if (_process is not null)
            Stop();
    }
}
