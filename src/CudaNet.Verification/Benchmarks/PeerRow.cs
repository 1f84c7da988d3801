namespace CudaNet.Verification;

/// <summary>How fast a kind of work is to be, as the peer's time over ours.</summary>
/// <param name="Kind">What the rows have in common.</param>
/// <param name="Mean">The least geometric mean over the rows.</param>
/// <param name="Each">The least for every row.</param>
/// <param name="Rate">What is counted per second.</param>
public sealed record PeerGoal(string Kind, double Mean, double Each, PeerRate Rate)
{
    /// <summary>The least part of the bandwidth with which the device copies that each row is to reach; 0 asks for none.</summary>
    public double Share { get; init; }
}

/// <summary>What a row counts per second.</summary>
public enum PeerRate
{
    /// <summary>10⁹ floating operations.</summary>
    Gflops,

    /// <summary>10⁹ bytes that must be read or written once.</summary>
    Gbps,

    /// <summary>Calls.</summary>
    Calls,
}

/// <summary>One row of a comparison with another library: the same work on both sides.</summary>
/// <param name="Name">What the table calls it.</param>
/// <param name="Goal">How fast it is to be.</param>
/// <param name="Task">An op, or a task of <see cref="PeerTasks"/>; the peer's script knows it by the same name.</param>
/// <param name="Shapes">The tensors that it works on, drawn from a normal distribution.</param>
/// <param name="Attributes">As on the command line: <c>key=value</c>, separated by spaces.</param>
public sealed record PeerRow(
    string Name,
    PeerGoal Goal,
    string Task,
    IReadOnlyList<long[]> Shapes,
    string Attributes = ""
)
{
    /// <summary>The dtype of the tensors.</summary>
    public DType DType { get; init; } = DType.Float32;

    /// <summary>The attributes by name.</summary>
    public IReadOnlyDictionary<string, string> AttributeValues =>
        Attributes
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(pair => pair.Split('=', 2))
            .ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);
}

/// <summary>What a row took on both sides.</summary>
/// <param name="Row">The row.</param>
/// <param name="Threads">Threads on both sides.</param>
/// <param name="OursMs">Our milliseconds for a call, the median of the rounds.</param>
/// <param name="PeerMs">The peer's, or null when it was not asked.</param>
/// <param name="Work">What one call does, in the units of the goal's rate: operations, bytes or calls.</param>
/// <param name="Environment">The peer's environment that was the fastest for this row.</param>
public sealed record PeerResult(
    PeerRow Row,
    int Threads,
    double OursMs,
    double? PeerMs,
    double Work,
    string Environment
)
{
    /// <summary>The peer's time over ours: above 1 we are faster.</summary>
    public double? Ratio => PeerMs / OursMs;

    /// <summary>Our rate, in the units of the goal.</summary>
    public double OursRate => Rate(OursMs);

    /// <summary>The peer's rate.</summary>
    public double? PeerRate => PeerMs is { } ms ? Rate(ms) : null;

    private double Rate(double ms) => Work / (ms / 1e3) / (Row.Goal.Rate == Verification.PeerRate.Calls ? 1 : 1e9);
}
