namespace CudaNet.Tests.Devices;

using CudaNet;

/// <summary>Sets how simt runs the work of streams, and the usual way again when disposed.</summary>
internal sealed unsafe class SimtSchedule : IDisposable
{
    private readonly NativeDevice _device;

    private SimtSchedule(NativeDevice device, bool defer, long seed)
    {
        _device = device;
        Configure(defer, seed);
    }

    /// <summary>Work waits for a synchronisation: what is read too early was not written yet.</summary>
    public static SimtSchedule Deferred(Device device, long seed = 0) => new((NativeDevice)device, true, seed);

    public void Dispose() => Configure(false, 0);

    private void Configure(bool defer, long seed)
    {
        var config = new CnSimtConfig { Defer = defer ? 1 : 0, ScheduleSeed = seed };
        _device.Api.Check(_device.Api.SimtConfigure(&config), "configuring simt");
    }
}
