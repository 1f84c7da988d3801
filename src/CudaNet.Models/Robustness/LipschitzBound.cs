using CudaNet.Nn;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>
/// How much a network can stretch distances: ‖f(x) − f(y)‖ ≤ L ‖x − y‖ in Euclidean norms, with L the product of the operator norms of its affine layers
/// and the Lipschitz constants of the others. An upper bound, and rarely a tight one.
/// </summary>
/// <remarks>
/// Operator norms, the largest singular values, are found by power iteration (Yoshida, Miyato 2017), which approaches them from below until a step changes them by less than a part of 10⁻⁶.
/// A convolution is taken as the linear map that it is on images of the given size, its transpose being the transposed convolution, which the gradient in its input is.
/// </remarks>
public static class LipschitzBound
{
    private const int MostIterations = 500;
    private const double Tolerance = 1e-6;

    /// <summary>The bound for a network in evaluation mode.</summary>
    /// <param name="network">One layer or a <see cref="Sequential"/> of linear layers, convolutions, normalisations over batches, poolings, rearrangements, dropout and
    /// ReLU, tanh, or sigmoid; put back into the mode it was in.</param>
    /// <param name="input">The shape of an input, the batch axis included: (1, C, H, W).</param>
    /// <param name="generator">Draws where power iteration begins.</param>
    /// <exception cref="NotSupportedException">A layer has no known bound; the message names it.</exception>
    public static double Of(Module<Tensor, Tensor> network, Shape input, Generator? generator = null)
    {
        using var mode = new EvaluationMode(network);
        using var frame = Lifetime.Frame();
        var like = network.Parameters().FirstOrDefault();
        var zeros = Tensor.Zeros(input, like?.DType ?? DType.Float32, like?.Device);
        return Walk(network, network.GetType().Name, ref zeros, generator);
    }

    /// <summary>The largest factor by which an affine layer stretches a difference of inputs.</summary>
    /// <param name="layer">A layer with layer(x) = A x + b, called in the mode it is in.</param>
    /// <param name="input">The shape of an input.</param>
    /// <param name="generator">Draws where the iteration begins.</param>
    public static double OperatorNorm(Module<Tensor, Tensor> layer, Shape input, Generator? generator = null)
    {
        using var frame = Lifetime.Frame();
        using var grad = Autograd.EnableGrad();
        var like = layer.Parameters().FirstOrDefault();
        var vector = Unit(Tensor.RandN(input, 0, 1, like?.DType ?? DType.Float32, like?.Device, generator), out _);
        var shift = layer.Call(vector * 0).Detach();
        double norm = 0;
        for (var i = 0; i < MostIterations; i++)
        {
            var point = vector.Detach();
            point.RequiresGrad = true;
            var image = layer.Call(point);
            // A vector of length 1 becomes A v, and that, by the transpose, AᵀA v, whose length tends to the square of the norm.
            var back = Autograd.Grad((image * (image.Detach() - shift)).Sum(), point);
            vector = Unit(back, out var square);
            var next = Math.Sqrt(square);
            var isSettled = next - norm <= Tolerance * next;
            norm = next;
            if (isSettled)
                break;
        }
        return norm;
    }

    private static double Walk(Module<Tensor, Tensor> module, string name, ref Tensor input, Generator? generator)
    {
        double bound = 1;
        if (module is Sequential)
        {
            foreach (var (child, layer) in module.Children)
                bound *= Walk((Module<Tensor, Tensor>)layer, $"{name}.{child}", ref input, generator);
            return bound;
        }
        bound = module switch
        {
            Relu or Tanh or Flatten or Unflatten or Identity or Dropout => 1,
            Sigmoid => 0.25,
            MaxPool2d pool => Windows(pool),
            Linear or ConvLayer or BatchNorm or AvgPool2d or AdaptiveAvgPool2d => OperatorNorm(
                module,
                input.Shape,
                generator
            ),
            _ => throw new NotSupportedException(
                $"LipschitzBound: {name} is a {module.GetType().Name}, for which no bound is known"
            ),
        };
        using var noGrad = Autograd.NoGrad();
        input = module.Call(input);
        return bound;
    }

    /// <summary>The root of how many windows an element can be the largest of.</summary>
    private static double Windows(MaxPool2d pool)
    {
        double windows = 1;
        for (var axis = 0; axis < 2; axis++)
        {
            var side = pool.KernelSize[pool.KernelSize.Length == 1 ? 0 : axis];
            var stride = pool.Stride[pool.Stride.Length == 1 ? 0 : axis];
            windows *= Math.Ceiling((double)side / stride);
        }
        return Math.Sqrt(windows);
    }

    private static Tensor Unit(Tensor vector, out double length)
    {
        using var noGrad = Autograd.NoGrad();
        length = Math.Sqrt((vector * vector).Sum().Item());
        return length > 0 ? vector * (1 / length) : vector;
    }
}
