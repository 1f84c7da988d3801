namespace CudaNet.Optim;

/// <summary>
/// A line search for a step that satisfies the strong Wolfe conditions: first widening, then narrowing a bracket by cubic interpolation
/// (Nocedal and Wright 2006, algorithms 3.5 and 3.6, in the form of Schmidt's minFunc, which PyTorch follows).
/// </summary>
internal sealed class StrongWolfe(Func<double, StrongWolfe.Point> evaluate, double directionSize)
{
    private const double SufficientDecrease = 1e-4;
    private const double Curvature = 0.9;
    private const double SmallestChange = 1e-9;
    private const int MostTrials = 25;

    private int _trials;

    /// <summary>What was found at a distance along the line: loss, gradient, and their slope along it.</summary>
    internal readonly record struct Point(double Step, double Loss, Tensor Gradient, double Slope);

    /// <summary>How often the loss was evaluated.</summary>
    public int Evaluations { get; private set; }

    /// <summary>The best point that was found.</summary>
    /// <param name="start">The point that the line leaves.</param>
    /// <param name="step">The first step to try.</param>
    public Point Run(Point start, double step)
    {
        var (previous, current) = (start, Evaluate(step));
        while (true)
        {
            if (_trials == MostTrials)
                return Narrow(start, [start, current]);
            if (!Decreases(start, current) || _trials > 1 && current.Loss >= previous.Loss)
                return Narrow(start, [previous, current]);
            if (IsFlat(start, current))
                return current;
            if (current.Slope >= 0)
                return Narrow(start, [previous, current]);
            var least = current.Step + 0.01 * (current.Step - previous.Step);
            var next = Interpolate(previous, current, least, current.Step * 10);
            (previous, current) = (current, Evaluate(next));
            _trials++;
        }
    }

    private Point Narrow(Point start, Point[] bracket)
    {
        var low = bracket[0].Loss <= bracket[1].Loss ? 0 : 1;
        var hasStalled = false;
        while (_trials < MostTrials && Math.Abs(bracket[1].Step - bracket[0].Step) * directionSize >= SmallestChange)
        {
            var left = Math.Min(bracket[0].Step, bracket[1].Step);
            var right = Math.Max(bracket[0].Step, bracket[1].Step);
            var step = Interpolate(bracket[0], bracket[1], left, right);
            // A trial close to the bracket's end twice in a row, or on it, moves inside by a tenth.
            var margin = 0.1 * (right - left);
            if (Math.Min(right - step, step - left) >= margin)
                hasStalled = false;
            else if (!hasStalled && step < right && step > left)
                hasStalled = true;
            else
            {
                step = Math.Abs(step - right) < Math.Abs(step - left) ? right - margin : left + margin;
                hasStalled = false;
            }
            var current = Evaluate(step);
            _trials++;
            if (!Decreases(start, current) || current.Loss >= bracket[low].Loss)
            {
                bracket[1 - low] = current;
                low = bracket[0].Loss <= bracket[1].Loss ? 0 : 1;
                continue;
            }
            if (IsFlat(start, current))
                return current;
            if (current.Slope * (bracket[1 - low].Step - bracket[low].Step) >= 0)
                bracket[1 - low] = bracket[low];
            bracket[low] = current;
        }
        return bracket[low];
    }

    private Point Evaluate(double step)
    {
        Evaluations++;
        return evaluate(step);
    }

    private static bool Decreases(Point start, Point point) =>
        !(point.Loss > start.Loss + SufficientDecrease * point.Step * start.Slope);

    private static bool IsFlat(Point start, Point point) => Math.Abs(point.Slope) <= -Curvature * start.Slope;

    /// <summary>The minimum of the cubic through two points with their slopes, or the middle where it has none.</summary>
    private static double Interpolate(Point a, Point b, double least, double most)
    {
        var (first, last) = a.Step <= b.Step ? (a, b) : (b, a);
        var d1 = first.Slope + last.Slope - 3 * (first.Loss - last.Loss) / (first.Step - last.Step);
        var square = d1 * d1 - first.Slope * last.Slope;
        if (!(square >= 0))
            return (least + most) / 2;
        var d2 = Math.Sqrt(square);
        var span = last.Step - first.Step;
        var at = last.Step - span * ((last.Slope + d2 - d1) / (last.Slope - first.Slope + 2 * d2));
        return Math.Min(Math.Max(at, least), most);
    }
}
