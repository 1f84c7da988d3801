namespace CudaNet.Optim;

/// <summary>How momentum adds gradients up; <see cref="Sgd"/> has the form that PyTorch uses.</summary>
public enum MomentumForm
{
    /// <summary>v = β·v + lr·g, θ −= v (Polyak 1964): a later change of the learning rate leaves what has been added up.</summary>
    Classic,

    /// <summary>v = β·v + (1 − β)·g, θ −= lr·v (Prince 2023, equation 6.11): v is a mean of gradients.</summary>
    Damped,
}

/// <summary>Gradient descent with momentum in a textbook's form, the velocity starting at 0.</summary>
public sealed class MomentumSgd : Optimizer
{
    private readonly double _momentum;
    private readonly MomentumForm _form;
    private readonly bool _nesterov;

    /// <summary>An optimiser of these parameters.</summary>
    /// <param name="parameters">Leaves that require gradients.</param>
    /// <param name="learningRate">The step size.</param>
    /// <param name="momentum">How much of the velocity is kept, from 0 to below 1.</param>
    /// <param name="form">How gradients are added up.</param>
    /// <param name="weightDecay">The strength of the L2 penalty.</param>
    /// <param name="nesterov">Whether the gradient is looked up one step ahead (Nesterov 1983, in the form of Bengio et al. 2013).</param>
    /// <exception cref="AttributeException">An option is out of range.</exception>
    public MomentumSgd(
        IEnumerable<Tensor> parameters,
        double learningRate,
        double momentum = 0.9,
        MomentumForm form = MomentumForm.Damped,
        double weightDecay = 0,
        bool nesterov = false
    )
    {
        _momentum = RequireFraction(momentum, "momentum");
        (_form, _nesterov) = (form, nesterov);
        Add(parameters, learningRate, weightDecay);
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<string> Buffers { get; } = ["momentum_buffer"];

    internal override bool HasMomentum => true;

    /// <summary>Adds parameters with a learning rate and weight decay of their own.</summary>
    public ParameterGroup AddGroup(IEnumerable<Tensor> parameters, double learningRate, double weightDecay = 0) =>
        Add(parameters, learningRate, weightDecay);

    private protected override void Step(ParameterGroup group, Tensor[] parameters, Tensor state) =>
        MomentumOp.Instance.ApplyAll(
            Inputs(group, parameters, state),
            Attributes.Of(group.Momentum ?? _momentum, group.WeightDecay, _form == MomentumForm.Damped, _nesterov)
        );
}
