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

    [Test]
    public void AnUpdateOfAveragesIsOneLaunch()
    {
        using var frame = Lifetime.Frame();
        var device = (NativeDevice)TestDevices.Open("simt");
        var average = new ExponentialMovingAverage(FiftyParameters(device));
        average.Update();
        var before = device.LaunchCount;
        average.Update();
        Assert.That(device.LaunchCount - before, Is.EqualTo(1));
    }

    /// <summary>Two launches for the norm, one to scale, however many parameters there are.</summary>
    [Test]
    public void ClippingTheNormOfGradientsIsThreeLaunches()
    {
        using var frame = Lifetime.Frame();
        var device = (NativeDevice)TestDevices.Open("simt");
        var parameters = FiftyParameters(device);
        foreach (var parameter in parameters)
            parameter.Grad = Tensor.Ones(parameter.Shape, device: device);
        var before = device.LaunchCount;
        GradientClipping.ClipGradNorm(parameters, 1);
        Assert.That(device.LaunchCount - before, Is.EqualTo(3));
    }

    private static List<Tensor> FiftyParameters(Device device)
    {
        var parameters = Enumerable.Range(1, 50).Select(i => Tensor.Ones([i], device: device)).ToList();
        foreach (var parameter in parameters)
            parameter.RequiresGrad = true;
        return parameters;
    }

    /// <summary>The weight is packed and the product computed; images with the channels last are taken as they lie.</summary>
    [Test]
    public void ConvolutionsCopyNoImagesWithTheChannelsLast()
    {
        using var frame = Lifetime.Frame();
        var device = (NativeDevice)TestDevices.Open("simt");
        var images = Tensor.Ones([2, 8, 6, 7], device: device).ChannelsLast();
        var weight = Tensor.Ones([8, 8, 3, 3], device: device);
        var before = device.LaunchCount;
        var y = images.Conv2d(weight);
        Assert.That(device.LaunchCount - before, Is.EqualTo(2));
        before = device.LaunchCount;
        new ConvFamily(2).BackwardFilter(
            y,
            images,
            weight.Shape,
            Attributes.Of(new long[] { 1 }, new long[] { 0 }, new long[] { 1 }, 1)
        );
        Assert.That(device.LaunchCount - before, Is.EqualTo(1));
    }

    /// <summary>A step of a sequence is one launch, forward and backward; what comes before and after does not grow with the steps.</summary>
    [TestCase(false)]
    [TestCase(true)]
    public void AStepOfALstmIsOneLaunch(bool withLengths)
    {
        const int Batch = 3,
            Features = 5,
            Hidden = 4;
        using var frame = Lifetime.Frame();
        var device = (NativeDevice)TestDevices.Open("simt");
        Tensor Weight(params long[] shape)
        {
            var weight = Tensor.Full(new Shape(shape), 0.1, device: device);
            weight.RequiresGrad = true;
            return weight;
        }
        long Launches(int steps)
        {
            var input = Tensor.Ones([steps, Batch, Features], device: device);
            var lengths = withLengths ? Tensor.From<long>([2, 3, 1], device: device) : null;
            var (ofInput, ofHidden) = (Weight(4 * Hidden, Features), Weight(4 * Hidden, Hidden));
            var before = device.LaunchCount;
            input.Lstm(ofInput, ofHidden, lengths: lengths, reverse: true).Output.Sum().Backward();
            return device.LaunchCount - before;
        }
        Assert.That(Launches(13) - Launches(3), Is.EqualTo(10 + 10));
    }

    private static TestCaseData On(string name, Func<Tensor, Tensor, Tensor> call) =>
        new TestCaseData(call).SetArgDisplayNames(name);
}
