using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>
/// The entry points of cudanet.h in one loaded library. simt and cuda export the same names, and both can be loaded at once, so they
/// are looked up per library and called through function pointers.
/// </summary>
internal sealed unsafe class NativeApi
{
    public const int AbiVersion = 2;

    public readonly delegate* unmanaged<CnError*> LastError;
    public readonly delegate* unmanaged<byte*> Build;
    public readonly delegate* unmanaged<int*, int> DeviceCount;
    public readonly delegate* unmanaged<int, CnDeviceInfo*, int> DeviceInfo;
    public readonly delegate* unmanaged<int> KernelCount;
    public readonly delegate* unmanaged<int, CnKernel*> KernelAt;
    public readonly delegate* unmanaged<long> LaunchCount;
    public readonly delegate* unmanaged<int, CnVendorInfo*, int> VendorInfo;
    public readonly delegate* unmanaged<long> VendorCallCount;
    public readonly delegate* unmanaged<int, long, nint, void**, int> Alloc;
    public readonly delegate* unmanaged<int, void*, nint, int> Free;
    public readonly delegate* unmanaged<int, void*, void*, long, int, nint, int> Copy;
    public readonly delegate* unmanaged<int, void*, void*, long, int, nint, int> CopyAsync;
    public readonly delegate* unmanaged<int, long, void**, int> HostAlloc;
    public readonly delegate* unmanaged<int, void*, int> HostFree;
    public readonly delegate* unmanaged<int, void*, int, long, nint, int> Memset;
    public readonly delegate* unmanaged<int, nint*, int> StreamCreate;
    public readonly delegate* unmanaged<int, nint, int> StreamDestroy;
    public readonly delegate* unmanaged<int, nint, int> StreamSynchronize;
    public readonly delegate* unmanaged<int, int> DeviceSynchronize;
    public readonly delegate* unmanaged<int, nint*, int> EventCreate;
    public readonly delegate* unmanaged<int, nint, int> EventDestroy;
    public readonly delegate* unmanaged<int, nint, nint, int> EventRecord;
    public readonly delegate* unmanaged<int, nint, nint, int> EventWait;
    public readonly delegate* unmanaged<int, nint, int> EventSynchronize;
    public readonly delegate* unmanaged<int, nint, int*, int> EventQuery;
    public readonly delegate* unmanaged<int, nint, nint, float*, int> EventElapsed;
    public readonly delegate* unmanaged<int, nint, int> CaptureBegin;
    public readonly delegate* unmanaged<int, nint, nint*, int> CaptureEnd;
    public readonly delegate* unmanaged<int, nint, nint, int> GraphLaunch;
    public readonly delegate* unmanaged<int, nint, long*, int> GraphNodeCount;
    public readonly delegate* unmanaged<int, nint, int> GraphDestroy;
    public readonly delegate* unmanaged<byte*, void> RangePush;
    public readonly delegate* unmanaged<void> RangePop;
    public readonly delegate* unmanaged<int> RangesAttached;
    public readonly delegate* unmanaged<byte*, int> RangesAttach;
    public readonly delegate* unmanaged<CnSimtConfig*, int> SimtConfigure;
    public readonly delegate* unmanaged<long, void> SimtLimitGrids;

