namespace CudaNet.Tests;

using CudaNet;

/// <summary>Devices for tests: one that is not built is skipped with the reason, or fails where it is required.</summary>
internal static class TestDevices
{
    /// <summary>Set by the Test target, which has built simt.</summary>
    private const string Required = "CUDANET_REQUIRE_SIMT";

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
