using CudaNet.Nn;

namespace CudaNet.Models;

/// <summary>
/// A network, trained on another task, whose parameters stay as they are while something behind it learns: transfer learning. It computes in evaluation mode
/// whatever the mode of what it is a part of, so that running statistics stay as well, and without a graph.
/// </summary>
public sealed class FrozenTrunk : Module<Tensor, Tensor>
{
    private readonly Module<Tensor, Tensor> _trunk;

    /// <summary>Freezes a network.</summary>
    public FrozenTrunk(Module<Tensor, Tensor> trunk)
    {
        _trunk = AddModule("trunk", trunk);
        trunk.Freeze();
    }

    /// <summary>A frozen network with something to train behind it, such as a linear layer for the new classes.</summary>
    public static Sequential With(Module<Tensor, Tensor> trunk, Module<Tensor, Tensor> head) =>
        new(new FrozenTrunk(trunk), head);

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input)
    {
        if (_trunk.IsTraining)
            _trunk.Eval();
        using var noGrad = Autograd.NoGrad();
        return _trunk.Call(input);
    }
}
