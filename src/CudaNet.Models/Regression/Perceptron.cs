namespace CudaNet.Models;

/// <summary>
/// A single step unit ŷ = 1[⟨w, x⟩ + b &gt; 0] and Rosenblatt's rule for it (1958): w ← w + η(y − ŷ)x at each misclassified point. On separable data the
/// rule stops after finitely many changes (Novikoff 1962); on others it never does.
/// </summary>
public sealed class Perceptron
{
    /// <summary>A unit whose weights and bias are 0.</summary>
    /// <param name="inputs">The number of features.</param>
    /// <param name="dtype">The dtype of features and weights.</param>
    public Perceptron(long inputs, DType dtype = DType.Float32)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(inputs, 1);
        (Weight, Bias) = (Tensor.Zeros([inputs], dtype).Keep(), Tensor.Zeros([1], dtype).Keep());
    }

    /// <summary>w, (inputs).</summary>
    public Tensor Weight { get; private set; }

    /// <summary>b, (1).</summary>
    public Tensor Bias { get; private set; }

    /// <summary>Classes 0 and 1 of points (N, inputs), (N), in the dtype of the points.</summary>
    public Tensor Predict(Tensor points) => (points.MatMul(Weight.Unsqueeze(1)).Squeeze(1) + Bias).Heaviside(0);

    /// <summary>Goes through the points in order until an epoch finds none that is wrong.</summary>
    /// <param name="points">(N, inputs).</param>
    /// <param name="classes">0 or 1 for each point, (N), in the points' dtype.</param>
    /// <param name="learningRate">η, positive.</param>
    /// <param name="maxEpochs">After so many epochs it gives up.</param>
    /// <returns>How many points each epoch found on the wrong side; the last number is 0 when the data could be separated.</returns>
    /// <exception cref="ShapeException">Points and classes do not fit together, or the points to the weights.</exception>
    public IReadOnlyList<int> Fit(Tensor points, Tensor classes, double learningRate = 1, int maxEpochs = 100)
    {
        if (points.Rank != 2 || points.Shape[1] != Weight.Shape[0] || !classes.Shape.Equals([points.Shape[0]]))
            throw new ShapeException(
                $"Perceptron: expected points of (N, {Weight.Shape[0]}) and N classes, got {points.Shape} and {classes.Shape}"
            );
        using var noGrad = Autograd.NoGrad();
        var mistakes = new List<int>();
        do
        {
            mistakes.Add(Epoch(points, classes, learningRate));
        } while (mistakes[^1] > 0 && mistakes.Count < maxEpochs);
        return mistakes;
    }

    private int Epoch(Tensor points, Tensor classes, double learningRate)
    {
        var wrong = 0;
        for (long i = 0; i < points.Shape[0]; i++)
        {
            using var frame = Lifetime.Frame();
            var point = points.Narrow(0, (int)i, 1);
            var error = classes.Narrow(0, (int)i, 1) - Predict(point);
            if (error.Item() == 0)
                continue;
            wrong++;
            var (oldWeight, oldBias) = (Weight, Bias);
            Weight = (Weight + learningRate * error * point.Squeeze(0)).Keep();
            Bias = (Bias + learningRate * error).Keep();
            oldWeight.Release();
            oldBias.Release();
        }
        return wrong;
    }
}
