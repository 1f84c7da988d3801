namespace CudaNet.Training;

/// <summary>What a step reports: scalars by name, the loss first. They are read from the device some steps later, so that it need
/// not wait.</summary>
public sealed class StepResult
{
    private readonly List<(string Name, Tensor Value)> _values = [];

    /// <summary>A result with a loss, a tensor with one element.</summary>
    public StepResult(Tensor loss) => With("loss", loss);

    /// <summary>Also reports this scalar, a mean over the batch.</summary>
    public StepResult With(string name, Tensor value)
    {
        if (value.NumElements != 1)
            throw new ShapeException($"StepResult: '{name}' must have one element; it has shape {value.Shape}");
        _values.Add((name, value));
        return this;
    }

    /// <summary>The loss.</summary>
    public Tensor Loss => _values[0].Value;

    internal IReadOnlyList<(string Name, Tensor Value)> Values => _values;
}
