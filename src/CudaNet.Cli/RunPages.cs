using CudaNet.IO;
using CudaNet.Models;
using CudaNet.Reporting;
using CudaNet.Training;

namespace CudaNet.Cli;

/// <summary>Writes what is to be looked at of a run.</summary>
internal static class RunPages
{
    /// <summary>The page and the samples of a run that has just finished.</summary>
    public static void Write(RunFolder folder, IRecipe recipe, IPreparedRecipe prepared)
    {
        if (prepared is ISampler sampler)
            WriteSheet(folder.SamplesPath, [.. sampler.Sample(new SampleRequest())]);
        var own = (prepared as IReportSections)?.ReportSections() ?? [];
        Write(folder.ReportPath, RunReport.Of(RunRecord.Load(folder), prepared.Description, recipe.Description, own));
    }

    public static void Write(string path, ReportPage page) => AtomicFile.WriteAllText(path, page.ToHtml());

    /// <summary>The pictures of samples side by side, as a PNG file; nothing when there are none.</summary>
    public static void WriteSheet(string path, IReadOnlyList<Sample> samples)
    {
        var pictures = samples.Select(sample => sample.Picture).OfType<Picture>().ToList();
        if (pictures is not [var first, ..])
            return;
        byte[] pixels = [.. pictures.SelectMany(picture => picture.Pixels)];
        ImageGrid.Tile(pixels, first.Height, first.Width, first.Channels, background: 255).WritePng(path);
    }
}
