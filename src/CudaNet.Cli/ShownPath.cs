namespace CudaNet.Cli;

/// <summary>Paths as a person would type them.</summary>
internal static class ShownPath
{
    /// <summary>Relative to the current folder when it lies below it.</summary>
    public static string Of(string path)
    {
        var relative = Path.GetRelativePath(Environment.CurrentDirectory, path);
        return relative.StartsWith("..", StringComparison.Ordinal) ? path : relative;
    }
}
