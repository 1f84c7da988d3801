using CudaNet.Nn;
using CudaNet.Optim;

namespace CudaNet.Models;

/// <summary>A prepared recipe whose training <see cref="TrainingDoctor"/> can examine.</summary>
public interface IExaminable
{
    /// <summary>What is to be examined.</summary>
    TrainingSubject Subject { get; }
}

/// <summary>A training in parts, so that it can be tried with other settings: a network, batches, a loss, an optimiser.</summary>
/// <param name="Build">A network with its first weights, the same ones in each call.</param>
/// <param name="Loss">The network's loss, a scalar, on the training batch of a step from 0 on, without any penalty on weights.</param>
/// <param name="SubsetLoss">The same on a few items, always the same ones.</param>
/// <param name="Optimize">The optimiser of a network's parameters, with a learning rate and a strength λ of the weight decay.</param>
/// <param name="LearningRate">The one that the recipe would use.</param>
public sealed record TrainingSubject(
    Func<Module> Build,
    Func<Module, long, Tensor> Loss,
    Func<Module, Tensor> SubsetLoss,
    Func<Module, double, double, Optimizer> Optimize,
    double LearningRate
)
{
    /// <summary>The loss of a network that knows nothing: −log(1/C) for the cross-entropy of C classes; null when nobody knows it.</summary>
    public double? UninformedLoss { get; init; }

    /// <summary>The share of the few items that a network gets right; null for what is not classified.</summary>
    public Func<Module, double>? SubsetAccuracy { get; init; }
}
