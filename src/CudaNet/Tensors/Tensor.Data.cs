using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace CudaNet;

public sealed unsafe partial class Tensor
{
    private const int PrintedPerAxis = 6;

    /// <summary>A tensor with the values of a host array in C order; without a shape it has one axis.</summary>
    /// <exception cref="ShapeException">The shape has another number of elements than there are values.</exception>
    public static Tensor From<T>(ReadOnlySpan<T> values, Shape? shape = null, Device? device = null)
        where T : unmanaged
    {
        shape ??= new Shape(values.Length);
        if (shape.NumElements != values.Length)
            throw new ShapeException(
                $"From: {shape} has {shape.NumElements} elements, but {values.Length} values are given"
            );
        var tensor = Allocate(shape, DTypes.Of<T>(), device ?? Device.Default, "from");
        HostData.FromBytes(tensor, MemoryMarshal.AsBytes(values));
        return tensor;
    }

    /// <inheritdoc cref="From{T}(ReadOnlySpan{T}, Shape?, Device?)"/>
    public static Tensor From<T>(T[] values, Shape? shape = null, Device? device = null)
        where T : unmanaged => From((ReadOnlySpan<T>)values, shape, device);

    /// <summary>A tensor without axes.</summary>
    public static Tensor Scalar(double value, DType dtype = DType.Float32, Device? device = null)
    {
        var tensor = Allocate(Shape.Scalar, dtype, device ?? Device.Default, "scalar");
        HostData.Write(tensor, [value]);
        return tensor;
    }

    /// <summary>An uninitialised tensor.</summary>
    public static Tensor Empty(Shape shape, DType dtype = DType.Float32, Device? device = null) =>
        Allocate(shape, dtype, device ?? Device.Default, "empty");

    /// <summary>
    /// A tensor over memory that somebody else owns, such as a buffer of another CUDA library or a pinned array.
    /// It is read and written where it is, and never freed.
    /// </summary>
    /// <param name="pointer">The first element, in the device's memory.</param>
    /// <param name="shape">The extents.</param>
    /// <param name="dtype">The element type.</param>
    /// <param name="device">Where the memory is.</param>
    /// <param name="strides">In elements; C order when empty.</param>
    /// <param name="owner">Kept alive as long as the tensor's storage.</param>
    public static Tensor FromDevicePointer(
        nint pointer,
        Shape shape,
        DType dtype,
        Device device,
        ReadOnlySpan<long> strides = default,
        object? owner = null
    )
    {
        if (pointer == 0 && shape.NumElements > 0)
            throw new ArgumentNullException(nameof(pointer));
        if (!strides.IsEmpty && strides.Length != shape.Rank)
            throw new ShapeException($"FromDevicePointer: {shape} needs {shape.Rank} strides, got {strides.Length}");
        var bytes = shape.NumElements * dtype.Size;
        var storage = new Storage(null, device, (void*)pointer, bytes, owner) { Bytes = bytes };
        storage.Retain();
        var steps = strides.IsEmpty ? shape.StrideArray : strides.ToArray();
        return new Tensor(storage, shape, steps, 0, dtype) { Origin = "external memory" };
    }

    /// <summary>The values in C order; waits for the device.</summary>
    /// <exception cref="DTypeException"><typeparamref name="T"/> is not the tensor's element type.</exception>
    public T[] ToArray<T>()
        where T : unmanaged
    {
        RequireElementType<T>("ToArray");
        return MemoryMarshal.Cast<byte, T>(HostData.ToBytes(this)).ToArray();
    }

    /// <summary>The values as float64 in C order, whatever the dtype; waits for the device.</summary>
    public double[] ToDoubles() => HostData.ToDoubles(this);

    /// <summary>The value of a tensor with one element; waits for the device.</summary>
    /// <exception cref="ShapeException">It has not exactly one element.</exception>
    public double Item() =>
        NumElements == 1
            ? HostData.ToDoubles(this)[0]
            : throw new ShapeException($"Item: needs a tensor with one element; this one has shape {Shape}");

    /// <summary>The elements where they are, for a contiguous tensor in host memory. Keep the tensor alive meanwhile.</summary>
    public ReadOnlySpan<T> AsSpan<T>()
        where T : unmanaged
    {
        RequireElementType<T>("AsSpan");
        if (!Device.IsHostMemory)
            throw new DeviceException($"AsSpan: the tensor is on {Device}; use ToArray");
        if (!IsContiguous)
            throw new ShapeException($"AsSpan: the tensor of shape {Shape} is a strided view; call Contiguous() first");
        return new ReadOnlySpan<T>(Data, checked((int)NumElements));
    }

