using System.Globalization;

namespace CudaNet.Verification;

/// <summary>What <see cref="GradCheck"/> found.</summary>
/// <param name="FirstError">The largest error of a first derivative, as a part of |derivative| + the largest one of that input.</param>
/// <param name="SecondError">The same of the second derivatives; 0 when they were not asked for.</param>
/// <param name="Failures">A line for each gradient with errors beyond the tolerance.</param>
public sealed record GradCheckResult(double FirstError, double SecondError, IReadOnlyList<string> Failures)
{
    /// <summary>Whether all derivatives agree.</summary>
    public bool Passed => Failures.Count == 0;

    /// <summary>Throws when a derivative is wrong.</summary>
    /// <exception cref="AutogradException">The message tells which input, element and values.</exception>
    public void ThrowIfFailed()
    {
        if (!Passed)
            throw new AutogradException(ToString());
    }

    /// <inheritdoc/>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"first {FirstError:G3}, second {SecondError:G3}")
        + string.Concat(Failures.Select(line => $"\n  {line}"));
}

/// <summary>
/// Proves the gradients of a function of tensors by finite differences: the first against differences of the function, the second
/// against differences of the first.
/// </summary>
/// <remarks>
/// <para>
/// Cotangents are random. An all-ones cotangent would hide a wrong softmax or layer normalisation, whose outputs have constant sums.
/// The differences use four points, f′(x) ≈ (f(x − 2h) − 8 f(x − h) + 8 f(x + h) − f(x + 2h)) / 12h, whose error falls with h⁴
/// (Abramowitz and Stegun, 25.3.6), with h = step · max(1, |x|), and each output's difference is taken before the cotangent
/// sums them, so that outputs which do not depend on x cancel.
/// </para>
/// <para>
/// The function must be smooth within 2h around its inputs, must give the same result when it is called again (fix the seed of random
/// numbers) and should compute in f64: in f32 only two or three digits remain.
/// </para>
/// </remarks>
public static class GradCheck
{
    /// <summary>Checks the gradients of <paramref name="function"/> at <paramref name="inputs"/>.</summary>
    /// <param name="function">Gives one or more tensors. Called about 4 times for each element of the inputs, and, for second
    /// derivatives, differentiated as often.</param>
    /// <param name="inputs">f64 tensors, of any shape; gradients with respect to all of them are checked. They are not changed.</param>
    /// <param name="second">Whether second derivatives are checked too.</param>
    /// <param name="firstTolerance">What a first derivative may be off, as a part of its size plus the largest one of that input.</param>
    /// <param name="secondTolerance">The same of second derivatives.</param>
    /// <param name="step">The distance of the points for |x| ≤ 1.</param>
    /// <param name="seed">The seed of the cotangents.</param>
    /// <exception cref="DTypeException">An input is not f64.</exception>
    /// <exception cref="AutogradException">No output depends differentiably on an input.</exception>
    public static GradCheckResult Run(
        Func<Tensor[], Tensor[]> function,
        Tensor[] inputs,
        bool second = true,
        double firstTolerance = 1e-6,
        double secondTolerance = 1e-5,
        double step = 1e-3,
        long seed = 0
    )
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentNullException.ThrowIfNull(inputs);
        foreach (var input in inputs)
            if (input.DType != DType.Float64)
                throw new DTypeException(
                    $"GradCheck: finite differences need f64 inputs; one of shape {input.Shape} is {input.DType.Name}, convert it with Cast"
                );
        using var frame = Lifetime.Frame();
        using var enable = Autograd.EnableGrad();
        var points = Array.ConvertAll(inputs, t => (t.Shape, t.Device, Values: t.ToDoubles()));
        var failures = new List<string>();

        Tensor[] Leaves()
        {
            var leaves = Array.ConvertAll(points, p => CaseInputs.Upload(p.Shape, DType.Float64, p.Values, p.Device));
            foreach (var leaf in leaves)
                leaf.RequiresGrad = true;
            return leaves;
        }

        // The first derivatives: autograd's and those of differences.
        var at = Leaves();
        var outputs = Differentiable(function(at));
        if (outputs.Length == 0)
            throw new AutogradException("GradCheck: no output of the function requires gradients");
        var cotangents = Cotangents(outputs, seed);
        var first = Autograd.Grad(outputs, at, cotangents, createGraph: second, allowUnused: true);
        var firstError = Compare(
            "gradient",
            points,
            Array.ConvertAll(first, g => g.ToDoubles()),
            () =>
            {
                using var inner = Lifetime.Frame();
                return Values(Differentiable(function(Leaves())));
            },
            Values(cotangents),
            step,
            firstTolerance,
            failures
        );
        if (!second)
            return new(firstError, 0, failures);

