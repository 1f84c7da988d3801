namespace CudaNet.Tests.Ops;

using CudaNet.Nn;

/// <summary>Poolings: conventions that random cases do not meet, and what is refused.</summary>
[TestFixture]
public sealed class PoolingTests
{
    private static Tensor Count(params long[] shape) =>
        Tensor.Arange(new Shape(shape).NumElements, DType.Float32).Reshape(shape);

    [TestCase("cpu")]
    [TestCase("simt")]
    public void OfEqualElementsTheFirstWinsAndOfNaNsTheLast(string device)
    {
        const float nan = float.NaN;
        const float low = float.NegativeInfinity;
        var x = Tensor.From([2, 2, nan, 1, 2, 2, nan, 0, low, low, 5, nan, low, low, 7, 9f], [1, 4, 4]);
        var (y, indices) = x.To(TestDevices.Open(device)).MaxPool2dWithIndices([2]);
        using var all = Assert.EnterMultipleScope();
        Assert.That(y.ToArray<float>(), Is.EqualTo(new[] { 2, nan, low, nan }));
        Assert.That(indices.ToArray<long>(), Is.EqualTo(new long[] { 0, 6, 8, 11 }));
    }

    /// <summary>The window's place in the plane counts, also where it begins in the padding.</summary>
    [TestCase("cpu")]
    [TestCase("simt")]
    public void WindowsThatHoldNothingButMinusInfinityPointIntoTheInput(string device)
    {
        var x = Tensor.Full([1, 3, 3], double.NegativeInfinity, device: TestDevices.Open(device));
        var (y, indices) = x.MaxPool2dWithIndices([3], [2], [1]);
        using var all = Assert.EnterMultipleScope();
        Assert.That(y.ToArray<float>(), Is.All.EqualTo(float.NegativeInfinity));
        Assert.That(indices.ToArray<long>(), Is.EqualTo(new long[] { 0, 1, 3, 4 }));
    }

    [TestCase("cpu")]
    [TestCase("simt")]
    public void GradientsOfOverlappingWindowsAddUp(string device)
    {
        var x = Tensor.From<float>([1, 5, 2, 4, 9, 3, 0, 7, 6], [1, 3, 3], TestDevices.Open(device));
        x.RequiresGrad = true;
        x.MaxPool2d([2], [1]).Backward(Tensor.From<float>([1, 10, 100, 1000], [1, 2, 2], x.Device));
        Assert.That(x.Grad!.ToDoubles(), Is.EqualTo(new double[] { 0, 0, 0, 0, 1111, 0, 0, 0, 0 }));
    }

    /// <summary>Values of PyTorch 1.13.</summary>
    [Test]
    public void SequencesArePooledAsImagesOfHeightOne()
    {
        var x = Tensor.From<float>([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7], [2, 7]);
        using var all = Assert.EnterMultipleScope();
        Assert.That(
            x.MaxPool1d(3, 2, 1, ceilMode: true).ToDoubles(),
            Is.EqualTo(new double[] { 3, 4, 9, 9, 6, 5, 9, 9 })
        );
        Assert.That(x.MaxPool1d(2, dilation: 2).ToDoubles(), Is.EqualTo(new double[] { 4, 5, 5, 6, 8, 8 }));
        Assert.That(
            x.AvgPool1d(3, 2, 1).ToDoubles(),
            Is.EqualTo(new[] { 4 / 3.0, 2, 5, 11 / 3.0, 11 / 3.0, 13 / 3.0, 22 / 3.0, 16 / 3.0 }).Within(1e-6)
        );
        Assert.That(
            x.AvgPool1d(2, 1, 1, countIncludePad: false).ToDoubles(),
            Is.EqualTo(new[] { 3, 2, 2.5, 2.5, 3, 7, 5.5, 2, 6, 5.5, 4, 4, 6.5, 8.5, 8, 7 })
        );
        Assert.That(
            x.AdaptiveAvgPool1d(3).ToDoubles(),
            Is.EqualTo(new[] { 8 / 3.0, 10 / 3.0, 16 / 3.0, 14 / 3.0, 16 / 3.0, 8 }).Within(1e-6)
        );
        Assert.That(x.AdaptiveMaxPool1d(2).ToDoubles(), Is.EqualTo(new double[] { 4, 9, 6, 9 }));
        var (output, indices) = x.MaxPool1dWithIndices(3, 2, 1, ceilMode: true);
        Assert.That(output.ToDoubles(), Is.EqualTo(new double[] { 3, 4, 9, 9, 6, 5, 9, 9 }));
        Assert.That(indices.ToArray<long>(), Is.EqualTo(new long[] { 0, 2, 5, 5, 0, 1, 5, 5 }));
    }

    [Test]
    public void LayersPoolSequencesAndVolumes()
    {
        var x = Tensor.From<float>([3, 1, 4, 1, 5, 9, 2, 6], [1, 8]);
        var volume = x.Reshape(1, 2, 2, 2);
        using var all = Assert.EnterMultipleScope();
        Assert.That(new MaxPool1d(3, 2, 1, 2).Call(x).ToDoubles(), Is.EqualTo(new double[] { 1, 9, 9 }));
        Assert.That(new AvgPool1d(2, 3, 1).Call(x).ToDoubles(), Is.EqualTo(new double[] { 1.5, 2.5, 5.5 }));
        Assert.That(new AdaptiveAvgPool1d(2).Call(x).ToDoubles(), Is.EqualTo(new[] { 2.25, 5.5 }));
        Assert.That(new AdaptiveMaxPool1d(2).Call(x).ToDoubles(), Is.EqualTo(new double[] { 4, 9 }));
        Assert.That(new MaxPool3d(2).Call(volume).ToDoubles(), Is.EqualTo(new double[] { 9 }));
        Assert.That(new AvgPool3d([2, 1, 2]).Call(volume).ToDoubles(), Is.EqualTo(new[] { 4.5, 3.25 }));
        Assert.That(new AdaptiveAvgPool3d(1, 1, 2).Call(volume).ToDoubles(), Is.EqualTo(new[] { 3.5, 4.25 }));
        Assert.That(new AdaptiveMaxPool3d(1, 2, 1).Call(volume).ToDoubles(), Is.EqualTo(new double[] { 9, 6 }));
    }

