namespace CudaNet;

/// <summary>
/// Everything about the engine that depends on the flow of execution, as one immutable record, so that an op reads it once and a scope
/// restores all of it.
/// </summary>
internal sealed record EngineState
{
    private static readonly AsyncLocal<EngineState?> Flow = new();
    private static readonly EngineState Initial = new();

    public static EngineState Current => Flow.Value ?? Initial;

    /// <summary>Whether ops record a graph.</summary>
    public bool GradEnabled { get; init; } = true;

    /// <summary>Whether a graph segment is being computed again: random states are the saved ones and statistics stay.</summary>
    public bool Replaying { get; init; }

    /// <summary>Whether cpu ops run their textbook loops: how the reference side of a verification is computed.</summary>
    public bool UseReference { get; init; }

    /// <summary>
    /// Not null: textbook loops err as much as a kernel may. Each output is moved by a random part of √n·u_acc·S, which shows how far the errors
    /// of single ops carry through a computation.
    /// </summary>
    public ReferenceNoise? ReferenceNoise { get; init; }

    /// <summary>The variant that native kernels run; 0 is each kernel's own choice.</summary>
    public int KernelVariant { get; init; }

    /// <summary>Whether matrix products of f32 may round their operands to TF32; see <see cref="Precision"/>.</summary>
    public bool AllowTf32 { get; init; }

    /// <summary>Whether kernels may add in whatever order is fastest, so that a rerun may round differently; see <see cref="Engine"/>.</summary>
    public bool AllowNondeterministic { get; init; }

    /// <summary>Not null in an autocast scope: its dtype and the weights that it has cast.</summary>
    public AutocastCache? Autocast { get; init; }

    /// <summary>Whose kernels run where there is a choice.</summary>
    public KernelSource KernelSource { get; init; }

    /// <summary>Where tensors are made when no device is named; null means the CPU.</summary>
    public Device? DefaultDevice { get; init; }

    /// <summary>Where the work of its device goes; null, and for other devices, the default stream.</summary>
    public CudaStream? Stream { get; init; }

    /// <summary>Not null while the work of a device is recorded into a graph instead of being run.</summary>
    public GraphCapture? Capture { get; init; }

    /// <summary>Not null while the cost of ops is counted.</summary>
    public CostCounter? Costs { get; init; }

    /// <summary>What takes saved tensors away during the forward pass of a checkpointed segment.</summary>
    public ISavedTensorStore? SavedTensors { get; init; }

    /// <summary>Makes <paramref name="state"/> the current one until the scope is disposed.</summary>
    public static StateScope Enter(EngineState state)
    {
        var scope = new StateScope(Flow.Value);
        Flow.Value = state;
        return scope;
    }

    internal static void Restore(EngineState? previous) => Flow.Value = previous;
}

/// <summary>Restores the engine's previous state when disposed.</summary>
public struct StateScope : IDisposable
{
    private readonly EngineState? _previous;
    private bool _open;

    internal StateScope(EngineState? previous) => (_previous, _open) = (previous, true);

    /// <summary>Ends the scope.</summary>
    public void Dispose()
    {
        if (!_open)
            return;
        _open = false;
        EngineState.Restore(_previous);
    }
}

/// <summary>Numbers the outputs of one run, so that each errs independently of the others: equal errors would cancel in differences.</summary>
/// <param name="seed">Another seed is another draw.</param>
internal sealed class ReferenceNoise(long seed)
{
    private long _outputs;

    public long Seed => seed;

    public long NextOutput() => _outputs++;
}
