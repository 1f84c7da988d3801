namespace CudaNet.Verification;

/// <summary>How simt runs kernels during a check.</summary>
/// <param name="Workers">Blocks that run at one time; 0 is one per processor.</param>
/// <param name="Defer">Whether a stream's work waits for a synchronisation or a later moment drawn from the seed.</param>
/// <param name="ScheduleSeed">0 runs the threads of a block in order; any other number shuffles them.</param>
/// <param name="LargestGrid">The most blocks of a launch whose kernel loops over what is left; 0 leaves it to the kernel, which loops only over
/// what no case is large enough for.</param>
public sealed record SimtOptions(int Workers = 0, bool Defer = false, long ScheduleSeed = 0, long LargestGrid = 0);

/// <summary>What <see cref="CheckRunner"/> checks.</summary>
public sealed record CheckOptions
{
    /// <summary>The device under test.</summary>
    public Device Device { get; init; } = Device.Cpu;

    /// <summary>Patterns of op names with <c>*</c> and <c>?</c>, separated by commas; null means all.</summary>
    public string? Op { get; init; }

    /// <summary>The name of one case.</summary>
    public string? Case { get; init; }

    /// <summary>Runs every numbered variant of the device's kernels as well as the one meant for use.</summary>
    public bool AllVariants { get; init; }

    /// <summary>Runs this variant alone; 0 is each kernel's own choice.</summary>
    public int Variant { get; init; }

    /// <summary>Whose kernels run on simt and cuda where there is a choice.</summary>
    public KernelSource Kernels { get; init; }

    /// <summary>The seeds of the inputs.</summary>
    public IReadOnlyList<long> Seeds { get; init; } = [0];

    /// <summary>Whether gradients on the device are compared with the reference's.</summary>
    public bool Gradients { get; init; } = true;

    /// <summary>How many times more each case runs, to give the same bits; on simt with a seed, each time with other schedules.</summary>
    public int Repeats { get; init; }

    /// <summary>How simt schedules; only for that device.</summary>
    public SimtOptions? Simt { get; init; }

    /// <summary>Stops at the first case that fails.</summary>
    public bool FailFast { get; init; }
}

/// <summary>Hears about a check while it runs.</summary>
public interface ICheckReporter
{
    /// <summary>So many cases will be run.</summary>
    void Starting(int cases);

    /// <summary>One case is done.</summary>
    void Finished(CaseResult result);
}

/// <summary>How one case went.</summary>
/// <param name="Case">The name that replays it.</param>
/// <param name="Op">The op.</param>
/// <param name="Device">Where it ran.</param>
/// <param name="Variant">Which variant of the kernel; 0 is the one meant for use.</param>
/// <param name="Seed">The seed of its inputs.</param>
/// <param name="WorstRatio">The largest |error| as a part of what the tolerance rule allows.</param>
/// <param name="Seconds">How long it took, reference included.</param>
/// <param name="Failures">What is wrong, a line each.</param>
public sealed record CaseResult(
    string Case,
    string Op,
    string Device,
    int Variant,
    long Seed,
    double WorstRatio,
    double Seconds,
    IReadOnlyList<string> Failures
)
{
    /// <summary>Whether nothing is wrong.</summary>
    public bool Passed => Failures.Count == 0;

    /// <summary>Why this variant of the kernel does not take the case (rows that it has no registers for, say), or null. A variant may
    /// be made for some sizes only; the one meant for use takes all.</summary>
    public string? Refused { get; init; }

    /// <summary>The command that runs this case again.</summary>
    public string Replay =>
        $"cudanet check --device {Device} --case '{Case}'"
        + (Variant == 0 ? "" : $" --variant {Variant}")
        + (Seed == 0 ? "" : $" --seed {Seed}");

    /// <summary>The failures and how to see them again.</summary>
    public override string ToString() =>
        Passed ? $"{Case}: ok" : $"{Case}\n  {string.Join("\n  ", Failures)}\n  replay: {Replay}";
}

/// <summary>How a check went.</summary>
/// <param name="Cases">Cases that were run, counting each variant and seed.</param>
/// <param name="Failed">Those with failures.</param>
/// <param name="Seconds">The time that they took.</param>
/// <param name="Failures">The results that failed.</param>
public sealed record CheckSummary(int Cases, int Failed, double Seconds, IReadOnlyList<CaseResult> Failures)
{
    /// <summary>Whether nothing failed.</summary>
    public bool Passed => Failed == 0;
}
