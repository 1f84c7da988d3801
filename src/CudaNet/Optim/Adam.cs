namespace CudaNet.Optim;

/// <summary>
/// Adam (Kingma and Ba 2015) with weight decay as an L2 penalty in the gradient. <see cref="AdamW"/> decays the weights themselves.
/// </summary>
public class Adam : Optimizer
{
    private readonly double _beta1;
    private readonly double _beta2;
    private readonly double _eps;
    private readonly bool _amsgrad;

    /// <summary>An optimiser of these parameters.</summary>
    /// <param name="parameters">Leaves that require gradients.</param>
    /// <param name="learningRate">The step size.</param>
    /// <param name="beta1">The decay of the running mean of gradients.</param>
    /// <param name="beta2">The decay of the running mean of their squares.</param>
    /// <param name="eps">Added to the root of the mean square.</param>
    /// <param name="weightDecay">The strength of the L2 penalty.</param>
    /// <param name="amsgrad">Whether the step is divided by the largest mean square so far (Reddi, Kale and Kumar 2018).</param>
    /// <exception cref="AttributeException">An option is out of range.</exception>
    public Adam(
        IEnumerable<Tensor> parameters,
        double learningRate = 1e-3,
        double beta1 = 0.9,
        double beta2 = 0.999,
        double eps = 1e-8,
        double weightDecay = 0,
        bool amsgrad = false
    )
    {
        _amsgrad = amsgrad;
        _beta1 = RequireFraction(beta1, "beta1");
        _beta2 = RequireFraction(beta2, "beta2");
        _eps = RequireNotNegative(eps, "eps");
        Add(parameters, learningRate, weightDecay);
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<string> Buffers =>
        _amsgrad ? ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"] : ["exp_avg", "exp_avg_sq"];

    internal override bool SkipsOnDevice => !_amsgrad;
    internal override bool HasMomentum => true;

    private protected virtual bool IsDecoupled => false;

    /// <summary>Adds parameters with a learning rate and weight decay of their own.</summary>
    public ParameterGroup AddGroup(IEnumerable<Tensor> parameters, double learningRate, double weightDecay) =>
        Add(parameters, learningRate, weightDecay);

    private protected override void Step(ParameterGroup group, Tensor[] parameters, Tensor state) =>
        (_amsgrad ? (Op)AmsGradOp.Instance : AdamWOp.Instance).ApplyAll(
            [.. Inputs(group, parameters, state), .. _amsgrad ? Array.Empty<Tensor?>() : [FoundInf]],
            Attributes.Of(group.Momentum ?? _beta1, _beta2, _eps, group.WeightDecay, IsDecoupled)
        );
}

/// <summary>Adam with decoupled weight decay (Loshchilov and Hutter 2019): the weights shrink by lr · decay in every step.</summary>
public sealed class AdamW(
    IEnumerable<Tensor> parameters,
    double learningRate = 1e-3,
    double beta1 = 0.9,
    double beta2 = 0.999,
    double eps = 1e-8,
    double weightDecay = 0.01,
    bool amsgrad = false
) : Adam(parameters, learningRate, beta1, beta2, eps, weightDecay, amsgrad)
{
    private protected override bool IsDecoupled => true;
}
