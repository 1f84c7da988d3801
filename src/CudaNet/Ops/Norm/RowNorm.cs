namespace CudaNet;

/// <summary>The textbook loops of rows that are normalised by statistics of their own: layer, RMS and group normalisation.</summary>
internal static class RowNorm
{
    /// <summary>
    /// output = (x − mean)·rstd·weight + bias for rows of <paramref name="n"/> elements, with rstd = 1/√(mean of (x − mean)² + eps).
    /// </summary>
    /// <param name="x">The input.</param>
    /// <param name="weight">None stands for ones.</param>
    /// <param name="bias">None stands for zeros.</param>
    /// <param name="y">The output.</param>
    /// <param name="mean">The rows' means; without it, nothing is taken off.</param>
    /// <param name="rstd">The rows' inverse deviations.</param>
    /// <param name="n">The length of a row.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <param name="parameter">The place of the weight and bias of a row's i-th element.</param>
    public static void Forward(
        ReferenceTensor x,
        ReferenceTensor? weight,
        ReferenceTensor? bias,
        ReferenceTensor y,
        ReferenceTensor? mean,
        ReferenceTensor rstd,
        long n,
        double eps,
        Func<long, long, long> parameter
    )
    {
        for (long row = 0; row < rstd.Shape.NumElements; row++)
        {
            var at = row * n;
            double centre = 0,
                centreNoise = 0,
                squares = 0;
            if (mean is not null)
            {
                for (long i = 0; i < n; i++)
                {
                    mean[row] += x[at + i] / n;
                    mean.Magnitude[row] += Math.Abs(x[at + i]) / n;
                }
                (centre, centreNoise) = (mean[row], mean.Magnitude[row]);
            }
            for (long i = 0; i < n; i++)
                squares += Math.Pow(x[at + i] - centre, 2);
            rstd[row] = 1 / Math.Sqrt(squares / n + eps);
            // An error of the mean or of a difference moves the variance by twice that times the spread; rstd by half the relative change.
            var spread = Math.Sqrt(squares / n);
            var varianceError = squares / n + spread * centreNoise;
            rstd.Magnitude[row] = rstd[row] * (1 + varianceError * rstd[row] * rstd[row]);
            for (long i = 0; i < n; i++)
            {
                var place = parameter(row, i);
                var w = weight?[place] ?? 1;
                var centred = Math.Abs(x[at + i] - centre);
                y[at + i] = (x[at + i] - centre) * rstd[row] * w + (bias?[place] ?? 0);
                y.Magnitude[at + i] =
                    Math.Abs(w) * (rstd[row] * (Math.Abs(x[at + i]) + centreNoise) + centred * rstd.Magnitude[row])
                    + Math.Abs(bias?[place] ?? 0);
            }
        }
        y.Terms = rstd.Terms = n;
        if (mean is not null)
            mean.Terms = n;
    }

    /// <summary>The gradients of <see cref="Forward"/> from its statistics, which may be absent in the same way.</summary>
    public static void Backward(
        ReferenceTensor g,
        ReferenceTensor x,
        ReferenceTensor? weight,
        ReferenceTensor? mean,
        ReferenceTensor rstd,
        ReferenceTensor gx,
        ReferenceTensor? gw,
        ReferenceTensor? gb,
        long n,
        Func<long, long, long> parameter
    )
    {
        for (long row = 0; row < rstd.Shape.NumElements; row++)
        {
            var centre = mean?[row] ?? 0;
            double Normalised(long at) => (x[at] - centre) * rstd[row];
            double Noise(long at) => (Math.Abs(x[at]) + Math.Abs(centre)) * rstd[row];
            double sumG = 0,
                sumGX = 0,
                absoluteG = 0,
                absoluteGX = 0;
            for (long i = 0; i < n; i++)
            {
                var (at, place) = (row * n + i, parameter(row, i));
                var scaled = g[at] * (weight?[place] ?? 1);
                if (mean is not null)
                {
                    sumG += scaled / n;
                    absoluteG += Math.Abs(scaled) / n;
                }
                sumGX += scaled * Normalised(at) / n;
                absoluteGX += Math.Abs(scaled) * Noise(at) / n;
                Add(gw, place, g[at] * Normalised(at), Math.Abs(g[at]) * Noise(at));
                Add(gb, place, g[at], Math.Abs(g[at]));
            }
            for (long i = 0; i < n; i++)
            {
                var at = row * n + i;
                var scaled = g[at] * (weight?[parameter(row, i)] ?? 1);
                gx[at] = rstd[row] * (scaled - sumG - Normalised(at) * sumGX);
                gx.Magnitude[at] = rstd[row] * (Math.Abs(scaled) + absoluteG + Noise(at) * absoluteGX);
            }
        }
        gx.Terms = n;
        foreach (var parameters in new[] { gw, gb })
            if (parameters is not null)
                parameters.Terms = Math.Max(1, x.Shape.NumElements / Math.Max(1, parameters.Shape.NumElements));
    }

