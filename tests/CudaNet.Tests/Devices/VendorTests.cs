using CudaNet.Verification;

namespace CudaNet.Tests.Devices;

using CudaNet;

/// <summary>cuBLAS and cuDNN by stand-ins that compute on the host: every argument that we hand them has its effect.</summary>
[TestFixture, Category("Simt"), NonParallelizable]
public sealed class VendorTests
{
    private NativeDevice _device = null!;

    [SetUp]
    public void Open()
    {
        _device = (NativeDevice)TestDevices.Open("simt");
        TestDevices.Beside(_device, "libcublas_stand_in.so");
    }

    [TestCase("matmul", false)]
    [TestCase("linear", false)]
    [TestCase("conv2d", false)]
    [TestCase("conv2d_backward_data", false)]
    [TestCase("conv2d_backward_filter", false)]
    [TestCase("linear", true)]
    [TestCase("conv2d", true)]
    public void EveryCasePasses(string op, bool defer)
    {
        var before = _device.VendorCallCount;
        var summary = CheckRunner.Run(
            new CheckOptions
            {
                Device = _device,
                Op = op,
                Kernels = KernelSource.Vendor,
                Gradients = false,
                Simt = defer ? new SimtOptions(Defer: true, ScheduleSeed: 5) : null,
            }
        );
        Assert.That(summary.Failures.Select(f => f.ToString()), Is.Empty);
        Assert.That(_device.VendorCallCount - before, Is.GreaterThan(summary.Cases / 2), "most cases are the vendor's");
    }

    [Test]
    public void AreChosenByTheScopeAlone()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.Ones([4, 4], device: _device);
        var (calls, launches) = (_device.VendorCallCount, _device.LaunchCount);
        using (Engine.UseKernels(KernelSource.Vendor))
            Assert.That(x.MatMul(x).ToDoubles(), Is.All.EqualTo(4));
        Assert.That(_device.VendorCallCount - calls, Is.EqualTo(1));
        Assert.That(_device.LaunchCount, Is.EqualTo(launches), "no kernel of ours runs");
        Assert.That(x.MatMul(x).ToDoubles(), Is.All.EqualTo(4));
        Assert.That(_device.VendorCallCount - calls, Is.EqualTo(1));
    }

    [Test]
    public void CallsAreCapturedAsLaunchesAre()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.Ones([4, 4], device: _device);
        Tensor y = null!;
        using var kernels = Engine.UseKernels(KernelSource.Vendor);
        using var graph = CudaGraph.Capture(() => y = x.MatMul(x).Keep(), _device);
        x.CopyFrom<float>([.. Enumerable.Repeat(2f, 16)]);
        graph.Replay();
        Assert.That(y.ToDoubles(), Is.All.EqualTo(16));
    }

    [Test]
    public void AreReported()
    {
        var found = Diagnostics.Libraries().Where(l => l.Backend == "simt").ToDictionary(l => l.Name);
        Assert.That(found["cublas"].Version, Is.EqualTo("version 110000"));
        Assert.That(found["cudnn"].LoadedPath, Is.EqualTo("libcudnn_stand_in.so"));
    }
}
