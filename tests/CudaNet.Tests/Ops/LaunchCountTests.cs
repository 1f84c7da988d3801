using CudaNet.Nn;
using CudaNet.Optim;

namespace CudaNet.Tests.Ops;

/// <summary>What is one kernel stays one launch: nothing is copied, cast or filled on the side.</summary>
[TestFixture, Category("Simt")]
public sealed class LaunchCountTests
{
    public static IEnumerable<TestCaseData> Single =>
        [
            On("layer_norm", (x, row) => x.LayerNorm([96], row, row)),
            On("rms_norm", (x, row) => x.RmsNorm([96], row)),
            On("group_norm", (x, row) => x.GroupNorm(8, row, row)),
            On(
                "conv_transpose2d with bias",
                (x, row) => x.Reshape(1, 96, 8, 12).ConvTranspose2d(x.Reshape(96, 96, 1, 1), row)
            ),
            On("upsample_bilinear2d", (x, _) => x.Reshape(1, 96, 96).UpsampleBilinear2d([64])),
            On("batch_norm", (x, row) => x.BatchNorm(weight: row, bias: row)),
            On("max_pool2d", (x, _) => x.Reshape(1, 96, 96).MaxPool2d([3], [2], [1])),
            On("avg_pool2d", (x, _) => x.Reshape(1, 96, 96).AvgPool2d([2])),
            On("pad", (x, _) => x.Pad([1, 1, 2, 2], PadMode.Reflect)),
            On("softmax", (x, _) => x.Softmax(-1)),
            On("log_softmax", (x, _) => x.LogSoftmax(-1)),
            On("cast, contiguous copy", (x, _) => x.Clone()),
            On("cast to another dtype", (x, _) => x.Cast(DType.Float16)),
            On("add, a row to each row", (x, row) => x.Add(row)),
            On("add, transposed", (x, _) => x.Transpose(0, 1).Add(x.Transpose(0, 1))),
            On("relu", (x, _) => x.Relu()),
            On("matmul, transposed", (x, _) => x.MatMul(x.Transpose(0, 1))),
            On("attention", (x, _) => x.ScaledDotProductAttention(x, x, isCausal: true)),
            On("linear with bias", (x, row) => x.Linear(x, row)),
        ];

    [TestCaseSource(nameof(Single))]
    public void IsOneLaunch(Func<Tensor, Tensor, Tensor> call)
    {
        var device = (NativeDevice)TestDevices.Open("simt");
        using var frame = Lifetime.Frame();
        var (x, row) = (Tensor.Ones([96, 96], device: device), Tensor.Ones([96], device: device));
        var before = device.LaunchCount;
        call(x, row);
        Assert.That(device.LaunchCount - before, Is.EqualTo(1));
    }

    [Test]
    public void AViewLaunchesNothing()
    {
        var device = (NativeDevice)TestDevices.Open("simt");
        using var frame = Lifetime.Frame();
        var x = Tensor.Ones([4, 6], device: device);
        var before = device.LaunchCount;
        x.Transpose(0, 1).Slice(0, 1, 4);
        x.Slice(0, 1, 3).Reshape(3, 4).Contiguous();
        Assert.That(device.LaunchCount - before, Is.Zero);
    }

    /// <summary>Also with parameters of very different sizes, as a network has.</summary>
    [Test]
    public void AStepOfAdamWOverANetworkIsOneLaunch()
    {
        var device = (NativeDevice)TestDevices.Open("simt");
        using var frame = Lifetime.Frame();
        var model = new Sequential(
            new Linear(40, 50, device: device),
            new Relu(),
            new Linear(50, 30, device: device),
            new Relu(),
            new Linear(30, 10, device: device)
        );
        var optimizer = new AdamW(model.Parameters(), learningRate: 1e-3);
        model.Call(Tensor.Ones([8, 40], device: device)).Sum().Backward();
        optimizer.Step();
        var before = device.LaunchCount;
        optimizer.Step();
        Assert.That(device.LaunchCount - before, Is.EqualTo(1));
    }

    private static TestCaseData On(string name, Func<Tensor, Tensor, Tensor> call) =>
        new TestCaseData(call).SetArgDisplayNames(name);
}
