namespace CudaNet.Tests.Devices;

using CudaNet;

[TestFixture, Category("Simt"), NonParallelizable]
public sealed unsafe class StreamTests
{
    private NativeDevice _device = null!;

    [SetUp]
    public void Open() => _device = (NativeDevice)TestDevices.Open("simt");

    [Test]
    public void WorkGoesToTheActiveStream()
    {
        using var schedule = SimtSchedule.Deferred(_device);
        using var frame = Lifetime.Frame();
        using var stream = CudaStream.Create(_device);
        _device.EmptyCache(); // fresh memory is NaN
        var x = Tensor.Ones([8], device: _device);
        _device.Synchronize();
        Tensor y;
        using (stream.Activate())
        {
            Assert.That(CudaStream.Current(_device), Is.SameAs(stream));
            y = x + 1.0;
        }
        Assert.That(CudaStream.Current(_device).Handle, Is.EqualTo((nint)0));
        Assert.That(y.ToDoubles(), Is.All.NaN, "the default stream does not wait for the other");
        stream.Synchronize();
        Assert.That(y.ToDoubles(), Is.All.EqualTo(2));
    }

    [Test]
    public void AnEventOrdersTwoStreams()
    {
        using var schedule = SimtSchedule.Deferred(_device);
        using var frame = Lifetime.Frame();
        using var a = CudaStream.Create(_device);
        using var b = CudaStream.Create(_device);
        var x = Tensor.Ones([8], device: _device);
        _device.Synchronize();
        Tensor y,
            z;
        using (a.Activate())
            y = x + 1.0;
        using var mark = a.Record();
        Assert.That(mark.IsComplete, Is.False);
        b.Wait(mark);
        using (b.Activate())
        {
            z = y * 3.0;
            Assert.That(z.ToDoubles(), Is.All.EqualTo(6));
        }
        Assert.That(mark.IsComplete);
    }

    [Test]
    public void EventsTellTheTimeBetweenThem()
    {
        using var frame = Lifetime.Frame();
        using var begin = new CudaEvent(_device);
        using var end = new CudaEvent(_device);
        Assert.That(begin.IsComplete, "an event that is not recorded holds nobody up");
        begin.Record();
        _ = Tensor.Ones([512, 512], device: _device).Sum();
        end.Record();
        end.Synchronize();
        Assert.That(begin.ElapsedTo(end), Is.GreaterThan(TimeSpan.Zero).And.LessThan(TimeSpan.FromMinutes(1)));
        using var never = new CudaEvent(_device);
        Assert.Throws<DeviceException>(() => begin.ElapsedTo(never));
    }

    /// <summary>Without the wait the second stream would write into the block while the first still reads it.</summary>
    [Test]
    public void ABlockThatAnotherStreamStillReadsIsReusedBehindIt([Values(0, 1, 2, 3)] int seed)
    {
        using var schedule = SimtSchedule.Deferred(_device, seed);
        using var frame = Lifetime.Frame();
        using var a = CudaStream.Create(_device);
        using var b = CudaStream.Create(_device);
        var x = Tensor.Full([1000], 5, device: _device);
        _device.Synchronize();
        Tensor sum;
        using (a.Activate())
            sum = x + 1.0;
        var address = x.DevicePointer;
        x.Release();
        using (b.Activate())
        {
            var other = Tensor.Full([1000], 100, device: _device);
            Assert.That(other.DevicePointer, Is.EqualTo(address), "the test needs the same block");
            b.Synchronize();
        }
        a.Synchronize();
        Assert.That(sum.ToDoubles(), Is.All.EqualTo(6));
    }

    [Test]
    public void AStreamGetsItsOwnBlocksFirst()
    {
        using var frame = Lifetime.Frame();
        using var stream = CudaStream.Create(_device);
        var mine = Tensor.Ones([3000], device: _device);
        nint other;
        using (stream.Activate())
        {
            var theirs = Tensor.Ones([3000], device: _device);
            other = theirs.DevicePointer;
            theirs.Release();
        }
        mine.Release();
        using (stream.Activate())
            Assert.That(Tensor.Ones([3000], device: _device).DevicePointer, Is.EqualTo(other));
    }

    [Test]
    public void SomebodyElsesStreamIsUsedAndNotDestroyed()
    {
        using var frame = Lifetime.Frame();
        nint handle;
        _device.Api.Check(_device.Api.StreamCreate(_device.Index, &handle), "creating a stream");
        using (var schedule = SimtSchedule.Deferred(_device))
        {
            using var stream = CudaStream.FromHandle(_device, handle);
            Tensor y;
            using (stream.Activate())
                y = Tensor.Ones([4], device: _device) + 1.0;
            _device.Api.Check(_device.Api.StreamSynchronize(_device.Index, handle), "waiting for it as its owner");
            Assert.That(y.ToDoubles(), Is.All.EqualTo(2));
        }
        _device.Api.Check(_device.Api.StreamDestroy(_device.Index, handle), "it is still there");
    }

    [Test]
    public void ATensorOverACallersPointerReadsAndWritesIt()
    {
        using var frame = Lifetime.Frame();
        void* pointer;
        _device.Api.Check(_device.Api.Alloc(_device.Index, 24, 0, &pointer), "allocating as another library would");
        var before = _device.MemoryStatistics.InUse;
        var tensor = Tensor.FromDevicePointer((nint)pointer, [2, 3], DType.Float32, _device);
        tensor.CopyFrom<float>([1, 2, 3, 4, 5, 6]);
        Assert.That(tensor.Transpose(0, 1).Contiguous().ToDoubles(), Is.EqualTo(new double[] { 1, 4, 2, 5, 3, 6 }));
        Assert.That(tensor.DevicePointer, Is.EqualTo((nint)pointer));
        var parameter = tensor.Detach();
        tensor.Release();
        Assert.That(parameter.Sum().Item(), Is.EqualTo(21), "the memory is the caller's");
        parameter.Release();
        _device.Api.Check(_device.Api.Free(_device.Index, pointer, 0), "and is freed by the caller");
        Assert.That(_device.MemoryStatistics.InUse, Is.EqualTo(before).Within(4096));
    }

    [Test]
    public void TheCpuHasNoStreams() =>
        Assert.That(
            Assert.Throws<DeviceException>(() => CudaStream.Create(Device.Cpu))!.Message,
            Does.Contain("cpu has no streams")
        );
}
