namespace CudaNet.Tests.Devices;

using CudaNet;

[TestFixture, NonParallelizable]
public sealed class MemoryPoolTests
{
    [TestCase("cpu")]
    [TestCase("simt", Category = "Simt")]
    public void StatisticsFollowBlocks(string name)
    {
        var device = TestDevices.Open(name);
        using var frame = Lifetime.Frame();
        device.EmptyCache();
        device.ResetPeakMemory();
        var before = device.MemoryStatistics;
        Assert.That(before.Peak, Is.EqualTo(before.InUse));
        var x = Tensor.Empty([1 << 16], device: device);
        var with = device.MemoryStatistics;
        x.Release();
        var after = device.MemoryStatistics;
        Tensor.Empty([1 << 16], device: device).Release();
        var again = device.MemoryStatistics;
        const long Bytes = 4 << 16;
        Assert.Multiple(() =>
        {
            Assert.That(with.InUse - before.InUse, Is.EqualTo(Bytes));
            Assert.That(with.Blocks - before.Blocks, Is.EqualTo(1));
            Assert.That(with.Requests - before.Requests, Is.EqualTo(1));
            Assert.That(with.DeviceAllocations - before.DeviceAllocations, Is.EqualTo(1));
            Assert.That(after.InUse, Is.EqualTo(before.InUse));
            Assert.That(after.Peak, Is.EqualTo(with.InUse));
            Assert.That(after.Reserved - before.Reserved, Is.EqualTo(Bytes), "the pool keeps it");
            Assert.That(again.Requests - after.Requests, Is.EqualTo(1));
            Assert.That(again.DeviceAllocations, Is.EqualTo(after.DeviceAllocations), "the block serves again");
        });
        device.EmptyCache();
        Assert.That(device.MemoryStatistics.Reserved, Is.EqualTo(before.Reserved));
    }
}
