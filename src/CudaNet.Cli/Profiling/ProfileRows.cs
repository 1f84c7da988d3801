namespace CudaNet.Cli.Profiling;

/// <summary>All calls of one op, or all ranges of one name.</summary>
/// <param name="Name">The op's or the range's name.</param>
/// <param name="Kind">Which of the two.</param>
internal sealed record ProfileRow(string Name, ProfiledKind Kind)
{
    /// <summary>How many there were.</summary>
    public int Count { get; private set; }

    /// <summary>Their time: of ops the device's, where it has a clock of its own; of ranges the host's.</summary>
    public double Seconds { get; private set; }

    /// <summary>Of ranges: the time of the ops that were called in them.</summary>
    public double OpSeconds { get; private set; }

    /// <summary>Bytes that the calls must read and write once.</summary>
    public double Bytes { get; private set; }

    /// <summary>Floating operations of the calls.</summary>
    public double Flops { get; private set; }

    /// <summary>The mean of a call.</summary>
    public double Mean => Seconds / Count;

    /// <summary>Sums spans by kind and name, the longest first.</summary>
    public static IReadOnlyList<ProfileRow> Of(IReadOnlyList<ProfiledSpan> spans)
    {
        var rows = new Dictionary<(ProfiledKind, string), ProfileRow>();
        foreach (var thread in spans.GroupBy(span => span.Thread))
        {
            var open = new Stack<(ProfiledSpan Span, ProfileRow Row)>();
            foreach (var span in thread)
            {
                while (open.TryPeek(out var above) && above.Span.Depth >= span.Depth)
                    open.Pop();
                if (!rows.TryGetValue((span.Kind, span.Name), out var row))
                    rows[(span.Kind, span.Name)] = row = new(span.Name, span.Kind);
                row.Count++;
                row.Seconds += span.Time;
                row.Bytes += span.Bytes;
                row.Flops += span.Flops;
                if (IsOutermostOp(span, open))
                    foreach (var range in open.Select(o => o.Row).Distinct())
                        range.OpSeconds += span.Time;
                open.Push((span, row));
            }
        }
        return [.. rows.Values.OrderByDescending(row => row.Seconds).ThenBy(row => row.Name, StringComparer.Ordinal)];
    }

    /// <summary>The time that was spent in ops: of those that an op is made of, only the outermost counts.</summary>
    public static double TimeInOps(IReadOnlyList<ProfiledSpan> spans)
    {
        var seconds = 0.0;
        foreach (var thread in spans.GroupBy(span => span.Thread))
        {
            var inside = int.MaxValue;
            foreach (var span in thread)
            {
                if (span.Depth <= inside)
                    inside = int.MaxValue;
                if (span.Kind != ProfiledKind.Op || inside != int.MaxValue)
                    continue;
                inside = span.Depth;
                seconds += span.Time;
            }
        }
        return seconds;
    }

    private static bool IsOutermostOp(ProfiledSpan span, Stack<(ProfiledSpan Span, ProfileRow Row)> open) =>
        span.Kind == ProfiledKind.Op && open.All(o => o.Span.Kind != ProfiledKind.Op);
}
