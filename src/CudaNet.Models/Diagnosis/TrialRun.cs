using CudaNet.Nn;
using CudaNet.Optim;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>Some steps of training, tried for what can be seen in them.</summary>
/// <param name="Losses">The loss of each step, before it; the last one is that which exploded, if one did.</param>
/// <param name="Exploded">Whether a loss was no number or above <see cref="Explosion"/> times the first one; then no further step was taken.</param>
/// <param name="GradientRatio">‖∇θ‖ / ‖θ‖, the median over the steps.</param>
/// <param name="UpdateRatio">‖Δθ‖ / ‖θ‖, the median over the steps.</param>
/// <param name="FinalLoss">The network's loss afterwards, as it evaluates, on batches that follow those of the steps.</param>
internal sealed record TrialRun(
    IReadOnlyList<double> Losses,
    bool Exploded,
    double GradientRatio,
    double UpdateRatio,
    double FinalLoss
)
{
    /// <summary>"Exploded" is a loss of more than three times the first (the training checklist of the notes, section 2.9).</summary>
    public const double Explosion = 3;

    private const int FinalBatches = 4;

    /// <summary>Trains a new network.</summary>
    /// <param name="subject">What is trained.</param>
    /// <param name="learningRate">In place of the recipe's own.</param>
    /// <param name="weightDecay">λ.</param>
    /// <param name="steps">At most so many.</param>
    public static TrialRun Of(TrainingSubject subject, double learningRate, double weightDecay, int steps)
    {
        var network = subject.Build();
        var optimizer = subject.Optimize(network, learningRate, weightDecay);
        var losses = new List<double>();
        var (gradients, updates) = (new List<double>(), new List<double>());
        network.Train();
        for (var step = 0; step < steps; step++)
        {
            using var frame = Lifetime.Frame();
            var loss = subject.Loss(network, step);
            losses.Add(loss.Item());
            if (HasExploded(losses))
                return new(losses, true, Median(gradients), Median(updates), losses[^1]);
            optimizer.ZeroGrad();
            loss.Backward();
            var before = Copy(network);
            var size = Norm(before);
            gradients.Add(GradientClipping.GradNorm(network.Parameters()).Item() / size);
            optimizer.Step();
            updates.Add(Norm([.. Copy(network).Zip(before, (now, then) => now - then)]) / size);
        }
        var final = Judge(network, () => Mean(subject, network, steps));
        losses.Add(final);
        return new(losses, HasExploded(losses), Median(gradients), Median(updates), final);
    }

    /// <summary>A number about a network in evaluation mode, without a graph.</summary>
    public static double Judge(Module network, Func<double> measure)
    {
        using var noGrad = Autograd.NoGrad();
        using var frame = Lifetime.Frame();
        using var mode = new EvaluationMode(network);
        return measure();
    }

    /// <summary>The mean loss over a few batches.</summary>
    public static double Mean(TrainingSubject subject, Module network, long firstStep) =>
        Enumerable.Range(0, FinalBatches).Average(batch => subject.Loss(network, firstStep + batch).Item());

    // Not "above": NaN is no number that is above another.
    private static bool HasExploded(List<double> losses) =>
        !double.IsFinite(losses[^1]) || losses[^1] > Explosion * Math.Abs(losses[0]);

    private static List<Tensor> Copy(Module network)
    {
        using var noGrad = Autograd.NoGrad();
        return [.. network.Parameters().Select(parameter => parameter.Detach().Clone())];
    }

    private static double Norm(List<Tensor> tensors) =>
        Math.Sqrt(tensors.Sum(tensor => Math.Pow(tensor.VectorNorm().Item(), 2)));

    private static double Median(List<double> values) =>
        values.Count == 0 ? double.NaN : values.Order().ElementAt(values.Count / 2);
}