    /// <summary>Overwrites the values from the host. Only where no graph is recorded through the tensor.</summary>
    public void CopyFrom<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        RequireElementType<T>("CopyFrom");
        ThrowIfNotWritable("CopyFrom");
        HostData.FromBytes(this, MemoryMarshal.AsBytes(values));
        Storage.MarkWritten("CopyFrom");
    }

    /// <summary>
    /// Overwrites the values from pinned memory, on the current stream: ops that are called later see the new values, and the host goes on at once. In
    /// a captured graph each replay copies what the buffer holds then.
    /// </summary>
    /// <exception cref="ShapeException">The tensor is a strided view, or the buffer has another number of elements.</exception>
    public void CopyFromAsync<T>(PinnedBuffer<T> source)
        where T : unmanaged
    {
        RequireMatching(source, "CopyFromAsync");
        ThrowIfNotWritable("CopyFromAsync");
        Device.NoteUse(Storage);
        EngineState.Current.Capture?.NoteCopy(this, "CopyFromAsync", isWritten: true);
        source.BeginCopy(Data, toHost: false);
        Storage.MarkWritten("CopyFromAsync");
        GC.KeepAlive(this);
    }

    /// <summary>
    /// Copies the values, as the ops called so far leave them, to pinned memory, on the current stream; the host goes on at once. The buffer's
    /// Span waits for them.
    /// </summary>
    /// <exception cref="ShapeException">The tensor is a strided view, or the buffer has another number of elements.</exception>
    public void CopyToAsync<T>(PinnedBuffer<T> target)
        where T : unmanaged
    {
        RequireMatching(target, "CopyToAsync");
        Device.NoteUse(Storage);
        EngineState.Current.Capture?.NoteCopy(this, "CopyToAsync", isWritten: false);
        target.BeginCopy(Data, toHost: true);
        GC.KeepAlive(this);
    }

    private void RequireMatching<T>(PinnedBuffer<T> buffer, string caller)
        where T : unmanaged
    {
        RequireElementType<T>(caller);
        if (!ReferenceEquals(buffer.Device, Device))
            throw new DeviceException($"{caller}: the tensor is on {Device}, the pinned buffer is for {buffer.Device}");
        if (!IsContiguous)
            throw new ShapeException(
                $"{caller}: the tensor of shape {Shape} is a strided view; call Contiguous() first"
            );
        if (buffer.Length != NumElements)
            throw new ShapeException(
                $"{caller}: the tensor of shape {Shape} has {NumElements} elements, the pinned buffer {buffer.Length}"
            );
    }

    /// <summary>A copy on another device, outside the graph; the tensor itself when it is there already.</summary>
    internal Tensor CopyToDevice(Device device)
    {
        if (ReferenceEquals(device, Device))
            return this;
        var copy = Allocate(Shape, DType, device, "to");
        HostData.FromBytes(copy, HostData.ToBytes(this));
        return copy;
    }

    /// <summary>Overwrites this tensor with another's values, across devices.</summary>
    internal void Assign(Tensor source)
    {
        HostData.FromBytes(this, HostData.ToBytes(source));
        Storage.MarkWritten("assign");
    }

    /// <summary>Puts the tensor itself, which must be a contiguous leaf, and its gradient into another device's memory.</summary>
    internal void MoveTo(Device device)
    {
        if (ReferenceEquals(device, Device))
            return;
        var moved = CopyToDevice(device);
        moved.Storage.Retain();
        var old = Interlocked.Exchange(ref _storage, moved.Storage);
        old!.Release();
        moved.ReleaseHandle();
        if (Node is LeafNode { Gradient: { } gradient } leaf)
            leaf.Gradient = gradient.CopyToDevice(device).Keep();
    }

    private void RequireElementType<T>(string caller)
        where T : unmanaged
    {
        var asked = DTypes.Of<T>();
        if (asked != DType)
            throw new DTypeException(
                $"{caller}: the tensor of shape {Shape} holds {DType.Name}, not {asked.Name}; convert with Cast"
            );
    }

    /// <summary>The values, abbreviated beyond six along an axis, with shape, dtype and device.</summary>
    public override string ToString()
    {
        if (!IsAlive)
            return "tensor(released)";
        var text = new StringBuilder("tensor(");
        var values = HostData.ToDoubles(this);
        if (NumElements == 0)
            text.Append("[]");
        else
            Print(text, values, 0, 0, 7);
        text.Append(CultureInfo.InvariantCulture, $", shape={Shape}, dtype={DType.Name}");
        if (!ReferenceEquals(Device, Device.Cpu))
            text.Append(CultureInfo.InvariantCulture, $", device={Device}");
        return text.Append(RequiresGrad ? ", requires_grad)" : ")").ToString();
    }

    private void Print(StringBuilder text, double[] values, int axis, long at, int indent)
    {
        if (axis == Rank)
        {
            var value = values[at];
            text.Append(
                DType == DType.Bool ? (value != 0 ? "true" : "false")
                : DType.IsFloating ? value.ToString("G6", CultureInfo.InvariantCulture)
                : value.ToString("F0", CultureInfo.InvariantCulture)
            );
            return;
        }
        var step = Shape.ContiguousStrides[axis];
        text.Append('[');
        for (long i = 0; i < Shape[axis]; i++)
        {
            if (i > 0)
                text.Append(axis == Rank - 1 ? ", " : ",\n" + new string(' ', indent + axis + 1));
            if (Shape[axis] > PrintedPerAxis && i == PrintedPerAxis / 2)
            {
                text.Append("...");
                i = Shape[axis] - PrintedPerAxis / 2 - 1;
                continue;
            }
            Print(text, values, axis + 1, at + i * step, indent);
        }
        text.Append(']');
    }
}
