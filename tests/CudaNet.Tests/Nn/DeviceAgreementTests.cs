namespace CudaNet.Tests.Nn;

using CudaNet;
using CudaNet.Nn;
using CudaNet.Optim;

[TestFixture]
public sealed class DeviceAgreementTests
{
    /// <summary>The same network from one seed on the managed kernels and on the CUDA kernels: every loss of 20 steps agrees.</summary>
    [Test, Category("Simt")]
    public void TwentyMlpStepsAgreeBetweenCpuAndSimt()
    {
        var simt = TestDevices.Open("simt");
        var cpu = Losses(Device.Cpu);
        var other = Losses(simt);
        TestContext.Out.WriteLine(
            $"largest relative difference {cpu.Zip(other).Max(p => Math.Abs(p.First - p.Second) / p.First):E2}"
        );
        for (var step = 0; step < cpu.Length; step++)
            Assert.That(other[step], Is.EqualTo(cpu[step]).Within(1e-4 * cpu[step]), $"step {step}");
        Assert.That(cpu[^1], Is.LessThan(0.7 * cpu[0]), "the network learns");
    }

    private static double[] Losses(Device device)
    {
        var generator = new Generator(11);
        var model = new Sequential(
            new Linear(784, 512, device: device, generator: generator),
            new Relu(),
            new Linear(512, 512, device: device, generator: generator),
            new Relu(),
            new Linear(512, 10, device: device, generator: generator)
        );
        var optimizer = new AdamW(model.Parameters(), learningRate: 1e-3);
        var images = Tensor.Rand([32, 784], 0, 1, DType.Float32, device, generator);
        var labels = Tensor.From([.. Enumerable.Range(0, 32).Select(i => (long)(i % 10))], [32], device);
        var losses = new double[20];
        for (var step = 0; step < losses.Length; step++)
        {
            using var frame = Lifetime.Frame();
            var loss = model.Call(images).CrossEntropy(labels);
            optimizer.ZeroGrad();
            loss.Backward();
            optimizer.Step();
            losses[step] = loss.Item();
        }
        return losses;
    }
}
