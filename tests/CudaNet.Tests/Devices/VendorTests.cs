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
        TestDevices.Beside(_device, "libcublaslt_stand_in.so");
    }

    [TestCase("matmul", false)]
    [TestCase("linear", false)]
    [TestCase("linear_act", false)]
    [TestCase("conv2d", false)]
    [TestCase("conv2d_backward_data", false)]
    [TestCase("conv2d_backward_filter", false)]
    [TestCase("linear", true)]
    [TestCase("linear_act", true)]
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
        // Of linear_act those in f64, and those with another activation than relu in f16 and bf16, are not for cuBLASLt.
        var share = op == "linear_act" ? 4 : 2;
        Assert.That(_device.VendorCallCount - before, Is.GreaterThan(summary.Cases / share), "many are the vendor's");
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

    /// <summary>A layer with bias, residual and relu is one call of cuBLASLt; what it has no epilogue for takes one pass more.</summary>
    [TestCase(Activation.Relu, 0)]
    [TestCase(Activation.Gelu, 1)]
    [TestCase(Activation.Tanh, 1)]
    public void EpiloguesAreThoseOfCublasLt(Activation activation, int launches)
    {
        using var frame = Lifetime.Frame();
        var generator = new Generator(3);
        var x = Tensor.RandN([6, 5], device: _device, generator: generator);
        var weight = Tensor.RandN([7, 5], device: _device, generator: generator);
        var bias = Tensor.RandN([7], device: _device, generator: generator);
        var residual = Tensor.RandN([6, 7], device: _device, generator: generator);
        var expected = x.Linear(weight, bias, activation, residual).ToDoubles();
        var (calls, before) = (_device.VendorCallCount, _device.LaunchCount);
        using (Engine.UseKernels(KernelSource.Vendor))
            Assert.That(x.Linear(weight, bias, activation, residual).ToDoubles(), Is.EqualTo(expected).Within(1e-5));
        Assert.That(_device.VendorCallCount - calls, Is.EqualTo(1));
        Assert.That(_device.LaunchCount - before, Is.EqualTo(launches));
    }

    /// <summary>Only what cuBLASLt cannot serve writes the bias first: f64, and a bias with gaps.</summary>
    [Test]
    public void ABiasIsPartOfTheEpilogueWhereItCanBe()
    {
        using var frame = Lifetime.Frame();
        foreach (
            var (dtype, step, launches) in new[] { (DType.Float32, 1, 0), (DType.Float32, 2, 1), (DType.Float64, 1, 1) }
        )
        {
            var x = Tensor.Ones([3, 4], dtype, _device);
            var weight = Tensor.Ones([5, 4], dtype, _device);
            var bias = Tensor.Ones([5 * step], dtype, _device).Slice(0, 0, 5 * step, step);
            var before = _device.LaunchCount;
            using (Engine.UseKernels(KernelSource.Vendor))
                Assert.That(x.Linear(weight, bias).ToDoubles(), Is.All.EqualTo(5));
            Assert.That(_device.LaunchCount - before, Is.EqualTo(launches), $"{dtype.Name}, step {step}");
        }
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
        Assert.That(found["cublaslt"].LoadedPath, Is.EqualTo("libcublaslt_stand_in.so"));
        Assert.That(found["cudnn"].LoadedPath, Is.EqualTo("libcudnn_stand_in.so"));
    }
}
