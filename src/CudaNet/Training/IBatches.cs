namespace CudaNet.Training;

/// <summary>What one training step works on.</summary>
public interface IBatch
{
    /// <summary>How many items: the weight of the step's loss in the epoch's mean.</summary>
    int Count { get; }
}

/// <summary>
/// The batches of a training set. A batch is a function of its place, so that a run resumed in the middle of an epoch sees the same
/// ones.
/// </summary>
public interface IBatches<out TBatch>
    where TBatch : IBatch
{
    /// <summary>Batches per epoch.</summary>
    int Count { get; }

    /// <summary>A batch, on the default device.</summary>
    /// <param name="epoch">From 0.</param>
    /// <param name="index">From 0 to <see cref="Count"/> − 1.</param>
    TBatch Get(long epoch, int index);
}
