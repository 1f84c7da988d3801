namespace CudaNet.Models;

/// <summary>Facts about the model zoo.</summary>
public static class ModelsInfo
{
    /// <summary>The version of the engine that the models are built on.</summary>
    public static string EngineVersion => EngineInfo.Version;
}
