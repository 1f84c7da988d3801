using CudaNet.Nn;

namespace CudaNet.Training;

/// <summary>What a network is worth on a data set.</summary>
public static class Evaluation
{
    /// <summary>
    /// Adds up a score over all batches, with the network in evaluation mode, without a graph, and in a lifetime frame per batch.
    /// </summary>
    /// <param name="model">The network; put back into the mode it was in.</param>
    /// <param name="batches">Taken in the order of epoch 0.</param>
    /// <param name="score">A tensor with one element: the sum over the batch, such as how many were right.</param>
    public static double Sum<TBatch>(Module model, IBatches<TBatch> batches, Func<TBatch, Tensor> score)
        where TBatch : IBatch
    {
        var wasTraining = model.IsTraining;
        model.Eval();
        try
        {
            using var noGrad = Autograd.NoGrad();
            double sum = 0;
            for (var i = 0; i < batches.Count; i++)
            {
                using var frame = Lifetime.Frame();
                sum += score(batches.Get(0, i)).Item();
            }
            return sum;
        }
        finally
        {
            if (wasTraining)
                model.Train();
        }
    }
}
