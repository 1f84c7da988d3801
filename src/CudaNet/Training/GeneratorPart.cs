namespace CudaNet.Training;

/// <summary>Where a random generator stands, as a part of a checkpoint.</summary>
public sealed class GeneratorPart(Generator generator) : IStateful
{
    /// <inheritdoc/>
    public void SaveState(TrainingState state)
    {
        var (seed, offset) = generator.State;
        state.Add("seed", seed);
        state.Add("offset", offset);
    }

    /// <inheritdoc/>
    public void LoadState(TrainingState state) =>
        generator.State = new GeneratorState(state.Integer("seed"), state.Integer("offset"));
}
