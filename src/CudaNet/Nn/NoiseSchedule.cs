namespace CudaNet.Nn;

/// <summary>What a diffusion model's network says at x_t = √ᾱ x₀ + √(1 − ᾱ) ε.</summary>
public enum DiffusionPrediction
{
    /// <summary>The noise ε (Ho, Jain, Abbeel 2020).</summary>
    Epsilon,

    /// <summary>The clean sample x₀.</summary>
    Sample,

    /// <summary>v = √ᾱ ε − √(1 − ᾱ) x₀ (Salimans, Ho 2022).</summary>
    Velocity,

    /// <summary>The score ∇ log q(x_t) = −ε / √(1 − ᾱ).</summary>
    Score,

    /// <summary>The mean of q(x_{t−1} | x_t, x₀).</summary>
    Mean,
}

/// <summary>The variance of a DDPM step (Ho, Jain, Abbeel 2020, section 3.2).</summary>
public enum DiffusionVariance
{
    /// <summary>β̃_t, that of q(x_{t−1} | x_t, x₀): best for data that is one point.</summary>
    Posterior,

    /// <summary>β_t: best for data that is normal.</summary>
    Beta,
}

/// <summary>
/// The variances β_t of a diffusion process and all that follows from them, in float64 on the host; time steps count from 0, the first one
/// that adds noise. α_t = 1 − β_t, ᾱ_t = Π α up to t, and ᾱ before step 0 is 1. Tables for kernels are rounded once, from what is exact here.
/// </summary>
public sealed class NoiseSchedule
{
    private readonly double[] _betas;
    private readonly double[] _alphaBars;

    /// <summary>A schedule of given variances, each in (0, 1).</summary>
    /// <exception cref="ArgumentException">There are none, or one is out of range.</exception>
    public NoiseSchedule(ReadOnlySpan<double> betas)
    {
        if (betas.IsEmpty)
            throw new ArgumentException("a schedule has at least one step", nameof(betas));
        _betas = betas.ToArray();
        _alphaBars = new double[_betas.Length];
        var product = 1.0;
        for (var t = 0; t < _betas.Length; t++)
        {
            if (!(_betas[t] is > 0 and < 1))
                throw new ArgumentException($"β lies in (0, 1); step {t} has {_betas[t]}", nameof(betas));
            _alphaBars[t] = product *= 1 - _betas[t];
        }
    }

