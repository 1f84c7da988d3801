namespace CudaNet;

/// <summary>
/// An n-dimensional array on a device: a storage, an offset, a shape and strides. Views share the storage. A tensor that requires
/// gradients knows the graph node that made it. Ops are extension methods in their own files; the tensor itself knows none.
/// Tensors are immutable to ops outside <see cref="Autograd.NoGrad"/> scopes and may be read from several threads.
/// </summary>
public sealed unsafe partial class Tensor
{
    private Storage? _storage;
    private readonly long[] _strides;

    internal Tensor(Storage storage, Shape shape, long[] strides, long offset, DType dtype, bool tracked = true)
    {
        _storage = storage;
        Shape = shape;
        _strides = strides;
        Offset = offset;
        DType = dtype;
        if (tracked)
            Lifetime.Register(this);
    }

    /// <summary>The extents of the axes.</summary>
    public Shape Shape { get; }

    /// <summary>The distance, in elements, between neighbours along each axis; 0 along a broadcast axis.</summary>
    public ReadOnlySpan<long> Strides => _strides;

    internal long[] StrideArray => _strides;

    /// <summary>The position, in elements, of the first element in the storage.</summary>
    public long Offset { get; }

    /// <summary>The element type.</summary>
    public DType DType { get; }

    /// <summary>The device that holds the storage.</summary>
    public Device Device => Storage.Device;

    /// <summary>The number of axes.</summary>
    public int Rank => Shape.Rank;

    /// <summary>The number of elements.</summary>
    public long NumElements => Shape.NumElements;

    /// <summary>Whether the elements lie in C order without gaps.</summary>
    public bool IsContiguous
    {
        get
        {
            var expected = Shape.StrideArray;
            if (ReferenceEquals(expected, _strides) || NumElements == 0)
                return true;
            for (var i = 0; i < _strides.Length; i++)
                if (_strides[i] != expected[i] && Shape[i] != 1)
                    return false;
            return true;
        }
    }

    /// <summary>The address of the first element, in the device's memory. The tensor must be kept alive while it is used.</summary>
    public nint DevicePointer => (nint)Data;

    /// <summary>How often the storage was written in place.</summary>
    public int Version => Storage.Version;

    /// <summary>Whether two tensors share memory.</summary>
    public bool SharesStorageWith(Tensor other) => ReferenceEquals(Storage, other.Storage);

    internal Storage Storage => _storage ?? throw Released();

    internal byte* Data => (byte*)Storage.Pointer + Offset * DType.Size;

    internal bool IsAlive => _storage is not null;

    /// <summary>The op that made this tensor, for messages.</summary>
    internal string? Origin { get; set; }

    internal bool IsKept { get; private set; }

    internal bool IsReturned { get; set; }

    internal int FrameDepth { get; set; }

    /// <summary>Takes the tensor out of its lifetime frame: it lives as long as something refers to it.</summary>
    public Tensor Keep()
    {
        IsKept = true;
        return this;
    }

    /// <summary>Gives the memory back now instead of at the end of the frame. Later use throws. Never needed.</summary>
    public void Release() => ReleaseHandle();

    internal void ReleaseHandle()
    {
        var storage = Interlocked.Exchange(ref _storage, null);
        storage?.Release();
    }

    private TensorReleasedException Released() =>
        new(
            $"this tensor of shape {Shape}, dtype {DType.Name}{(Origin is { } op ? $", made by '{op}'," : "")} was released when its "
                + "lifetime frame ended; return it from the frame, or call Keep() on it inside"
        );

    /// <summary>A tensor that shares the storage and takes no part in frames: what the graph saves.</summary>
    internal Tensor Hold()
    {
        Storage.Retain();
        return new Tensor(Storage, Shape, _strides, Offset, DType, tracked: false)
        {
            Origin = Origin,
            Node = Node,
            OutputIndex = OutputIndex,
            IsKept = true,
        };
    }

    /// <summary>Another view of the same storage, without a graph node.</summary>
    internal Tensor View(Shape shape, long[] strides, long offset)
    {
        Storage.Retain();
        return new Tensor(Storage, shape, strides, offset, DType) { Origin = Origin };
    }

    /// <summary>An uninitialised contiguous tensor.</summary>
    internal static Tensor Allocate(Shape shape, DType dtype, Device device, string origin) =>
        new(device.Memory.Rent(shape.NumElements * dtype.Size, origin), shape, shape.StrideArray, 0, dtype)
        {
            Origin = origin,
        };

    internal void ThrowIfNotWritable(string op)
    {
        if (RequiresGrad && EngineState.Current.GradEnabled)
            throw new AutogradException(
                $"{op}: writes in place to a tensor of shape {Shape} that requires gradients; do it inside Autograd.NoGrad()"
            );
    }
}
