using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace CudaNet;

/// <summary>A device that this machine has, or the reason why it has none of the kind.</summary>
/// <param name="Name"><c>cpu</c>, <c>simt</c>, <c>cuda:N</c>, or <c>cuda</c> when there is none.</param>
/// <param name="IsAvailable">Whether tensors can be made there.</param>
/// <param name="Description">What it is: cores and vectors, or the GPU's name.</param>
/// <param name="MemoryBytes">Memory of the device in bytes; 0 when not known.</param>
/// <param name="Problem">Why it is not available, and what to do; null when it is.</param>
public sealed record DeviceStatus(string Name, bool IsAvailable, string Description, long MemoryBytes, string? Problem);

/// <summary>A place where a native library was looked for.</summary>
/// <param name="Path">The file.</param>
/// <param name="Exists">Whether it is there.</param>
public sealed record LibraryCandidate(string Path, bool Exists);

/// <summary>What is known of one native library.</summary>
/// <param name="Name">The file name, such as <c>libcudanet_simt.so</c>.</param>
/// <param name="Backend">The device kind that needs it.</param>
/// <param name="Candidates">Where it was looked for, in order.</param>
/// <param name="LoadedPath">The file that was loaded, or null.</param>
/// <param name="Version">How it was built; null when it is not loaded.</param>
/// <param name="Kernels">How many kernels it has registered.</param>
/// <param name="Problems">What is wrong with a file that is there; empty for one that is merely absent.</param>
/// <param name="Remedy">What to do when it is absent or broken.</param>
public sealed record LibraryStatus(
    string Name,
    string Backend,
    IReadOnlyList<LibraryCandidate> Candidates,
    string? LoadedPath,
    string? Version,
    int Kernels,
    IReadOnlyList<string> Problems,
    string Remedy
)
{
    /// <summary>Whether a file is there that cannot be used; absence alone is nothing wrong.</summary>
    public bool IsBroken => Problems.Count > 0;
}

/// <summary>What this machine has: devices, native libraries, vector instructions.</summary>
public static class Diagnostics
{
    private const string CudaDriver = "libcuda.so.1";

    /// <summary>Every device, and one line for each kind that has none.</summary>
    public static IReadOnlyList<DeviceStatus> Devices() => [Cpu(), Simt(), .. Cuda()];

    /// <summary>The native libraries of CudaNet, and the NVIDIA driver that one of them needs.</summary>
    public static IReadOnlyList<LibraryStatus> Libraries() =>
        [
            Library("simt", "./build.sh --target=Native builds it from the kernels (needs g++ and cmake)"),
            Library("cuda", "./build.sh --target=Cuda builds it where nvcc is installed (CUDA 11.8 or newer)"),
            Driver(),
            .. Vendors("cuda"),
            .. Vendors("simt"),
        ];

    /// <summary>The widest vectors that the managed kernels use, such as <c>AVX-512 (512 bits)</c>.</summary>
    public static string VectorInstructions =>
        Vector512.IsHardwareAccelerated ? "AVX-512 (512 bits)"
        : Vector256.IsHardwareAccelerated ? "AVX2 (256 bits)"
        : Vector128.IsHardwareAccelerated
            ? $"{(System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported ? "NEON" : "SSE")} (128 bits)"
        : "none";

    private static DeviceStatus Cpu() =>
        new(
            "cpu",
            true,
            $"managed kernels, {Environment.ProcessorCount} cores, {VectorInstructions}",
            GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            null
        );

    private static DeviceStatus Simt()
    {
        try
        {
            var device = NativeDevice.Open("simt", 0);
            var kernels = device.KernelNames.Count();
            return new("simt", true, $"the CUDA kernels on the CPU, {kernels} kernels from {device.Api.Path}", 0, null);
        }
        catch (CudaNetException e)
        {
            return new("simt", false, "the CUDA kernels on the CPU", 0, e.Message);
        }
    }

    private static IEnumerable<DeviceStatus> Cuda()
    {
        var found = new List<DeviceStatus>();
        for (var index = 0; ; index++)
        {
            try
            {
                var device = NativeDevice.Open("cuda", index);
                found.Add(Describe(device));
            }
            catch (CudaNetException e)
            {
                // Past the last GPU this is the usual end of the list.
                return found.Count > 0 ? found : [new("cuda", false, "NVIDIA GPUs", 0, e.Message)];
            }
        }
    }

