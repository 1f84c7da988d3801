namespace CudaNet.Tests.Ops;

/// <summary>Images with the channels last in memory: what keeps that order, and that nothing is copied for it.</summary>
[TestFixture("cpu")]
[TestFixture("simt")]
public sealed class ChannelsLastTests(string deviceName)
{
    private Device _device = Device.Cpu;

    [SetUp]
    public void OpenDevice() => _device = TestDevices.Open(deviceName);

    private Tensor Wave(params long[] shape) =>
        Tensor.From(
            Enumerable.Range(0, (int)new Shape(shape).NumElements).Select(i => Math.Sin(1.3 * i)).ToArray(),
            shape,
            _device
        );

    [Test]
    public void TheOrderInMemoryChangesAndTheValuesStay()
    {
        using var frame = Lifetime.Frame();
        var x = Wave(2, 3, 4, 5);
        var last = x.ChannelsLast();
        using var all = Assert.EnterMultipleScope();
        Assert.That(x.IsChannelsLast, Is.False);
        Assert.That(last.IsChannelsLast, Is.True);
        Assert.That(last.Strides.ToArray(), Is.EqualTo(new long[] { 60, 1, 15, 3 }));
        Assert.That(last.ToDoubles(), Is.EqualTo(x.ToDoubles()));
        Assert.That(last.Contiguous().IsChannelsLast, Is.False);
        Assert.That(last.ChannelsLast().SharesStorageWith(last), Is.True);
        Assert.That(Wave(2, 1, 4, 5).ChannelsLast().IsContiguous, Is.True);
        Assert.That(
            () => Wave(2, 3).ChannelsLast(),
            Throws.TypeOf<ShapeException>().With.Message.Contains("(N, C, H, W)")
        );
    }

    [Test]
    public void ConvolutionsAndTheirGradientsKeepIt()
    {
        using var frame = Lifetime.Frame();
        var (x, weight, bias) = (Wave(2, 8, 6, 7), Wave(12, 8, 3, 3), Wave(12));
        x.RequiresGrad = weight.RequiresGrad = true;
        var last = x.Detach().ChannelsLast();
        last.RequiresGrad = true;
        var (y, expected) = (last.Conv2d(weight, bias, 2, 1), x.Conv2d(weight, bias, 2, 1));
        var cotangent = Wave([.. y.Shape]);
        var got = Autograd.Grad([y], [last, weight], [cotangent.ChannelsLast()]);
        var wanted = Autograd.Grad([expected], [x, weight], [cotangent]);
        var up = last.ConvTranspose2d(Wave(8, 4, 2, 2), stride: 2);
        using var all = Assert.EnterMultipleScope();
        Assert.That(y.IsChannelsLast, Is.True);
        Assert.That(y.ToDoubles(), Is.EqualTo(expected.ToDoubles()).Within(1e-12));
        Assert.That(got[0]!.IsChannelsLast, Is.True);
        Assert.That(got[1]!.IsContiguous, Is.True);
        for (var i = 0; i < 2; i++)
            Assert.That(got[i]!.ToDoubles(), Is.EqualTo(wanted[i]!.ToDoubles()).Within(1e-12));
        Assert.That(up.IsChannelsLast, Is.True);
        Assert.That(
            up.ToDoubles(),
            Is.EqualTo(x.Detach().ConvTranspose2d(Wave(8, 4, 2, 2), stride: 2).ToDoubles()).Within(1e-12)
        );
    }

    [Test]
    public void SequencesAndVolumesKeepItToo()
    {
        using var frame = Lifetime.Frame();
        var (line, volume) = (Wave(2, 8, 9), Wave(1, 8, 3, 4, 5));
        var (kernel, cube) = (Wave(8, 8, 3), Wave(8, 8, 2, 2, 2));
        using var all = Assert.EnterMultipleScope();
        Assert.That(line.ChannelsLast().Conv1d(kernel).IsChannelsLast, Is.True);
        Assert.That(
            line.ChannelsLast().Conv1d(kernel).ToDoubles(),
            Is.EqualTo(line.Conv1d(kernel).ToDoubles()).Within(1e-12)
        );
        Assert.That(volume.ChannelsLast().Conv3d(cube).IsChannelsLast, Is.True);
        Assert.That(
            volume.ChannelsLast().Conv3d(cube).ToDoubles(),
            Is.EqualTo(volume.Conv3d(cube).ToDoubles()).Within(1e-12)
        );
    }

    /// <summary>Other ops read it as any strided tensor, also one that is not without gaps.</summary>
    [Test]
    public void OtherOpsAndSlicesTakeIt()
    {
        using var frame = Lifetime.Frame();
        var (x, weight) = (Wave(2, 8, 6, 7), Wave(4, 4, 3, 3));
        var last = x.ChannelsLast();
        using var all = Assert.EnterMultipleScope();
        Assert.That(last.MaxPool2d([2]).ToDoubles(), Is.EqualTo(x.MaxPool2d([2]).ToDoubles()));
        Assert.That(last.Relu().ToDoubles(), Is.EqualTo(x.Relu().ToDoubles()));
        Assert.That(
            last.Slice(1, 2, 6).Conv2d(weight).ToDoubles(),
            Is.EqualTo(x.Slice(1, 2, 6).Conv2d(weight).ToDoubles()).Within(1e-12)
        );
    }
}
