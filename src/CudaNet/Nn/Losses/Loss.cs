namespace CudaNet.Nn;

/// <summary>What a network's output costs, given what it should have been. Weights of classes are buffers, as in PyTorch, and move with the module.</summary>
/// <param name="reduction">Mean, sum, or the losses themselves.</param>
public abstract class Loss(Reduction reduction) : Module<(Tensor Input, Tensor Target), Tensor>
{
    /// <summary>What becomes of the losses.</summary>
    public Reduction Reduction { get; } = reduction;

    /// <summary>The loss.</summary>
    public Tensor Call(Tensor input, Tensor target) => Call((input, target));

    /// <summary>Makes weights a buffer; null where there are none.</summary>
    private protected Tensor? AddWeight(string name, Tensor? weight) =>
        weight is null ? null : AddBuffer(name, weight.Detach());
}

/// <summary>What three tensors cost together.</summary>
/// <param name="reduction">Mean, sum, or the losses themselves.</param>
public abstract class TernaryLoss(Reduction reduction) : Module<(Tensor First, Tensor Second, Tensor Third), Tensor>
{
    /// <summary>What becomes of the losses.</summary>
    public Reduction Reduction { get; } = reduction;

    /// <summary>The loss.</summary>
    public Tensor Call(Tensor first, Tensor second, Tensor third) => Call((first, second, third));
}
