using System.Runtime.InteropServices;
using CudaNet.Nn;

namespace CudaNet.Tests.Devices;

using CudaNet;

[TestFixture, Category("Simt"), NonParallelizable]
public sealed unsafe class ProfilerTests
{
    [Test]
    public void ModulesAndLaunchersAreRanges()
    {
        var device = (NativeDevice)TestDevices.Open("simt");
        var recorder = TestDevices.Beside(device, "libnvtx_recorder.so");
        if (!Profiler.IsAttached)
            Profiler.Attach(recorder, device);
        Assert.That(Profiler.IsAttached);
        var library = NativeLibrary.Load(recorder);
        var recorded = (delegate* unmanaged<byte*>)NativeLibrary.GetExport(library, "nvtx_recorded");
        var depth = (delegate* unmanaged<int>)NativeLibrary.GetExport(library, "nvtx_depth");

        using var frame = Lifetime.Frame();
        var model = new Sequential(new Linear(3, 4, device: device), new Tanh());
        var x = Tensor.Ones([2, 3], device: device);
        recorded();
        using (Profiler.Range("step"))
            model.Call(x).Sum().Backward();
        var names = Marshal.PtrToStringUTF8((nint)recorded())!.TrimEnd().Split('\n');
        Assert.That(names.Take(6), Is.EqualTo(["step", " Sequential", "  Linear", "   linear", "  Tanh", "   tanh"]));
        Assert.That(
            names,
            Does.Contain(" sum").And.Contain(" backward").And.Contain("  matmul"),
            "the backward pass launches kernels, too"
        );
        Assert.Throws<ShapeException>(() => model.Call(Tensor.Ones([2, 5], device: device)));
        Assert.That(depth(), Is.Zero, "errors close their ranges");
        Assert.Throws<DeviceException>(() => Profiler.Attach(recorder, device));
    }
}