    private static unsafe DeviceStatus Describe(NativeDevice device)
    {
        var info = device.Info();
        var name = Marshal.PtrToStringUTF8((nint)info.Name);
        var text =
            $"{name}, sm_{info.ComputeMajor}{info.ComputeMinor}, {info.Multiprocessors} multiprocessors, "
            + $"CUDA runtime {CudaVersion(info.RuntimeVersion)}, driver {CudaVersion(info.DriverVersion)}";
        return new(device.Name, true, text, info.MemoryBytes, null);
    }

    private static string CudaVersion(int number) => $"{number / 1000}.{number % 1000 / 10}";

    private static LibraryStatus Library(string backend, string remedy)
    {
        var candidates = NativeLocations
            .Candidates(backend)
            .Select(path => new LibraryCandidate(path, File.Exists(path)))
            .ToList();
        var status = new LibraryStatus(
            NativeLocations.FileName(backend),
            backend,
            candidates,
            null,
            null,
            0,
            [],
            remedy
        );
        if (!candidates.Any(c => c.Exists))
            return status;
        try
        {
            return Loaded(status, NativeApi.Load(backend));
        }
        catch (CudaNetException e)
        {
            return status with { Problems = [e.Message] };
        }
    }

    private static unsafe LibraryStatus Loaded(LibraryStatus status, NativeApi api)
    {
        var signatures = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < api.KernelCount(); i++)
        {
            var kernel = api.KernelAt(i);
            signatures[Marshal.PtrToStringUTF8((nint)kernel->Name)!] = Marshal.PtrToStringUTF8(
                (nint)kernel->Signature
            )!;
        }
        var problems = new List<string>();
        foreach (var op in Registry.All.Where(op => op.Kind == OpKind.Kernel))
        {
            if (!signatures.TryGetValue(op.Name, out var registered))
                problems.Add($"the kernel '{op.Name}' is missing: the library is older than this program");
            else if (registered != op.Signature.Native())
                problems.Add(
                    $"'{op.Name}' has the signature '{registered}', this program needs '{op.Signature.Native()}'"
                );
        }
        return status with
        {
            LoadedPath = api.Path,
            Version = $"ABI {NativeApi.AbiVersion}, {Marshal.PtrToStringUTF8((nint)api.Build())}",
            Kernels = signatures.Count,
            Problems = problems,
        };
    }

    /// <summary>The libraries of NVIDIA's that a loaded library of ours can use.</summary>
    private static unsafe List<LibraryStatus> Vendors(string backend)
    {
        var found = new List<LibraryStatus>();
        NativeApi api;
        try
        {
            api = NativeDevice.LoadLibrary(backend);
        }
        catch (CudaNetException)
        {
            return found;
        }
        CnVendorInfo info;
        for (var i = 0; api.VendorInfo(i, &info) == 0; i++)
        {
            var (name, loaded) = (Text(info.Name), Text(info.Loaded));
            var isLoaded = loaded.Length > 0;
            found.Add(
                new(
                    name,
                    backend,
                    [new(isLoaded ? loaded : Text(info.Problem), isLoaded)],
                    isLoaded ? loaded : null,
                    isLoaded ? $"version {info.Version}" : null,
                    0,
                    [],
                    backend == "cuda"
                        ? $"optional: with {name} of CUDA 11, 12 or 13 on the loader's path, Engine.UseKernels(KernelSource.Vendor) uses it"
                        : "optional: a stand-in for tests, built with the native tests"
                )
            );
        }
        return found;

        static string Text(byte* text) => Marshal.PtrToStringUTF8((nint)text)!;
    }

    private static LibraryStatus Driver()
    {
        var file = OperatingSystem.IsWindows() ? "nvcuda.dll" : CudaDriver;
        var loaded = NativeLibrary.TryLoad(file, out _);
        return new(
            file,
            "cuda",
            [new($"{file} on the loader's path", loaded)],
            loaded ? file : null,
            loaded ? "NVIDIA driver" : null,
            0,
            [],
            "install the NVIDIA driver; without a GPU it is not needed"
        );
    }
}