    private NativeApi(string path, nint library)
    {
        Path = path;
        nint Export(string name) =>
            NativeLibrary.TryGetExport(library, name, out var address)
                ? address
                : throw new DeviceException(
                    $"{path} has no '{name}': it is no CudaNet library, or an older one; build it again with ./build.sh --target=Native"
                );

        var version = ((delegate* unmanaged<int>)Export("cn_abi_version"))();
        if (version != AbiVersion)
            throw new DeviceException(
                $"{path} has ABI version {version}, this program needs {AbiVersion}; build it again with ./build.sh --target=Native"
            );
        LastError = (delegate* unmanaged<CnError*>)Export("cn_last_error");
        Build = (delegate* unmanaged<byte*>)Export("cn_build");
        DeviceCount = (delegate* unmanaged<int*, int>)Export("cn_device_count");
        DeviceInfo = (delegate* unmanaged<int, CnDeviceInfo*, int>)Export("cn_device_info");
        KernelCount = (delegate* unmanaged<int>)Export("cn_kernel_count");
        KernelAt = (delegate* unmanaged<int, CnKernel*>)Export("cn_kernel_at");
        LaunchCount = (delegate* unmanaged<long>)Export("cn_launch_count");
        VendorInfo = (delegate* unmanaged<int, CnVendorInfo*, int>)Export("cn_vendor_info");
        VendorCallCount = (delegate* unmanaged<long>)Export("cn_vendor_call_count");
        Alloc = (delegate* unmanaged<int, long, nint, void**, int>)Export("cn_alloc");
        Free = (delegate* unmanaged<int, void*, nint, int>)Export("cn_free");
        Copy = (delegate* unmanaged<int, void*, void*, long, int, nint, int>)Export("cn_copy");
        CopyAsync = (delegate* unmanaged<int, void*, void*, long, int, nint, int>)Export("cn_copy_async");
        HostAlloc = (delegate* unmanaged<int, long, void**, int>)Export("cn_host_alloc");
        HostFree = (delegate* unmanaged<int, void*, int>)Export("cn_host_free");
        Memset = (delegate* unmanaged<int, void*, int, long, nint, int>)Export("cn_memset");
        StreamCreate = (delegate* unmanaged<int, nint*, int>)Export("cn_stream_create");
        StreamDestroy = (delegate* unmanaged<int, nint, int>)Export("cn_stream_destroy");
        StreamSynchronize = (delegate* unmanaged<int, nint, int>)Export("cn_stream_synchronize");
        DeviceSynchronize = (delegate* unmanaged<int, int>)Export("cn_device_synchronize");
        EventCreate = (delegate* unmanaged<int, nint*, int>)Export("cn_event_create");
        EventDestroy = (delegate* unmanaged<int, nint, int>)Export("cn_event_destroy");
        EventRecord = (delegate* unmanaged<int, nint, nint, int>)Export("cn_event_record");
        EventWait = (delegate* unmanaged<int, nint, nint, int>)Export("cn_event_wait");
        EventSynchronize = (delegate* unmanaged<int, nint, int>)Export("cn_event_synchronize");
        EventQuery = (delegate* unmanaged<int, nint, int*, int>)Export("cn_event_query");
        EventElapsed = (delegate* unmanaged<int, nint, nint, float*, int>)Export("cn_event_elapsed");
        CaptureBegin = (delegate* unmanaged<int, nint, int>)Export("cn_capture_begin");
        CaptureEnd = (delegate* unmanaged<int, nint, nint*, int>)Export("cn_capture_end");
        GraphLaunch = (delegate* unmanaged<int, nint, nint, int>)Export("cn_graph_launch");
        GraphNodeCount = (delegate* unmanaged<int, nint, long*, int>)Export("cn_graph_node_count");
        GraphDestroy = (delegate* unmanaged<int, nint, int>)Export("cn_graph_destroy");
        RangePush = (delegate* unmanaged<byte*, void>)Export("cn_range_push");
        RangePop = (delegate* unmanaged<void>)Export("cn_range_pop");
        RangesAttached = (delegate* unmanaged<int>)Export("cn_ranges_attached");
        RangesAttach = (delegate* unmanaged<byte*, int>)Export("cn_ranges_attach");
        SimtConfigure = (delegate* unmanaged<CnSimtConfig*, int>)Export("cn_simt_configure");
        SimtLimitGrids = (delegate* unmanaged<long, void>)Export("cn_simt_limit_grids");
    }

    /// <summary>The file that was loaded.</summary>
    public string Path { get; }

    public static NativeApi Load(string backend)
    {
        var tried = new List<string>();
        foreach (var path in NativeLocations.Candidates(backend))
        {
            if (!File.Exists(path))
            {
                tried.Add($"{path}: not there");
                continue;
            }
            try
            {
                var api = new NativeApi(path, NativeLibrary.Load(path));
                Profiler.Listen(api);
                return api;
            }
            catch (DllNotFoundException e)
            {
                tried.Add($"{path}: {NativeLocations.MissingDependency(path) ?? e.Message.ReplaceLineEndings(" ")}");
            }
        }
        var cure =
            backend == "simt"
                ? "build it with ./build.sh --target=Native"
                : "build it with ./build.sh --target=Cuda on a machine with nvcc";
        throw new DeviceException(
            $"device {backend}: {NativeLocations.FileName(backend)} cannot be loaded; {cure}. Tried {string.Join("; ", tried)}"
        );
    }

    /// <summary>Throws what the library recorded for a failed call.</summary>
    public void Check(int status, string what)
    {
        if (status == (int)CnStatus.Ok)
            return;
        var error = LastError();
        var message = Marshal.PtrToStringUTF8((nint)error->Message);
        var kernel = Marshal.PtrToStringUTF8((nint)error->Kernel);
        var name = string.IsNullOrEmpty(kernel) ? "" : $" (kernel {kernel})";
        var code = error->CudaError == 0 ? "" : $", CUDA error {error->CudaError}";
        var text = $"{what}{name}: {message} [{(CnStatus)status}{code}]";
        throw (CnStatus)status switch
        {
            CnStatus.OutOfMemory => new OutOfDeviceMemoryException(text),
            CnStatus.Unsupported => new DTypeException(text),
            CnStatus.Capturing => new CudaGraphException(text),
            _ => new DeviceException(text),
        };
    }
}
