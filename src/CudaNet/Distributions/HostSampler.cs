using CudaNet.Random;

namespace CudaNet.Distributions;

/// <summary>
/// Draws whose loops end at random. They are made on the host, each element from its own Philox stream, so that they are the same on every device.
/// </summary>
internal static class HostSampler
{
    /// <summary>Streams of single elements; tensors' draws use stream 0.</summary>
    private const ulong FirstStream = 1UL << 63;

    /// <summary>Values of a shape, each from the parameters at its place.</summary>
    public static Tensor Draw(
        Shape shape,
        DType dtype,
        Device device,
        Generator? generator,
        SamplePoint draw,
        params ReadOnlySpan<Tensor> parameters
    )
    {
        using var noGrad = Autograd.NoGrad();
        generator ??= Generator.Default;
        var at = new double[parameters.Length][];
        for (var i = 0; i < at.Length; i++)
            at[i] = parameters[i].Expand(shape.Dims).ToDoubles();
        var first = FirstStream + (ulong)generator.Advance(shape.NumElements);
        var values = new double[shape.NumElements];
        var point = new double[at.Length];
        for (var i = 0; i < values.Length; i++)
        {
            for (var p = 0; p < point.Length; p++)
                point[p] = at[p][i];
            var stream = new PhiloxStream((ulong)generator.Seed, first + (ulong)i);
            values[i] = draw(ref stream, point);
        }
        return Tensor.From(values, shape, device).Cast(dtype);
    }

    /// <summary>One value from its parameters.</summary>
    public delegate double SamplePoint(ref PhiloxStream stream, ReadOnlySpan<double> parameters);

    /// <summary>Inversion by sequential search for small rates (Devroye 1986, section X.3.3), transformed rejection for others (Hörmann 1993, PTRS).</summary>
    public static double Poisson(ref PhiloxStream stream, ReadOnlySpan<double> parameters)
    {
        var rate = parameters[0];
        if (rate < 30)
        {
            var u = stream.NextDouble();
            var probability = Math.Exp(-rate);
            var count = 0;
            // The sum of the probabilities may stop short of u by its rounding.
            for (var sum = probability; u >= sum && probability > 0; sum += probability)
                probability *= rate / ++count;
            return count;
        }
        var b = 0.931 + 2.53 * Math.Sqrt(rate);
        var a = -0.059 + 0.02483 * b;
        var alpha = 1.1239 + 1.1328 / (b - 3.4);
        while (true)
        {
            var u = stream.NextDouble() - 0.5;
            var v = stream.NextDouble();
            var us = 0.5 - Math.Abs(u);
            var count = Math.Floor((2 * a / us + b) * u + rate + 0.43);
            if (us >= 0.07 && v <= 0.9277 - 3.6224 / (b - 2))
                return count;
            if (count < 0 || us < 0.013 && v > us)
                continue;
            var bound = count * Math.Log(rate) - rate - MathNet.Numerics.SpecialFunctions.GammaLn(count + 1);
            if (Math.Log(v) + Math.Log(alpha) - Math.Log(a / (us * us) + b) <= bound)
                return count;
        }
    }

    /// <summary>Rejection from a wrapped Cauchy distribution (Best and Fisher 1979).</summary>
    public static double VonMises(ref PhiloxStream stream, ReadOnlySpan<double> parameters)
    {
        var (loc, concentration) = (parameters[0], parameters[1]);
        var tau = 1 + Math.Sqrt(1 + 4 * concentration * concentration);
        // (τ − √(2τ)) / 2κ without the difference of equals when κ is small.
        var rho = 2 * concentration / (tau + Math.Sqrt(2 * tau));
        var r = rho > 0 ? (1 + rho * rho) / (2 * rho) : double.PositiveInfinity;
        while (true)
        {
            var z = Math.Cos(Math.PI * stream.NextDouble());
            var f = double.IsInfinity(r) ? z : (1 + r * z) / (r + z);
            var c = double.IsInfinity(r) ? 1 : concentration * (r - f);
            var u = stream.NextDouble();
            if (c * (2 - c) - u <= 0 && Math.Log(c / u) + 1 - c < 0)
                continue;
            var angle = (stream.NextDouble() < 0.5 ? -1 : 1) * Math.Acos(Math.Clamp(f, -1, 1)) + loc;
            return angle - 2 * Math.PI * Math.Floor((angle + Math.PI) / (2 * Math.PI));
        }
    }
}
