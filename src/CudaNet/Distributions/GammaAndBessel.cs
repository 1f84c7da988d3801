namespace CudaNet.Distributions;

/// <summary>Special functions that normalise densities, written in ops and so differentiable to any order.</summary>
public static class GammaAndBesselExtensions
{
    /// <summary>Bernoulli numbers over 2k(2k − 1): Stirling's series (Abramowitz and Stegun 6.1.40).</summary>
    private static readonly double[] s_stirling =
    [
        1.0 / 12,
        -1.0 / 360,
        1.0 / 1260,
        -1.0 / 1680,
        1.0 / 1188,
        -691.0 / 360360,
        1.0 / 156,
    ];

    // Abramowitz and Stegun 9.8.1 to 9.8.4.
    private static readonly double[] s_small0 =
    [
        1,
        3.5156229,
        3.0899424,
        1.2067492,
        0.2659732,
        0.360768e-1,
        0.45813e-2,
    ];

    private static readonly double[] s_large0 =
    [
        0.39894228,
        0.1328592e-1,
        0.225319e-2,
        -0.157565e-2,
        0.916281e-2,
        -0.2057706e-1,
        0.2635537e-1,
        -0.1647633e-1,
        0.392377e-2,
    ];

    private static readonly double[] s_small1 =
    [
        0.5,
        0.87890594,
        0.51498869,
        0.15084934,
        0.2658733e-1,
        0.301532e-2,
        0.32411e-3,
    ];

    private static readonly double[] s_large1 =
    [
        0.39894228,
        -0.3988024e-1,
        -0.362018e-2,
        0.163801e-2,
        -0.1031555e-1,
        0.2282967e-1,
        -0.2895312e-1,
        0.1787654e-1,
        -0.420059e-2,
    ];

    extension(Tensor input)
    {
        /// <summary>log Γ(x) for positive x, to the last digits of f64 and rounded from there.</summary>
        public Tensor LogGamma()
        {
            const int Shift = 7;
            var x = input.Cast(DType.Float64);
            var isSmall = x < Shift + 1;
            // Γ(x) = Γ(x + 7) / (x·(x + 1)·…·(x + 6)), and Stirling's series for what is at least 8.
            var below = Tensor.Where(isSmall, x, 1);
            var product = below;
            for (var i = 1; i < Shift; i++)
                product *= below + i;
            var z = Tensor.Where(isSmall, x + Shift, x);
            var inverse = z.Reciprocal();
            var series = inverse * Polynomial(inverse.Square(), s_stirling);
            var large = (z - 0.5) * z.Log() - z + 0.5 * Math.Log(2 * Math.PI) + series;
            return (large - Tensor.Where(isSmall, product.Log(), 0)).Cast(input.DType);
        }

        /// <summary>log I₀(x), of the modified Bessel function, for x ≥ 0, to seven digits.</summary>
        public Tensor LogBesselI0() => LogBessel(input, s_small0, s_large0);

        /// <summary>log I₁(x), of the modified Bessel function, for x &gt; 0, to seven digits.</summary>
        public Tensor LogBesselI1() => LogBessel(input, s_small1, s_large1);
    }

    private static Tensor LogBessel(Tensor x, double[] small, double[] large)
    {
        const double Border = 3.75;
        var isSmall = x < Border;
        // Each branch sees arguments of its own, so that none makes a gradient of the other NaN.
        var low = Tensor.Where(isSmall, x, 1);
        var high = Tensor.Where(isSmall, Border, x);
        var near = Polynomial((low / Border).Square(), small).Log();
        if (ReferenceEquals(small, s_small1))
            near += low.Log();
        var far = high - 0.5 * high.Log() + Polynomial(Border / high, large).Log();
        return Tensor.Where(isSmall, near, far);
    }

    private static Tensor Polynomial(Tensor x, ReadOnlySpan<double> coefficients)
    {
        var sum = coefficients[^2] + x * coefficients[^1];
        for (var i = coefficients.Length - 3; i >= 0; i--)
            sum = sum * x + coefficients[i];
        return sum;
    }
}
