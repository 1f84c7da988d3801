using CudaNet.Nn;

namespace CudaNet.Training;

/// <summary>Puts a network into evaluation mode, and back into training mode when it is disposed, if it was in that.</summary>
public readonly ref struct EvaluationMode
{
    private readonly Module? _model;

    /// <summary>Begins evaluation.</summary>
    /// <param name="model">The network, with all modules in it.</param>
    public EvaluationMode(Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (!model.IsTraining)
            return;
        _model = model;
        model.Eval();
    }

    /// <summary>Ends it.</summary>
    public void Dispose() => _model?.Train();
}
