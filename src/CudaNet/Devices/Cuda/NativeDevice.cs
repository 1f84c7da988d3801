using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>A device behind the C ABI: simt or one GPU.</summary>
internal sealed unsafe partial class NativeDevice : Device
{
    private const int MaxOnStack = 32;

    private static readonly ConcurrentDictionary<string, Lazy<NativeApi>> Libraries = new();
    private static readonly ConcurrentDictionary<string, Lazy<NativeDevice>> Opened = new();

    private readonly int _index;
    private readonly Dictionary<string, nint> _kernels = [];
    private readonly ConditionalWeakTable<Op, KernelEntry> _byOp = [];

    private NativeDevice(string name, string backend, int index)
        : base(name)
    {
        _index = index;
        Backend = backend;
        Api = LoadLibrary(backend);
        Build = Marshal.PtrToStringUTF8((nint)Api.Build())!;
        int count;
        Api.Check(Api.DeviceCount(&count), $"counting {backend} devices");
        if (index >= count)
            throw new DeviceException(
                $"{name}: this machine has {count} {backend} device{(count == 1 ? "" : "s")}, numbered from 0"
            );
        for (var i = 0; i < Api.KernelCount(); i++)
        {
            var kernel = Api.KernelAt(i);
            _kernels[Marshal.PtrToStringUTF8((nint)kernel->Name)!] = (nint)kernel;
        }
    }

    public NativeApi Api { get; }

    public string Backend { get; }

    /// <summary>simt, simt-asan, simt-race or cuda.</summary>
    public string Build { get; }

    public int Index => _index;

    internal override bool HasRedZones => Build == "simt-asan";

    public override bool IsHostMemory => false;

    public static NativeDevice Open(string backend, int index)
    {
        var name = backend == "simt" ? "simt" : $"{backend}:{index}";
        var lazy = Opened.GetOrAdd(name, _ => new(() => new NativeDevice(name, backend, index)));
        try
        {
            return lazy.Value;
        }
        catch
        {
            // So that a later try, after the library was built, loads it.
            Opened.TryRemove(name, out _);
            Libraries.TryRemove(backend, out _);
            throw;
        }
    }

    internal static NativeApi LoadLibrary(string backend) =>
        Libraries.GetOrAdd(backend, b => new(() => NativeApi.Load(b))).Value;

    public IEnumerable<string> KernelNames => _kernels.Keys.Order(StringComparer.Ordinal);

    public string? SignatureOf(string kernel) =>
        _kernels.TryGetValue(kernel, out var entry)
            ? Marshal.PtrToStringUTF8((nint)((CnKernel*)entry)->Signature)
            : null;

    /// <summary>One line for each numbered variant of a kernel.</summary>
    public IReadOnlyList<string> VariantsOf(string kernel)
    {
        if (!_kernels.TryGetValue(kernel, out var entry))
            return [];
        var info = (CnKernel*)entry;
        var variants = new string[info->VariantCount];
        for (var i = 0; i < variants.Length; i++)
            variants[i] = Marshal.PtrToStringUTF8((nint)info->Variants[i])!;
        return variants;
    }

    public long LaunchCount => Api.LaunchCount();

    public long VendorCallCount => Api.VendorCallCount();

    internal override void Execute(in OpCall call)
    {
        var state = EngineState.Current;
        if (call.Op.Kind == OpKind.HostOnly)
        {
            if (state.Capture is not null)
                throw new CudaGraphException(
                    $"{call.Describe()}: is computed on the host ({call.Op.HostOnlyReason}), which a captured graph cannot repeat"
                );
            HostFallback.Run(call);
            return;
        }
        var stream = StreamOf(state);
        state.Capture?.Note(call);
        var kernel = KernelOf(call.Op);
        var parameters = call.Op.Signature.Inputs.Count + call.Op.Signature.Outputs.Count;
        var args = stackalloc CnArg[parameters];
        var tensorCount = call.Inputs.Length + call.Outputs.Length;
        var tensors = stackalloc CnTensor[Math.Min(tensorCount, MaxOnStack)];
        var rented =
            tensorCount > MaxOnStack
                ? (CnTensor*)NativeMemory.Alloc((nuint)tensorCount, (nuint)sizeof(CnTensor))
                : null;
        try
        {
            Describe(call, args, rented == null ? tensors : rented, stream);
            fixed (long* attributes = call.Attributes.Packed)
            {
                var native = new CnCall
                {
                    Device = _index,
                    Variant = VariantOf(call),
                    ArgCount = parameters,
                    AttributeCount = call.Op.Signature.Attributes.Count,
                    Args = args,
                    Attributes = attributes,
                    Stream = stream,
                };
                if (state.KernelSource != KernelSource.Vendor || !LaunchVendor(kernel, &native, call))
                    Launch(kernel, &native, call);
            }
        }
        finally
        {
            NativeMemory.Free(rented);
        }
    }

