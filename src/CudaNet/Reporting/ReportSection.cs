namespace CudaNet.Reporting;

/// <summary>A part of a page: a chart, a table, a sheet of pictures.</summary>
public interface IReportElement
{
    /// <summary>Writes the part and closes what it opened.</summary>
    void Write(HtmlWriter html);
}

/// <summary>A headed part of a page.</summary>
/// <param name="Title">The heading.</param>
/// <param name="Lead">A sentence or two on what is to be seen, or null.</param>
/// <param name="Elements">What is shown, in order.</param>
public sealed record ReportSection(string Title, string? Lead, IReadOnlyList<IReportElement> Elements);

/// <summary>Has something of its own to show about a finished run: pictures, matrices, samples.</summary>
public interface IReportSections
{
    /// <summary>The sections, computed from the trained network as it stands.</summary>
    IReadOnlyList<ReportSection> ReportSections();
}
