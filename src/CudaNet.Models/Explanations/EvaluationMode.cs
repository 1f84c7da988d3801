using CudaNet.Nn;

namespace CudaNet.Models;

/// <summary>Puts a network into evaluation mode, and back when it is disposed.</summary>
internal readonly ref struct EvaluationMode
{
    private readonly Module? _model;

    public EvaluationMode(Module model)
    {
        if (!model.IsTraining)
            return;
        _model = model;
        model.Eval();
    }

    public void Dispose() => _model?.Train();
}
