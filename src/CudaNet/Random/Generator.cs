using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>Where a generator stands: with it, the same numbers are drawn again.</summary>
/// <param name="Seed">The key of the counter-based generator.</param>
/// <param name="Offset">The next counter.</param>
public readonly record struct GeneratorState(long Seed, long Offset);

/// <summary>
/// The source of random numbers: a seed and a position in the sequence of Philox4x32-10 (<see cref="Random.Philox"/>). Every draw takes the
/// counters that it needs and moves the position on, so one seed gives one sequence of tensors on every device. Kernels read the seed and
/// a base that is added to the position from a tensor on their device, so that a captured graph draws anew when only the base changes.
/// </summary>
public sealed class Generator : IRandomState, ICapturedRandom
{
    /// <summary>The seed of a generator that was given none.</summary>
    public const long DefaultSeed = 67280421310721;

    private readonly Lock _gate = new();
    private readonly ConditionalWeakTable<Device, DeviceCounter> _states = [];
    private long _seed;
    private long _offset;

    /// <summary>A generator at the beginning of the sequence of <paramref name="seed"/>.</summary>
    public Generator(long seed = DefaultSeed) => _seed = seed;

    /// <summary>The generator of draws that name none.</summary>
    public static Generator Default { get; } = new();

    /// <summary>The key. Setting it leaves the position; <see cref="ManualSeed"/> returns to the beginning.</summary>
    public long Seed
    {
        get => State.Seed;
        set => State = new(value, Offset);
    }

    /// <summary>The next counter. It may be set back, to repeat draws.</summary>
    public long Offset
    {
        get => State.Offset;
        set => State = new(Seed, value);
    }

    long IRandomState.Position
    {
        get => Offset;
        set => Offset = value;
    }

    /// <summary>Seed and position together.</summary>
    public GeneratorState State
    {
        get
        {
            lock (_gate)
                return new(_seed, _offset);
        }
        set
        {
            lock (_gate)
            {
                var sameSeed = _seed == value.Seed;
                (_seed, _offset) = (value.Seed, value.Offset);
                if (sameSeed)
                    return;
                foreach (var (_, state) in _states)
                    state.Write(_seed, 0);
            }
        }
    }

    /// <summary>Starts the sequence of <paramref name="seed"/> from its beginning.</summary>
    public Generator ManualSeed(long seed)
    {
        State = new(seed, 0);
        return this;
    }

    /// <summary>
    /// The tensor {seed, base}, i64, that kernels on <paramref name="device"/> read; made when first asked for. Element i of a draw uses the
    /// counter base + offset + i / (elements per counter). The base is 0 except for replays of captured graphs, whose offsets are those of the capture.
    /// </summary>
    public Tensor DeviceState(Device device)
    {
        lock (_gate)
        {
            var state = StateOn(device);
            if (state.Base != 0 && EngineState.Current.Capture is null)
                state.Write(_seed, 0);
            return state.Tensor;
        }
    }

    /// <summary>Takes the next <paramref name="counters"/> counters and gives the first of them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The number is negative.</exception>
    public long Advance(long counters)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(counters);
        long first;
        lock (_gate)
        {
            first = _offset;
            _offset += counters;
        }
        EngineState.Current.SavedTensors?.Drew(this, first);
        EngineState.Current.Capture?.Drew(this, first);
        return first;
    }

    void ICapturedRandom.PrepareReplay(Device device, long captured)
    {
        lock (_gate)
        {
            var state = StateOn(device);
            if (state.Base != _offset - captured)
                state.Write(_seed, _offset - captured);
        }
    }

    private DeviceCounter StateOn(Device device) => _states.GetValue(device, d => new DeviceCounter(_seed, d));

    private sealed class DeviceCounter(long seed, Device device)
    {
        public Tensor Tensor { get; } = Tensor.From<long>([seed, 0], device: device).Keep();

        public long Base { get; private set; }

        public void Write(long seed, long first)
        {
            Tensor.CopyFrom<long>([seed, first]);
            Base = first;
        }
    }
}
