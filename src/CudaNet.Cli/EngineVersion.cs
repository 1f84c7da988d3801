namespace CudaNet.Cli;

/// <summary>The version of the engine that this program runs.</summary>
internal static class EngineVersion
{
    public static string Text { get; } = typeof(Tensor).Assembly.GetName().Version?.ToString(3) ?? "unknown";
}
