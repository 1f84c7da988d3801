namespace CudaNet.Optim;

/// <summary>Adamax (Kingma and Ba 2015, section 7.1): Adam with the largest recent gradient in place of the root mean square.</summary>
public sealed class Adamax : Optimizer
{
    private readonly double _beta1;
    private readonly double _beta2;
    private readonly double _eps;

    /// <summary>An optimiser of these parameters.</summary>
    /// <param name="parameters">Leaves that require gradients.</param>
    /// <param name="learningRate">The step size.</param>
    /// <param name="beta1">The decay of the running mean of gradients.</param>
    /// <param name="beta2">The decay of the largest gradient.</param>
    /// <param name="eps">Added to the size of each gradient.</param>
    /// <param name="weightDecay">The strength of the L2 penalty.</param>
    /// <exception cref="AttributeException">An option is out of range.</exception>
    public Adamax(
        IEnumerable<Tensor> parameters,
        double learningRate = 2e-3,
        double beta1 = 0.9,
        double beta2 = 0.999,
        double eps = 1e-8,
        double weightDecay = 0
    )
    {
        _beta1 = RequireFraction(beta1, "beta1");
        _beta2 = RequireFraction(beta2, "beta2");
        _eps = RequireNotNegative(eps, "eps");
        Add(parameters, learningRate, weightDecay);
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<string> Buffers { get; } = ["exp_avg", "exp_inf"];

    internal override bool HasMomentum => true;

    /// <summary>Adds parameters with a learning rate and weight decay of their own.</summary>
    public ParameterGroup AddGroup(IEnumerable<Tensor> parameters, double learningRate, double weightDecay = 0) =>
        Add(parameters, learningRate, weightDecay);

    private protected override void Step(ParameterGroup group, Tensor[] parameters, Tensor state) =>
        AdamaxOp.Instance.ApplyAll(
            Inputs(group, parameters, state),
            Attributes.Of(group.Momentum ?? _beta1, _beta2, _eps, group.WeightDecay)
        );
}