    private static void Add(ReferenceTensor? sums, long place, double value, double noise)
    {
        if (sums is null)
            return;
        sums[place] += value;
        sums.Magnitude[place] += noise;
    }

    /// <summary>
    /// Adds what comes through the statistics, of which ∂mean/∂x = 1/n and ∂rstd/∂x = −rstd³(x − mean)/n, to the gradient of the input.
    /// Nobody asks for the statistics' gradients directly, but second derivatives come back through them.
    /// </summary>
    /// <param name="call">The backward call, in which the first input's gradient may have been set.</param>
    /// <param name="rows">The rows of the input, which is input 0.</param>
    /// <param name="mean">The number of the output mean, or none.</param>
    /// <param name="rstd">The number of the output rstd.</param>
    public static void AddStatistics(BackwardCall call, Rows rows, int? mean, int rstd)
    {
        var throughMean = mean is { } m && call.HasGradOutput(m);
        if (!call.Needs(0) || !(throughMean || call.HasGradOutput(rstd)))
            return;
        var x = call.Input(0);
        var total = throughMean
            ? rows.Column(call.GradOutput(mean!.Value)).Affine(1.0 / rows.Length).Expand(rows.Count, rows.Length)
            : null;
        if (call.HasGradOutput(rstd))
        {
            var r = rows.Column(call.Output(rstd));
            var slope = rows.Column(call.GradOutput(rstd)).Mul(r).Mul(r).Mul(r).Affine(-1.0 / rows.Length);
            var matrix = rows.Matrix(x);
            var part = (mean is { } at ? matrix.Sub(rows.Column(call.Output(at))) : matrix).Mul(slope);
            total = total is null ? part : total.Add(part);
        }
        var gradient = total!.Cast(x.DType).Reshape(x.Shape);
        call.Set(0, call.Result(0) is { } direct ? direct.Add(gradient) : gradient);
    }
}

/// <summary>The input of a normalisation as a matrix in the accumulator dtype.</summary>
internal readonly record struct Rows(long Count, long Length, Shape Leading, DType Accumulator)
{
    public static Rows Of(Tensor input, ReadOnlySpan<long> normalized)
    {
        var length = new Shape(normalized).NumElements;
        var leading = new Shape(input.Shape.Dims[..^normalized.Length]);
        return new(leading.NumElements, length, leading, input.DType.Accumulator);
    }

    public Tensor Matrix(Tensor tensor) => tensor.Cast(Accumulator).Reshape(Count, Length);

    public Tensor Row(Tensor tensor) => tensor.Cast(Accumulator).Reshape(1, Length);

    public Tensor Column(Tensor tensor) => tensor.Cast(Accumulator).Reshape(Count, 1);

    /// <summary>The deviations from the rows' mean, divided by their root mean square.</summary>
    public static Tensor Normalise(Tensor centred, double eps, out Tensor rstd)
    {
        rstd = centred.Mul(centred).Mean(1, keepDim: true).Affine(1, eps).Rsqrt();
        return centred.Mul(rstd);
    }
}
