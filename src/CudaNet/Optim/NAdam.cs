namespace CudaNet.Optim;

/// <summary>
/// Adam with Nesterov's momentum (Dozat 2016), as torch.optim.NAdam: the mean of gradients runs ahead by the momentum of the next step, which grows
/// with time: μₜ = β₁ (1 − 0.96^(t · momentumDecay) / 2).
/// </summary>
/// <remarks>
/// Made of simpler ops, some ten launches per parameter; nothing waits for the device. β₁ is fixed: what the products of the μ are is a function of the step alone, read
/// from a table.
/// </remarks>
public sealed class NAdam : Optimizer
{
    // Below the last bit of 1 − Πμ.
    private const double Negligible = 1e-17;
    private const int LongestTable = 1 << 20;

    private readonly double _beta1;
    private readonly double _beta2;
    private readonly double _eps;
    private readonly double _momentumDecay;
    private readonly double[] _products;
    private readonly Dictionary<Device, Tensor> _tables = [];
    private readonly Dictionary<Device, Tensor> _zeros = [];

    /// <summary>An optimiser of these parameters.</summary>
    /// <param name="parameters">Leaves that require gradients.</param>
    /// <param name="learningRate">The step size.</param>
    /// <param name="beta1">The decay of the running mean of gradients.</param>
    /// <param name="beta2">The decay of the running mean of their squares.</param>
    /// <param name="eps">Added to the root mean square.</param>
    /// <param name="weightDecay">The strength of the L2 penalty.</param>
    /// <param name="momentumDecay">How fast the momentum grows from β₁ / 2 to β₁.</param>
    /// <exception cref="AttributeException">An option is out of range.</exception>
    public NAdam(
        IEnumerable<Tensor> parameters,
        double learningRate = 2e-3,
        double beta1 = 0.9,
        double beta2 = 0.999,
        double eps = 1e-8,
        double weightDecay = 0,
        double momentumDecay = 4e-3
    )
    {
        _beta1 = RequireFraction(beta1, "beta1");
        _beta2 = RequireFraction(beta2, "beta2");
        _eps = RequireNotNegative(eps, "eps");
        _momentumDecay = RequireNotNegative(momentumDecay, "momentum decay");
        _products = Products();
        Add(parameters, learningRate, weightDecay);
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<string> Buffers { get; } = ["exp_avg", "exp_avg_sq"];

    /// <summary>Adds parameters with a learning rate and weight decay of their own.</summary>
    public ParameterGroup AddGroup(IEnumerable<Tensor> parameters, double learningRate, double weightDecay = 0) =>
        Add(parameters, learningRate, weightDecay);

    private protected override void Step(ParameterGroup group, Tensor[] parameters, Tensor state)
    {
        var device = parameters[0].Device;
        var inputs = Inputs(group, parameters, state);
        // Another Adam keeps the same means and the count of steps; with a rate of 0 it leaves the parameters as they are.
        inputs[^2] = On(device, _zeros, () => Tensor.Zeros([1], DType.Float64, device));
        RAdamOp.Instance.ApplyAll(inputs, Attributes.Of(_beta1, _beta2, _eps, group.WeightDecay));
        var (ofGradient, ofMean, bias) = Factors(group, state, device);
        var changed = new Tensor[parameters.Length];
        for (var (i, n) = (0, parameters.Length); i < n; i++)
        {
            var dtype = parameters[i].DType.Accumulator;
            var (weight, gradient) = (parameters[i].Cast(dtype), inputs[n + i]!.Cast(dtype));
            var (mean, square) = (inputs[2 * n + i]!.Cast(dtype), inputs[3 * n + i]!.Cast(dtype));
            if (group.WeightDecay != 0)
                gradient = gradient.Add(weight.Affine(group.WeightDecay));
            var direction = gradient.Mul(ofGradient.Cast(dtype)).Add(mean.Mul(ofMean.Cast(dtype)));
            var size = square.Div(bias.Cast(dtype)).Sqrt().Affine(1, _eps);
            changed[i] = weight.Sub(direction.Div(size)).Cast(parameters[i].DType);
        }
        ExponentialMovingAverage.Copy(changed, parameters);
    }

    /// <summary>What gradient and mean are multiplied by in step t, and the bias correction of the mean square; f64, computed where the count is.</summary>
    private (Tensor OfGradient, Tensor OfMean, Tensor Bias) Factors(ParameterGroup group, Tensor state, Device device)
    {
        var table = On(device, _tables, () => Tensor.From<double>(_products, device: device));
        var rate = group.RateOn(device);
        var t = state.Slice(0, 0, 1).Cast(DType.Float64);
        var ofGradient = rate.Mul(Momentum(t).Affine(-1, 1)).Div(Rest(t));
        var ofMean = rate.Mul(Momentum(t.Affine(1, 1))).Div(Rest(t.Affine(1, 1)));
        // β₂ᵗ; without decay, all of it is gone after the first step.
        var power = _beta2 == 0 ? t.Affine(0) : t.Affine(Math.Log(_beta2)).Exp();
        return (ofGradient, ofMean, power.Affine(-1, 1));

        Tensor Momentum(Tensor at) => at.Affine(Math.Log(0.96) * _momentumDecay).Exp().Affine(-0.5 * _beta1, _beta1);

        // 1 − Πμ.
        Tensor Rest(Tensor at) =>
            table.IndexSelect(0, at.Clamp(max: _products.Length - 1).Cast(DType.Int64)).Affine(-1, 1);
    }

    private static Tensor On(Device device, Dictionary<Device, Tensor> tensors, Func<Tensor> make)
    {
        if (!tensors.TryGetValue(device, out var tensor))
            tensors[device] = tensor = make().Keep();
        return tensor;
    }

    /// <summary>μ₁ ⋯ μₜ for t = 0, 1, …, until they no longer matter.</summary>
    private double[] Products()
    {
        var products = new List<double> { 1 };
        while (products[^1] > Negligible && products.Count < LongestTable)
            products.Add(products[^1] * _beta1 * (1 - 0.5 * Math.Pow(0.96, products.Count * _momentumDecay)));
        return [.. products];
    }
}
