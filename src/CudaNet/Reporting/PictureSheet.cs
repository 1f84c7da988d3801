using System.Globalization;
using CudaNet.IO;

namespace CudaNet.Reporting;

/// <summary>A picture with what is written below it.</summary>
/// <param name="Picture">The pixels, which the page itself will hold.</param>
/// <param name="Caption">What is written below it, or null.</param>
/// <param name="Description">What it shows, for those who do not see it.</param>
public sealed record CaptionedPicture(Picture Picture, string? Caption, string Description);

/// <summary>Small pictures side by side, enlarged without smoothing.</summary>
/// <param name="Pictures">The pictures, in reading order.</param>
/// <param name="Width">The width of each on the page, in CSS pixels.</param>
public sealed record PictureSheet(IReadOnlyList<CaptionedPicture> Pictures, int Width = 56) : IReportElement
{
    // Room for a line such as "7 → 2 · 99.4 %".
    private const int CaptionWidth = 96;

    /// <inheritdoc/>
    public void Write(HtmlWriter html)
    {
        var cell = Pictures.Any(picture => picture.Caption is not null) ? Math.Max(Width, CaptionWidth) : Width;
        html.Open("div", ("class", "pictures"), ("style", $"--cell:{HtmlWriter.Number(cell)}px"));
        foreach (var (picture, caption, description) in Pictures)
        {
            html.Open("figure");
            html.Empty(
                "img",
                ("src", "data:image/png;base64," + Convert.ToBase64String(picture.ToPng())),
                ("alt", description),
                ("title", description),
                ("width", Width.ToString(CultureInfo.InvariantCulture)),
                ("height", HtmlWriter.Number((double)Width * picture.Height / picture.Width))
            );
            if (caption is not null)
                html.Element("figcaption", caption);
            html.Close();
        }
        html.Close();
    }
}