    /// <summary>Slice, row and column of the largest element become one number, as torch.nn.functional.max_pool3d gives it.</summary>
    [TestCase("cpu")]
    [TestCase("simt")]
    public void PlacesInVolumesCountSlices(string device)
    {
        var x = Tensor.From<float>([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8], [1, 3, 2, 2], TestDevices.Open(device));
        var (y, indices) = x.MaxPool3dWithIndices([2], [1]);
        using var all = Assert.EnterMultipleScope();
        Assert.That(y.ToDoubles(), Is.EqualTo(new double[] { 9, 9 }));
        Assert.That(indices.ToArray<long>(), Is.EqualTo(new long[] { 5, 5 }));
        Assert.That(
            Tensor
                .Full([1, 2, 3, 3], double.NegativeInfinity, device: TestDevices.Open(device))
                .MaxPool3dWithIndices([2, 3, 3], [1, 2, 2], [1])
                .Indices.ToArray<long>(),
            Is.EqualTo(new long[] { 0, 1, 3, 4, 0, 1, 3, 4, 9, 10, 12, 13 })
        );
    }

    /// <summary>Deep-learning notes 3.1, exercise 3.2: the pooled convolution result.</summary>
    [Test]
    public void DeepLearningNotes_3_2_Pools()
    {
        var y = Tensor.From<float>([0, 5, 8, 0, 6, 10, 1, 5, 4, 0, 2, 11, 0, 1, 11, 3], [1, 1, 4, 4]);
        using var all = Assert.EnterMultipleScope();
        foreach (var max in new Module<Tensor, Tensor>[] { new MaxPool2d(2), new AdaptiveMaxPool2d(2, 2) })
            Assert.That(max.Call(y).ToDoubles(), Is.EqualTo(new double[] { 10, 8, 4, 11 }));
        foreach (var mean in new Module<Tensor, Tensor>[] { new AvgPool2d(2), new AdaptiveAvgPool2d(2) })
            Assert.That(mean.Call(y).ToDoubles(), Is.EqualTo(new[] { 21 / 4.0, 7 / 2.0, 5 / 4.0, 27 / 4.0 }));
    }

    [TestCase(true, new[] { 0 / 4.0, 3 / 4.0, 9 / 4.0, 24 / 4.0 })]
    [TestCase(false, new[] { 0 / 1.0, 3 / 2.0, 9 / 2.0, 24 / 4.0 })]
    public void ZerosAroundTheImageCountOrDoNot(bool count, double[] expected)
    {
        var y = Count(1, 3, 3).AvgPool2d([2], padding: [1], countIncludePad: count);
        Assert.That(y.ToDoubles(), Is.EqualTo(expected));
    }

    [Test]
    public void AForeignIndexIsNamedOnTheCpu()
    {
        var attributes = Attributes.Of(
            new long[] { 2 },
            new long[] { },
            new long[] { 0 },
            new long[] { 1 },
            false,
            new long[] { 1, 2, 2 }
        );
        Assert.That(
            () => MaxPool2dBackwardOp.Instance.Apply([Count(1, 1, 1), Tensor.From<long>([4], [1, 1, 1])], attributes),
            Throws.TypeOf<ShapeException>().With.Message.Contains("index 4").And.Message.Contains("2 x 2")
        );
    }

    private static readonly (string Message, Action<Tensor> Call)[] Refused =
    [
        ("(N, C, H, W)", x => x.Reshape(3, 8).MaxPool2d([2])),
        ("at least 1, not (2, 0, 4)", x => x.Slice(1, 0, 0).MaxPool2d([2])),
        ("floating", x => x.Cast(DType.Int64).MaxPool2d([2])),
        ("kernel_size must be one number or two", x => x.MaxPool2d([])),
        ("kernel_size must be one number or two", x => x.MaxPool2d([1, 2, 3])),
        ("kernel_size must be one number or three", x => x.Unsqueeze(0).MaxPool3d([1, 2])),
        ("(N, C, D, H, W) or (C, D, H, W) with D, H and W", x => x.AvgPool3d([1])),
        ("kernel_size must be at least 1", x => x.MaxPool2d([0])),
        ("stride must be at least 1; got 1, 0", x => x.MaxPool2d([2], [1, 0])),
        ("padding must be at least 0", x => x.MaxPool2d([2], padding: [-1])),
        ("at most half of kernel_size 2", x => x.MaxPool2d([2], padding: [2])),
        ("a window of 5 does not fit into 3", x => x.MaxPool2d([5])),
        ("a window of 5 does not fit", x => x.MaxPool2d([1, 3], dilation: [1, 2])),
        (
            "dilation must be at most the extent 1",
            x => x.Slice(1, 0, 1).MaxPool2d([2, 1], padding: [1, 0], dilation: [2])
        ),
    ];

    [TestCaseSource(nameof(RefusedNames))]
    public void Refuses(int which)
    {
        var (message, call) = Refused[which];
        Assert.That(() => call(Count(2, 3, 4)), Throws.InstanceOf<CudaNetException>().With.Message.Contains(message));
    }

    private static IEnumerable<TestCaseData> RefusedNames =>
        Refused.Select((refused, i) => new TestCaseData(i).SetArgDisplayNames($"{i}: {refused.Message}"));
}
