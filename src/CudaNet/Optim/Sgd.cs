namespace CudaNet.Optim;

/// <summary>
/// Stochastic gradient descent, with momentum as in Sutskever et al. 2013 (in PyTorch's form: the learning rate multiplies the buffer) and
/// optionally Nesterov's. Weight decay is an L2 penalty.
/// </summary>
public sealed class Sgd : Optimizer
{
    private readonly double _momentum;
    private readonly double _dampening;
    private readonly bool _nesterov;

    /// <summary>An optimiser of these parameters.</summary>
    /// <param name="parameters">Leaves that require gradients.</param>
    /// <param name="learningRate">The step size.</param>
    /// <param name="momentum">How much of the last step is kept; 0 for none.</param>
    /// <param name="dampening">How much of a gradient does not enter the momentum.</param>
    /// <param name="weightDecay">The strength of the L2 penalty.</param>
    /// <param name="nesterov">Whether the gradient is looked up one step ahead.</param>
    /// <exception cref="AttributeException">An option is out of range, or Nesterov is asked for without momentum or with dampening.</exception>
    public Sgd(
        IEnumerable<Tensor> parameters,
        double learningRate,
        double momentum = 0,
        double dampening = 0,
        double weightDecay = 0,
        bool nesterov = false
    )
    {
        _momentum = RequireNotNegative(momentum, "momentum");
        _dampening = dampening;
        _nesterov = nesterov;
        if (nesterov && (momentum == 0 || dampening != 0))
            throw new AttributeException(
                $"Sgd: Nesterov needs a momentum and no dampening; got {momentum} and {dampening}"
            );
        AddGroup(parameters, learningRate, weightDecay);
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<string> Buffers => KeepsMomentum(_momentum) ? ["momentum_buffer"] : [];

    internal override bool HasMomentum => true;

    internal override bool SkipsOnDevice => true;

    /// <summary>Adds parameters with a learning rate and weight decay of their own.</summary>
    public ParameterGroup AddGroup(IEnumerable<Tensor> parameters, double learningRate, double weightDecay = 0) =>
        Add(parameters, learningRate, weightDecay);

    private protected override void Step(ParameterGroup group, Tensor[] parameters, Tensor state)
    {
        var inputs = Inputs(group, parameters, state).ToList();
        if (!KeepsMomentum(_momentum))
            inputs.InsertRange(2 * parameters.Length, new Tensor?[parameters.Length]);
        inputs.Add(FoundInf);
        SgdOp.Instance.ApplyAll(
            inputs.ToArray(),
            Attributes.Of(group.Momentum ?? _momentum, _dampening, group.WeightDecay, _nesterov)
        );
    }
}