    /// <summary>β rises evenly from <paramref name="first"/> to <paramref name="last"/> (Ho, Jain, Abbeel 2020, section 4).</summary>
    public static NoiseSchedule Linear(int steps = 1000, double first = 1e-4, double last = 0.02)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        var betas = new double[steps];
        for (var t = 0; t < steps; t++)
            betas[t] = steps == 1 ? first : first + (last - first) * t / (steps - 1);
        return new(betas);
    }

    /// <summary>
    /// ᾱ_t = f(t + 1) / f(0) with f(t) = cos²((t/T + s) / (1 + s) · π/2), β at most <paramref name="largest"/> (Nichol, Dhariwal 2021,
    /// equation 17).
    /// </summary>
    public static NoiseSchedule Cosine(int steps = 1000, double offset = 0.008, double largest = 0.999)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        double F(int t) => Math.Pow(Math.Cos(((double)t / steps + offset) / (1 + offset) * Math.PI / 2), 2);
        var betas = new double[steps];
        for (var t = 0; t < steps; t++)
            betas[t] = Math.Min(1 - F(t + 1) / F(t), largest);
        return new(betas);
    }

    /// <summary>The number of steps, T.</summary>
    public int Steps => _betas.Length;

    /// <summary>β_t, the variance that step t adds.</summary>
    public IReadOnlyList<double> Betas => _betas;

    /// <summary>ᾱ_t, the part of the data's variance that is left.</summary>
    public IReadOnlyList<double> AlphaBars => _alphaBars;

    /// <summary>ᾱ_{t−1}, which is 1 before step 0.</summary>
    private double Before(int t) => t == 0 ? 1 : _alphaBars[t - 1];

    /// <summary>The signal-to-noise ratio ᾱ / (1 − ᾱ).</summary>
    public double SignalToNoise(int t) => _alphaBars[t] / (1 - _alphaBars[t]);

    /// <summary>β̃_t, the variance of q(x_{t−1} | x_t, x₀): β_t (1 − ᾱ_{t−1}) / (1 − ᾱ_t).</summary>
    public double PosteriorVariance(int t) => _betas[t] * (1 - Before(t)) / (1 - _alphaBars[t]);

    /// <summary>
    /// The mean of q(x_{t−1} | x_t, x₀) is Sample · x₀ + Input · x_t, with √ᾱ_{t−1} β_t / (1 − ᾱ_t) and √α_t (1 − ᾱ_{t−1}) / (1 − ᾱ_t).
    /// </summary>
    public (double Sample, double Input) PosteriorMean(int t) =>
        (
            Math.Sqrt(Before(t)) * _betas[t] / (1 - _alphaBars[t]),
            Math.Sqrt(1 - _betas[t]) * (1 - Before(t)) / (1 - _alphaBars[t])
        );

    /// <summary>x₀ is Input · x_t + Prediction · what the network says.</summary>
    public (double Input, double Prediction) SampleOf(DiffusionPrediction prediction, int t)
    {
        var (signal, noise) = (Math.Sqrt(_alphaBars[t]), Math.Sqrt(1 - _alphaBars[t]));
        var (ofSample, ofInput) = PosteriorMean(t);
        return prediction switch
        {
            DiffusionPrediction.Epsilon => (1 / signal, -noise / signal),
            DiffusionPrediction.Sample => (0, 1),
            DiffusionPrediction.Velocity => (signal, -noise),
            DiffusionPrediction.Score => (1 / signal, noise * noise / signal),
            DiffusionPrediction.Mean => (-ofInput / ofSample, 1 / ofSample),
            _ => throw new ArgumentOutOfRangeException(nameof(prediction), prediction, null),
        };
    }

    /// <summary>
    /// The weights that make squared errors of this prediction the terms of the variational bound, in nats for each element: for x₀
    /// ½ (SNR(t − 1) − SNR(t)), and the same error whatever is predicted (Kingma et al. 2021). Step 0, where the posterior has no variance,
    /// stands for the reconstruction by N(x₀; x̂₀, β₀).
    /// </summary>
    public double[] BoundWeights(DiffusionPrediction prediction) =>
        Weights(prediction, t => t == 0 ? 0.5 / _betas[0] : 0.5 * (SignalToNoise(t - 1) - SignalToNoise(t)));

    /// <summary>min(SNR, γ) for errors of x₀, and the same error whatever is predicted: min-SNR-γ (Hang et al. 2023).</summary>
    public double[] MinSnrWeights(DiffusionPrediction prediction, double gamma = 5) =>
        Weights(prediction, t => Math.Min(SignalToNoise(t), gamma));

    /// <summary>An error of the prediction is one of x₀ by the prediction's factor.</summary>
    private double[] Weights(DiffusionPrediction prediction, Func<int, double> ofSample)
    {
        var weights = new double[Steps];
        for (var t = 0; t < Steps; t++)
        {
            var factor = SampleOf(prediction, t).Prediction;
            weights[t] = ofSample(t) * factor * factor;
        }
        return weights;
    }

    /// <summary>
    /// The rows of <see cref="DiffusionStepExtensions.DiffusionStep"/> for ancestral sampling, from each t to t − 1 (Ho, Jain, Abbeel 2020,
    /// algorithm 2). The last step, from 0, adds no noise.
    /// </summary>
    public double[] DdpmSteps(DiffusionPrediction prediction, DiffusionVariance variance = DiffusionVariance.Posterior)
    {
        var rows = new double[Steps * DiffusionStepOp.Coefficients];
        for (var t = 0; t < Steps; t++)
        {
            var (ofSample, ofInput) = PosteriorMean(t);
            var spread = variance == DiffusionVariance.Beta ? _betas[t] : PosteriorVariance(t);
            Put(rows, t, prediction, ofSample, ofInput, t == 0 ? 0 : Math.Sqrt(spread));
        }
        return rows;
    }

    /// <summary>
    /// The rows of <see cref="DiffusionStepExtensions.DiffusionStep"/> for DDIM (Song, Meng, Ermon 2021, equations 12 and 16), from each of
    /// some time steps to the one below it, and from the lowest to the clean sample. Row t belongs to time step t; other rows are 0.
    /// </summary>
    /// <param name="prediction">What the network says.</param>
    /// <param name="timesteps">The time steps that are visited, rising; none means all.</param>
    /// <param name="eta">0 draws no noise at all; 1 is the ancestral sampler of these steps.</param>
    /// <exception cref="ArgumentException">The time steps do not rise, or are out of range.</exception>
    public double[] DdimSteps(DiffusionPrediction prediction, ReadOnlySpan<int> timesteps = default, double eta = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(eta);
        int[] visited = timesteps.IsEmpty ? [.. Enumerable.Range(0, Steps)] : timesteps.ToArray();
        var rows = new double[Steps * DiffusionStepOp.Coefficients];
        for (var i = 0; i < visited.Length; i++)
        {
            var t = visited[i];
            if (t < 0 || t >= Steps || (i > 0 && t <= visited[i - 1]))
                throw new ArgumentException($"expected rising time steps from 0 to {Steps - 1}", nameof(timesteps));
            var (now, next) = (_alphaBars[t], i == 0 ? 1 : _alphaBars[visited[i - 1]]);
            var sigma = eta * Math.Sqrt((1 - next) / (1 - now)) * Math.Sqrt(1 - now / next);
            // What of the noise in x_t stays: the direction that points to x_t.
            var ofInput = Math.Sqrt(Math.Max(0, 1 - next - sigma * sigma) / (1 - now));
            Put(rows, t, prediction, Math.Sqrt(next) - Math.Sqrt(now) * ofInput, ofInput, sigma);
        }
        return rows;
    }

    private void Put(
        double[] rows,
        int t,
        DiffusionPrediction prediction,
        double ofSample,
        double ofInput,
        double spread
    )
    {
        var (input, predicted) = SampleOf(prediction, t);
        double[] row = [input, predicted, ofSample, ofInput, spread];
        row.CopyTo(rows, t * DiffusionStepOp.Coefficients);
    }

    /// <summary>√ᾱ_t, what data is multiplied by.</summary>
    public double[] SignalScales => Array.ConvertAll(_alphaBars, Math.Sqrt);

    /// <summary>√(1 − ᾱ_t), what noise is multiplied by.</summary>
    public double[] NoiseScales => Array.ConvertAll(_alphaBars, a => Math.Sqrt(1 - a));

    /// <summary>
    /// Values of this schedule as a table for kernels: (T), or (T, 5) for the rows of steps, in f64 for samples in f64 and else in f32. Made
    /// once and kept by whoever trains or samples.
    /// </summary>
    public Tensor Table(double[] values, DType samples = DType.Float32, Device? device = null)
    {
        ArgumentNullException.ThrowIfNull(values);
        var columns = values.Length / Steps;
        if (columns * Steps != values.Length)
            throw new ArgumentException($"expected one row for each of {Steps} steps", nameof(values));
        var shape = columns == 1 ? new Shape(Steps) : new Shape(Steps, columns);
        return samples.Accumulator == DType.Float64
            ? Tensor.From(values, shape, device)
            : Tensor.From(Array.ConvertAll(values, v => (float)v), shape, device);
    }
}
