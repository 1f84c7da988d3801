namespace CudaNet;

/// <summary>How the distribution function in GELU is computed.</summary>
public enum GeluApproximation
{
    /// <summary>By the error function.</summary>
    None,

    /// <summary>By a tanh of a cubic polynomial, as GPT-2 does.</summary>
    Tanh,
}

internal sealed class GeluOp() : ActivationOp("gelu", "; approximate: none|tanh = none")
{
    public static readonly GeluOp Instance = new();

    internal override CpuKernel Cpu => CpuActivations.Gelu;

    protected override ActivationBackwardOp Derivative => GeluBackwardOp.Instance;

    private static readonly double Inner = Math.Sqrt(2 / Math.PI);
    private const double Cubic = 0.044715;

    private static bool IsTanh(Attributes attributes) => attributes.Int(0) == 1;

    /// <summary>The argument of the tanh and its derivative.</summary>
    private static (double U, double Slope) Polynomial(double x) =>
        (Inner * (x + Cubic * x * x * x), Inner * (1 + 3 * Cubic * x * x));

    public override double Evaluate(double x, Attributes attributes) =>
        x * (IsTanh(attributes) ? SpecialFunctions.Sigmoid(2 * Polynomial(x).U) : SpecialFunctions.NormalCdf(x));

    // 1 + erf and 1 + tanh cancel in the negative tail.
    public override double Magnitude(double x, Attributes attributes) => Math.Abs(x);

    public override double Slope(double x, Attributes attributes)
    {
        if (!IsTanh(attributes))
            return SpecialFunctions.NormalCdf(x) + x * SpecialFunctions.NormalDensity(x);
        var (u, slope) = Polynomial(x);
        var s = SpecialFunctions.Sigmoid(2 * u);
        return s + 2 * x * slope * s * SpecialFunctions.Sigmoid(-2 * u);
    }

    public override double SlopeMagnitude(double x, Attributes attributes)
    {
        // 1, and the second term with what rounding the exponent does to it.
        if (!IsTanh(attributes))
            return 1 + Math.Abs(x) * SpecialFunctions.NormalDensity(x) * (1 + x * x);
        var (u, slope) = Polynomial(x);
        var both = SpecialFunctions.Sigmoid(2 * u) * SpecialFunctions.Sigmoid(-2 * u);
        return 1 + 2 * Math.Abs(x) * slope * both * (1 + 2 * Math.Abs(u));
    }

    public override Tensor Slope(Tensor x, Attributes attributes)
    {
        if (!IsTanh(attributes))
        {
            var density = x.Square().Affine(-0.5).Exp().Affine(1 / Math.Sqrt(2 * Math.PI));
            return x.Affine(Math.Sqrt(0.5)).Erf().Affine(0.5, 0.5).Add(x.Mul(density));
        }
        var squares = x.Square();
        var twice = x.Mul(squares.Affine(2 * Inner * Cubic, 2 * Inner));
        var slope = squares.Affine(6 * Inner * Cubic, 2 * Inner);
        // 1 − s would cancel where s is near 1, and the factors before it are large there.
        var (s, rest) = (twice.Sigmoid(), twice.Neg().Sigmoid());
        return s.Add(x.Mul(slope).Mul(s).Mul(rest));
    }

    public override IEnumerable<(string Label, Attributes Attributes)> Variants =>
        [("", Attributes.Of(0L)), ("approximate=tanh", Attributes.Of(1L))];
}

/// <summary>The gradient of <see cref="GeluOp"/>.</summary>
internal sealed class GeluBackwardOp() : ActivationBackwardOp(GeluOp.Instance, "; approximate: none|tanh = none")
{
    public static readonly GeluBackwardOp Instance = new();

    internal override CpuKernel Cpu => CpuActivations.GeluBackward;
}

/// <summary>The Gaussian error linear unit.</summary>
public static class GeluExtensions
{
    extension(Tensor input)
    {
        /// <summary>input · Φ(input), with Φ the distribution function of the standard normal distribution (Hendrycks, Gimpel 2016).</summary>
        /// <param name="approximate">Whether Φ is exact or ½(1 + tanh(√(2/π)(x + 0.044715 x³))).</param>
        public Tensor Gelu(GeluApproximation approximate = GeluApproximation.None) =>
            GeluOp.Instance.Apply([input], Attributes.Of((long)approximate));
    }
}