    private static int VariantOf(in OpCall call)
    {
        var state = EngineState.Current;
        if (state.KernelVariant != 0)
            return state.KernelVariant;
        if (state.AllowTf32 && call.Op.Tf32Variants is [var tf32, ..] && call.Outputs[0]!.DType == DType.Float32)
            return tf32;
        return state.AllowNondeterministic && call.Op.NondeterministicVariants is [var fastest, ..] ? fastest : 0;
    }

    private void Launch(CnKernel* kernel, CnCall* native, in OpCall call)
    {
        var status = Launch(kernel->Launch, kernel->Workspace, native, call.Op);
        if (status != 0)
            Api.Check(status, call.Describe());
    }

    /// <summary>Runs the call by a library of NVIDIA's; false when there is none for it, or it cannot serve the call.</summary>
    private bool LaunchVendor(CnKernel* kernel, CnCall* native, in OpCall call)
    {
        if (kernel->VendorLaunch == null || native->Variant != 0)
            return false;
        var status = Launch(kernel->VendorLaunch, kernel->VendorWorkspace, native, call.Op);
        if (status == (int)CnStatus.Unsupported)
            return false;
        if (status != 0)
            Api.Check(status, $"{call.Describe()} by {Marshal.PtrToStringUTF8((nint)kernel->Vendor)}");
        return true;
    }

    private int Launch(
        delegate* unmanaged<CnCall*, int> launch,
        delegate* unmanaged<CnCall*, long> query,
        CnCall* native,
        Op op
    )
    {
        Storage? workspace = null;
        native->Workspace = null;
        native->WorkspaceBytes = 0;
        if (query != null && query(native) is > 0 and var bytes)
        {
            workspace = Memory.Rent(bytes, $"workspace of {op.Name}");
            native->Workspace = workspace.Pointer;
            native->WorkspaceBytes = bytes;
        }
        var status = launch(native);
        // Returning it to the pool at once is safe: whoever gets it next works on it later in the same stream.
        workspace?.Release();
        return status;
    }

    private static void Describe(in OpCall call, CnArg* args, CnTensor* tensors, nint stream)
    {
        var signature = call.Op.Signature;
        var shape = call.Op.Broadcasts ? call.Output(0).Shape : null;
        var next = 0;
        for (var p = 0; p < signature.Inputs.Count; p++)
        {
            var (start, length) = call.Range(p);
            var first = next;
            for (var i = start; i < start + length; i++)
                if (call.Inputs[i] is { } tensor)
                    Fill(&tensors[next++], tensor, shape, stream);
            args[p] = new CnArg { Items = tensors + first, Count = next - first };
        }
        for (var o = 0; o < signature.Outputs.Count; o++)
        {
            var first = next;
            if (call.Outputs[o] is { } tensor)
                Fill(&tensors[next++], tensor, null, stream);
            args[signature.Inputs.Count + o] = new CnArg { Items = tensors + first, Count = next - first };
        }
    }

    private static void Fill(CnTensor* target, Tensor tensor, Shape? broadcast, nint stream)
    {
        tensor.Storage.UsedOn(stream);
        target->Data = tensor.Data;
        target->DType = (int)tensor.DType;
        var shape = broadcast ?? tensor.Shape;
        target->Rank = shape.Rank;
        shape.Dims.CopyTo(new Span<long>(target->Shape, Shape.MaxRank));
        var strides = new Span<long>(target->Strides, Shape.MaxRank);
        if (broadcast is null)
            tensor.Strides.CopyTo(strides);
        else
            ReferenceRunner.BroadcastStrides(tensor, shape, strides[..shape.Rank]);
    }

    private CnKernel* KernelOf(Op op)
    {
        if (!_byOp.TryGetValue(op, out var entry))
        {
            entry = new KernelEntry(FindKernel(op));
            _byOp.AddOrUpdate(op, entry);
        }
        return (CnKernel*)entry.Address;
    }

    private nint FindKernel(Op op)
    {
        if (!_kernels.TryGetValue(op.Name, out var address))
            throw new DeviceException(
                $"{op.Name}: {Api.Path} has no kernel of this name; build it again from the same sources"
            );
        var registered = SignatureOf(op.Name);
        if (registered != op.Signature.Native())
            throw new DeviceException(
                $"{op.Name}: the kernel in {Api.Path} has the signature '{registered}', the op '{op.Signature.Native()}'; build both from the same sources"
            );
        return address;
    }

    public CnDeviceInfo Info()
    {
        CnDeviceInfo info;
        Api.Check(Api.DeviceInfo(_index, &info), $"asking about {Name}");
        return info;
    }

    private sealed class KernelEntry(nint address)
    {
        public nint Address { get; } = address;
    }
}
