namespace CudaNet.Tests;

/// <summary>The clone that the tests run in.</summary>
internal static class RepositoryRoot
{
    public static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "CudaNet.sln")))
                return folder.FullName;
        throw new DirectoryNotFoundException($"no CudaNet.sln above {AppContext.BaseDirectory}");
    }
}
