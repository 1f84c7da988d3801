namespace CudaNet.Tests.Devices;

using CudaNet;

[TestFixture, NonParallelizable]
public sealed class PinnedBufferTests
{
    [TestCase("cpu")]
    [TestCase("simt", Category = "Simt")]
    public void CarriesValuesThereAndBack(string name)
    {
        var device = TestDevices.Open(name);
        using var frame = Lifetime.Frame();
        using var up = new PinnedBuffer<float>(6, device);
        using var down = new PinnedBuffer<float>(6, device);
        for (var i = 0; i < 6; i++)
            up.Span[i] = i;
        var x = Tensor.Zeros([2, 3], device: device);
        x.CopyFromAsync(up);
        (x * 2.0).CopyToAsync(down);
        Assert.That(down.Span.ToArray(), Is.EqualTo(new float[] { 0, 2, 4, 6, 8, 10 }));
        Assert.That(up.IsIdle && down.IsIdle);
    }

    /// <summary>The next batch may be written only when the last one has been read.</summary>
    [Test, Category("Simt")]
    public void SpanWaitsForACopyThatIsUnderWay()
    {
        var device = TestDevices.Open("simt");
        using var schedule = SimtSchedule.Deferred(device);
        using var frame = Lifetime.Frame();
        using var buffer = new PinnedBuffer<float>(4, device);
        var x = Tensor.Zeros([4], device: device);
        buffer.Span.Fill(1);
        x.CopyFromAsync(buffer);
        buffer.Span.Fill(2);
        Assert.That(x.ToDoubles(), Is.All.EqualTo(1));
        x.CopyFromAsync(buffer);
        Assert.That(buffer.IsIdle, Is.False);
        buffer.Wait();
        Assert.That(buffer.IsIdle);
        Assert.That(x.ToDoubles(), Is.All.EqualTo(2));
    }

    [Test, Category("Simt")]
    public void DisposingWaitsForTheCopy()
    {
        var device = TestDevices.Open("simt");
        using var schedule = SimtSchedule.Deferred(device);
        using var frame = Lifetime.Frame();
        var x = Tensor.Zeros([4], device: device);
        var buffer = new PinnedBuffer<float>(4, device);
        buffer.Span.Fill(3);
        x.CopyFromAsync(buffer);
        buffer.Dispose();
        Assert.That(x.ToDoubles(), Is.All.EqualTo(3));
        Assert.Throws<ObjectDisposedException>(() => buffer.Span.Clear());
    }

    [Test]
    public void RefusesWhatDoesNotFit()
    {
        using var frame = Lifetime.Frame();
        using var buffer = new PinnedBuffer<float>(6, Device.Cpu);
        Assert.Throws<ShapeException>(() => Tensor.Zeros([5]).CopyFromAsync(buffer));
        Assert.Throws<ShapeException>(() => Tensor.Zeros([2, 3]).Transpose(0, 1).CopyToAsync(buffer));
        Assert.Throws<DTypeException>(() => Tensor.Zeros([6], DType.Float64).CopyFromAsync(buffer));
        Assert.Throws<DTypeException>(() => new PinnedBuffer<char>(3));
        var weights = Tensor.Zeros([6]);
        weights.RequiresGrad = true;
        Assert.Throws<AutogradException>(() => weights.CopyFromAsync(buffer));
    }
}
