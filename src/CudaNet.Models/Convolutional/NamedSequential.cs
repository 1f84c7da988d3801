using CudaNet.Nn;

namespace CudaNet.Models;

/// <summary>Modules one after the other under names of the owner's choice, so that a state dictionary has PyTorch's names.</summary>
public sealed class NamedSequential : Module<Tensor, Tensor>
{
    private readonly List<Module<Tensor, Tensor>> _modules = [];

    /// <summary>Puts a module, under a name without dots, at the end.</summary>
    public void Add(string name, Module<Tensor, Tensor> module) => _modules.Add(AddModule(name, module));

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input)
    {
        foreach (var module in _modules)
            input = module.Call(input);
        return input;
    }
}
