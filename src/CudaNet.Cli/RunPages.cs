using CudaNet.IO;
using CudaNet.Models;
using CudaNet.Reporting;
using CudaNet.Training;

namespace CudaNet.Cli;

/// <summary>Writes the page of a run.</summary>
internal static class RunPages
{
    /// <summary>The page of a run whose network is at hand.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="folder">The run.</param>
    /// <param name="recipe">What was trained.</param>
    /// <param name="title">What was trained on what.</param>
    /// <param name="own">What the recipe has to show, or null.</param>
    public static void Write(string path, RunFolder folder, IRecipe recipe, string title, IReportSections? own) =>
        Write(path, RunReport.Of(RunRecord.Load(folder), title, recipe.Description, own?.ReportSections() ?? []));

    public static void Write(string path, ReportPage page) => AtomicFile.WriteAllText(path, page.ToHtml());
}
