namespace CudaNet.Optim;

/// <summary>
/// RMSprop (Hinton 2012): the step is divided by the root of a running mean of squared gradients, or, centred, by their running standard
/// deviation (Graves 2013).
/// </summary>
public sealed class RmsProp : Optimizer
{
    private readonly double _alpha;
    private readonly double _eps;
    private readonly double _momentum;
    private readonly bool _centered;

    /// <summary>An optimiser of these parameters.</summary>
    /// <param name="parameters">Leaves that require gradients.</param>
    /// <param name="learningRate">The step size.</param>
    /// <param name="alpha">The decay of the running mean.</param>
    /// <param name="eps">Added to the root.</param>
    /// <param name="weightDecay">The strength of the L2 penalty.</param>
    /// <param name="momentum">How much of the last step is kept; 0 for none.</param>
    /// <param name="centered">Whether the mean gradient is subtracted.</param>
    /// <exception cref="AttributeException">An option is out of range.</exception>
    public RmsProp(
        IEnumerable<Tensor> parameters,
        double learningRate = 1e-2,
        double alpha = 0.99,
        double eps = 1e-8,
        double weightDecay = 0,
        double momentum = 0,
        bool centered = false
    )
    {
        _alpha = RequireFraction(alpha, "alpha");
        _eps = RequireNotNegative(eps, "eps");
        _momentum = RequireNotNegative(momentum, "momentum");
        _centered = centered;
        Add(parameters, learningRate, weightDecay);
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<string> Buffers =>
        [
            "square_avg",
            .. _centered ? ["grad_avg"] : Array.Empty<string>(),
            .. KeepsMomentum(_momentum) ? ["momentum_buffer"] : Array.Empty<string>(),
        ];

    internal override bool HasMomentum => true;

    /// <summary>Adds parameters with a learning rate and weight decay of their own.</summary>
    public ParameterGroup AddGroup(IEnumerable<Tensor> parameters, double learningRate, double weightDecay = 0) =>
        Add(parameters, learningRate, weightDecay);

    private protected override void Step(ParameterGroup group, Tensor[] parameters, Tensor state)
    {
        var inputs = Inputs(group, parameters, state).ToList();
        var absent = new Tensor?[parameters.Length];
        if (!_centered)
            inputs.InsertRange(3 * parameters.Length, absent);
        if (!KeepsMomentum(_momentum))
            inputs.InsertRange(4 * parameters.Length, absent);
        RmsPropOp.Instance.ApplyAll(
            inputs.ToArray(),
            Attributes.Of(_alpha, _eps, group.WeightDecay, group.Momentum ?? _momentum, _centered)
        );
    }
}
