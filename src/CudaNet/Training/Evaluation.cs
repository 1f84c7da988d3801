using CudaNet.Nn;

namespace CudaNet.Training;

/// <summary>What a network is worth on a data set.</summary>
public static class Evaluation
{
    /// <summary>
    /// Visits all batches, with the network in evaluation mode, without a graph, and in a lifetime frame per batch.
    /// </summary>
    /// <param name="model">The network; put back into the mode it was in.</param>
    /// <param name="batches">Taken in the order of epoch 0.</param>
    /// <param name="visit">Runs the network on a batch and takes from the results what is wanted.</param>
    public static void ForEach<TBatch>(Module model, IBatches<TBatch> batches, Action<TBatch> visit)
        where TBatch : IBatch
    {
        using var mode = new EvaluationMode(model);
        using var noGrad = Autograd.NoGrad();
        for (var i = 0; i < batches.Count; i++)
        {
            using var frame = Lifetime.Frame();
            visit(batches.Get(0, i));
        }
    }
}
