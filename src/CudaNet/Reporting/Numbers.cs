using System.Globalization;

namespace CudaNet.Reporting;

/// <summary>How the numbers of a run are written for people.</summary>
public static class Numbers
{
    private const string Seconds = "seconds";

    private static readonly CultureInfo s_culture = CultureInfo.InvariantCulture;

    /// <summary>A share as percent: 0.9875 is 98.75 %.</summary>
    public static string Percent(double share, int decimals = 2) =>
        double.IsFinite(share) ? (share * 100).ToString($"F{decimals}", s_culture) + " %" : General(share);

    /// <summary>Four significant digits; whole numbers with all theirs.</summary>
    public static string General(double value) =>
        value == 0 ? "0"
        : !double.IsFinite(value) ? value.ToString(s_culture)
        : value == Math.Floor(value) && Math.Abs(value) < 1e15 ? value.ToString("N0", s_culture)
        : Math.Abs(value) is < 1e-3 or >= 1e7 ? value.ToString("0.###e0", s_culture)
        : value.ToString(Math.Abs(value) < 1 ? "G4" : "0.####", s_culture);

    /// <summary>A duration in seconds, minutes or hours.</summary>
    public static string Duration(double seconds) =>
        !double.IsFinite(seconds) ? General(seconds)
        : seconds < 60 ? seconds.ToString("0.0", s_culture) + " s"
        : seconds < 3600 ? string.Create(s_culture, $"{(int)(seconds / 60)} min {(int)(seconds % 60)} s")
        : string.Create(s_culture, $"{(int)(seconds / 3600)} h {(int)(seconds % 3600 / 60)} min");

    /// <summary>A number in the unit that its name tells: accuracies are percent, seconds durations.</summary>
    public static string ByName(string name, double value) =>
        IsShare(name) ? Percent(value)
        : name.EndsWith(Seconds, StringComparison.Ordinal) ? Duration(value)
        : General(value);

    /// <summary>Whether a metric of this name is a share of one.</summary>
    public static bool IsShare(string name) =>
        name.EndsWith("accuracy", StringComparison.Ordinal) || name.EndsWith("iou", StringComparison.Ordinal);

    /// <summary>A metric's name as words: test_accuracy becomes test accuracy, test_iou test IoU, and train_seconds train time.</summary>
    public static string Words(string name) =>
        (
            name.EndsWith(Seconds, StringComparison.Ordinal) ? name[..^Seconds.Length] + "time"
            : name.EndsWith("iou", StringComparison.Ordinal) ? name[..^3] + "IoU"
            : name
        ).Replace('_', ' ');
}