        // The second: those of ⟨gradient, weights⟩, against differences of the gradient itself.
        var live = Enumerable.Range(0, first.Length).Where(i => first[i].RequiresGrad).ToArray();
        if (live.Length == 0)
            return new(firstError, 0, failures);
        var chosen = Array.ConvertAll(live, i => first[i]);
        var weights = Cotangents(chosen, seed + 1);
        var seconds = Autograd.Grad(chosen, at, weights, allowUnused: true);
        var secondError = Compare(
            "second gradient",
            points,
            Array.ConvertAll(seconds, g => g.ToDoubles()),
            () =>
            {
                using var inner = Lifetime.Frame();
                var leaves = Leaves();
                var gradients = Autograd.Grad(Differentiable(function(leaves)), leaves, cotangents, allowUnused: true);
                return Array.ConvertAll(live, i => gradients[i].ToDoubles());
            },
            Values(weights),
            step,
            secondTolerance,
            failures
        );
        return new(firstError, secondError, failures);
    }

    private static Tensor[] Differentiable(Tensor[] outputs) => Array.FindAll(outputs, t => t.RequiresGrad);

    private static double[][] Values(Tensor[] tensors) => Array.ConvertAll(tensors, t => t.ToDoubles());

    private static Tensor[] Cotangents(Tensor[] like, long seed)
    {
        var name = new OpCase(AddOp.Instance, DType.Float64, $"cotangent={seed}", []);
        var cotangents = new Tensor[like.Length];
        for (var i = 0; i < like.Length; i++)
        {
            var values = CaseInputs.Cotangent(name, seed, i, like[i].NumElements);
            cotangents[i] = CaseInputs.Upload(like[i].Shape, like[i].DType, values, like[i].Device);
        }
        return cotangents;
    }

    private static double Compare(
        string what,
        (Shape Shape, Device Device, double[] Values)[] points,
        double[][] analytic,
        Func<double[][]> evaluate,
        double[][] cotangents,
        double step,
        double tolerance,
        List<string> failures
    )
    {
        double worst = 0;
        for (var p = 0; p < points.Length; p++)
        {
            var values = points[p].Values;
            var numeric = new double[values.Length];
            for (var i = 0; i < values.Length; i++)
                numeric[i] = Difference(values, i, evaluate, cotangents, step);
            var largest = numeric.Concat(analytic[p]).Select(Math.Abs).DefaultIfEmpty().Max();
            var bad = new Tolerance.Mismatches($"{what} of input {p}", points[p].Shape);
            for (var i = 0; i < values.Length; i++)
            {
                var allowed = tolerance * (Math.Abs(numeric[i]) + Math.Max(largest, 1e-3));
                var ratio = Math.Abs(analytic[p][i] - numeric[i]) / allowed;
                worst = double.IsNaN(ratio) ? double.NaN : Math.Max(worst, ratio * tolerance);
                if (!(ratio <= 1))
                    bad.Add(i, analytic[p][i], numeric[i], allowed, ratio);
            }
            if (bad.ToString() is { } text)
                failures.Add(text);
        }
        return worst;
    }

    private static double Difference(
        double[] values,
        int i,
        Func<double[][]> evaluate,
        double[][] cotangents,
        double step
    )
    {
        var x = values[i];
        var h = step * Math.Max(1, Math.Abs(x));
        double sum = 0;
        ReadOnlySpan<(int Steps, double Weight)> points = [(-2, 1), (-1, -8), (1, 8), (2, -1)];
        var difference = cotangents.Select(c => new double[c.Length]).ToArray();
        foreach (var (steps, weight) in points)
        {
            values[i] = x + steps * h;
            var results = evaluate();
            for (var o = 0; o < results.Length; o++)
            for (var k = 0; k < results[o].Length; k++)
                difference[o][k] += weight * results[o][k];
        }
        values[i] = x;
        for (var o = 0; o < difference.Length; o++)
        for (var k = 0; k < difference[o].Length; k++)
            sum += cotangents[o][k] * difference[o][k];
        return sum / (12 * h);
    }
}
