namespace CudaNet;

/// <summary>Facts about the engine itself.</summary>
public static class EngineInfo
{
    /// <summary>The engine's version, as <c>major.minor.patch</c>.</summary>
    public static string Version => typeof(EngineInfo).Assembly.GetName().Version!.ToString(3);
}
