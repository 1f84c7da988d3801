namespace CudaNet.Training;

/// <summary>A line of a run's metrics.</summary>
/// <param name="Epoch">The epoch, from 1.</param>
/// <param name="Values">The numbers by name, in the file's order, the loss first.</param>
public sealed record EpochMetrics(long Epoch, IReadOnlyList<(string Name, double Value)> Values);
