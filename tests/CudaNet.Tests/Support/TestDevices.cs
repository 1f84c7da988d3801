namespace CudaNet.Tests;

using CudaNet;

/// <summary>Devices for tests: one that is not built is skipped with the reason, or fails where it is required.</summary>
internal static class TestDevices
{
    /// <summary>Set by the Test target, which has built simt.</summary>
    private const string Required = "CUDANET_REQUIRE_SIMT";

    /// <summary>A library of the native tests beside a device's own: skipped where it is missing, or failed where simt is required.</summary>
    public static string Beside(NativeDevice device, string file)
    {
        var path = Path.Combine(Path.GetDirectoryName(device.Api.Path)!, file);
        if (!File.Exists(path) && Environment.GetEnvironmentVariable(Required) != "1")
            Assert.Ignore($"{path} is built with the native tests");
        Assert.That(path, Does.Exist);
        return path;
    }

    public static Device Open(string name)
    {
        try
        {
            return Device.Parse(name);
        }
        catch (DeviceException error) when (Environment.GetEnvironmentVariable(Required) != "1" && name != "cpu")
        {
            Assert.Ignore(error.Message);
            throw;
        }
    }
}
