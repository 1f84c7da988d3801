namespace CudaNet.Optim;

/// <summary>Adagrad (Duchi, Hazan and Singer 2011): each weight's step is divided by the root of the sum of its squared gradients.</summary>
public sealed class Adagrad : Optimizer
{
    private readonly double _learningRateDecay;
    private readonly double _initialAccumulatorValue;
    private readonly double _eps;

    /// <summary>An optimiser of these parameters.</summary>
    /// <param name="parameters">Leaves that require gradients.</param>
    /// <param name="learningRate">The step size.</param>
    /// <param name="learningRateDecay">The step size is divided by 1 + this for each step taken.</param>
    /// <param name="weightDecay">The strength of the L2 penalty.</param>
    /// <param name="initialAccumulatorValue">What the sums start from.</param>
    /// <param name="eps">Added to the root.</param>
    /// <exception cref="AttributeException">An option is out of range.</exception>
    public Adagrad(
        IEnumerable<Tensor> parameters,
        double learningRate = 1e-2,
        double learningRateDecay = 0,
        double weightDecay = 0,
        double initialAccumulatorValue = 0,
        double eps = 1e-10
    )
    {
        _learningRateDecay = RequireNotNegative(learningRateDecay, "decay of the learning rate");
        _initialAccumulatorValue = RequireNotNegative(initialAccumulatorValue, "initial accumulator value");
        _eps = RequireNotNegative(eps, "eps");
        Add(parameters, learningRate, weightDecay);
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<string> Buffers { get; } = ["sum"];

    private protected override double InitialValue(int buffer) => _initialAccumulatorValue;

    /// <summary>Adds parameters with a learning rate and weight decay of their own.</summary>
    public ParameterGroup AddGroup(IEnumerable<Tensor> parameters, double learningRate, double weightDecay = 0) =>
        Add(parameters, learningRate, weightDecay);

    private protected override void Step(ParameterGroup group, Tensor[] parameters, Tensor state) =>
        AdagradOp.Instance.ApplyAll(
            Inputs(group, parameters, state),
            Attributes.Of(_learningRateDecay, _eps, group.WeightDecay)
        );
}
