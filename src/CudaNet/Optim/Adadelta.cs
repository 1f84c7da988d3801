namespace CudaNet.Optim;

/// <summary>Adadelta (Zeiler 2012): the step is scaled by running means of squared steps and squared gradients, so that it has the parameter's unit.</summary>
public sealed class Adadelta : Optimizer
{
    private readonly double _rho;
    private readonly double _eps;

    /// <summary>An optimiser of these parameters.</summary>
    /// <param name="parameters">Leaves that require gradients.</param>
    /// <param name="learningRate">What multiplies the step.</param>
    /// <param name="rho">The decay of the running means.</param>
    /// <param name="eps">Added to both under their roots.</param>
    /// <param name="weightDecay">The strength of the L2 penalty.</param>
    /// <exception cref="AttributeException">An option is out of range.</exception>
    public Adadelta(
        IEnumerable<Tensor> parameters,
        double learningRate = 1,
        double rho = 0.9,
        double eps = 1e-6,
        double weightDecay = 0
    )
    {
        _rho = RequireFraction(rho, "rho");
        _eps = RequireNotNegative(eps, "eps");
        Add(parameters, learningRate, weightDecay);
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<string> Buffers { get; } = ["square_avg", "acc_delta"];

    /// <summary>Adds parameters with a learning rate and weight decay of their own.</summary>
    public ParameterGroup AddGroup(IEnumerable<Tensor> parameters, double learningRate, double weightDecay = 0) =>
        Add(parameters, learningRate, weightDecay);

    private protected override void Step(ParameterGroup group, Tensor[] parameters, Tensor state) =>
        AdadeltaOp.Instance.ApplyAll(Inputs(group, parameters, state), Attributes.Of(_rho, _eps, group.WeightDecay));
}
