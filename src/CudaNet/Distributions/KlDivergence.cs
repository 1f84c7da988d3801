namespace CudaNet.Distributions;

/// <summary>KL(p‖q) = E_p[log p − log q], in nats, where it has a closed form.</summary>
public static class KlDivergence
{
    private const double EulerGamma = 0.57721566490153286;

    /// <summary>The divergence of q from p, of the shape to which their batches broadcast.</summary>
    /// <exception cref="NotSupportedException">There is no closed form for this pair.</exception>
    /// <exception cref="ShapeException">The values of p and q differ in shape.</exception>
    public static Tensor Between(Distribution p, Distribution q) =>
        (p, q) switch
        {
            (Normal a, Normal b) => Of(a, b),
            (MultivariateNormal a, MultivariateNormal b) => Of(a, b),
            (Independent a, Independent b) => Of(a, b),
            (Bernoulli a, Bernoulli b) => Of(a, b),
            (Categorical a, Categorical b) => (a.Probabilities * (a.Logits - b.Logits)).Sum(-1),
            (Laplace a, Laplace b) => Of(a, b),
            (Poisson a, Poisson b) => a.Rate * (a.Rate.Log() - b.Rate.Log()) - (a.Rate - b.Rate),
            (Gumbel a, Gumbel b) => Of(a, b),
            (VonMises a, VonMises b) => Of(a, b),
            (Normal a, Laplace b) => Of(a, b),
            (Laplace a, Normal b) => Of(a, b),
            (Normal a, Gumbel b) => Of(a, b),
            (Gumbel a, Normal b) => Of(a, b),
            _ => throw new NotSupportedException(
                $"KL({p.GetType().Name} ‖ {q.GetType().Name}): no closed form; estimate it with samples of p"
            ),
        };

    /// <summary>log(σ₂/σ₁) + (σ₁² + (μ₁ − μ₂)²) / 2σ₂² − ½.</summary>
    private static Tensor Of(Normal p, Normal q)
    {
        var ratio = (p.Scale / q.Scale).Square();
        var distance = ((p.Loc - q.Loc) / q.Scale).Square();
        return 0.5 * (ratio + distance - 1 - ratio.Log());
    }

    private static Tensor Of(MultivariateNormal p, MultivariateNormal q)
    {
        RequireSameEvent(p, q);
        var trace = q.ScaleTril.SolveTriangular(p.ScaleTril, upper: false).Square().Sum([-2, -1]);
        var distance = q.Distance(q.Loc - p.Loc);
        return q.HalfLogDet() - p.HalfLogDet() + 0.5 * (trace + distance - p.EventShape[0]);
    }

    private static Tensor Of(Independent p, Independent q)
    {
        RequireSameEvent(p, q);
        if (p.Axes != q.Axes)
            throw new ShapeException($"KL: the values take {p.Axes} and {q.Axes} axes of the batch; expected the same");
        var each = Between(p.Base, q.Base);
        return p.Axes == 0 ? each : each.Sum([.. Enumerable.Range(1, p.Axes).Select(axis => (long)-axis)]);
    }

    private static Tensor Of(Bernoulli p, Bernoulli q)
    {
        var one = Bernoulli.Softplus(-q.Logits) - Bernoulli.Softplus(-p.Logits);
        var zero = Bernoulli.Softplus(q.Logits) - Bernoulli.Softplus(p.Logits);
        return p.Probabilities * one + (-p.Logits).Sigmoid() * zero;
    }

    private static Tensor Of(Laplace p, Laplace q)
    {
        var (ratio, distance) = (p.Scale / q.Scale, (p.Loc - q.Loc).Abs());
        return distance / q.Scale + ratio * (-distance / p.Scale).Exp() - ratio.Log() - 1;
    }

    /// <summary>With E_p exp(−x/β₂) = exp(−μ₁/β₂)·Γ(1 + β₁/β₂).</summary>
    private static Tensor Of(Gumbel p, Gumbel q)
    {
        var (ratio, shift) = (p.Scale / q.Scale, (p.Loc - q.Loc) / q.Scale);
        return shift + EulerGamma * ratio + ((1 + ratio).LogGamma() - shift).Exp() - ratio.Log() - (1 + EulerGamma);
    }

    /// <summary>With E_p cos(x − μ₂) = cos(μ₁ − μ₂)·I₁(κ₁)/I₀(κ₁).</summary>
    private static Tensor Of(VonMises p, VonMises q)
    {
        var expected = p.Concentration - q.Concentration * (p.Loc - q.Loc).Cos();
        return expected * p.MeanCosine + q.Concentration.LogBesselI0() - p.Concentration.LogBesselI0();
    }

    private static Tensor Of(Normal p, Laplace q)
    {
        var distance = p.Loc - q.Loc;
        var z = distance / p.Scale;
        var absolute =
            Math.Sqrt(2 / Math.PI) * p.Scale * (-0.5 * z.Square()).Exp() + distance * (Math.Sqrt(0.5) * z).Erf();
        return absolute / q.Scale - (p.Scale / q.Scale).Log() - 0.5 * (1 + Math.Log(0.5 * Math.PI));
    }

    private static Tensor Of(Laplace p, Normal q)
    {
        var ratio = (p.Scale / q.Scale).Square();
        return ratio + 0.5 * ((p.Loc - q.Loc) / q.Scale).Square() - 0.5 * (2 / Math.PI * ratio).Log() - 1;
    }

    private static Tensor Of(Normal p, Gumbel q)
    {
        var (ratio, shift) = ((p.Scale / q.Scale).Square(), (p.Loc - q.Loc) / q.Scale);
        return shift + (0.5 * ratio - shift).Exp() - 0.5 * ratio.Log() - 0.5 * (1 + Math.Log(2 * Math.PI));
    }

    private static Tensor Of(Gumbel p, Normal q)
    {
        var ratio = p.Scale / q.Scale;
        var shift = (p.Loc + EulerGamma * p.Scale - q.Loc) / q.Scale;
        return Math.PI * Math.PI / 12 * ratio.Square()
            + 0.5 * shift.Square()
            - (ratio / Math.Sqrt(2 * Math.PI)).Log()
            - (EulerGamma + 1);
    }

    private static void RequireSameEvent(Distribution p, Distribution q)
    {
        if (!p.EventShape.Equals(q.EventShape))
            throw new ShapeException($"KL: values of p are {p.EventShape}, of q {q.EventShape}; expected the same");
    }
}
