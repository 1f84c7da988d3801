using CudaNet.Nn;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>
/// Images changed a little, no pixel by more than ε and none beyond [0, 1], so that a classifier errs. The network is put into evaluation mode and back; gradients
/// of its parameters are left alone.
/// </summary>
public static class AdversarialExamples
{
    /// <summary>
    /// The fast gradient sign method (Goodfellow, Shlens, Szegedy 2015): x + ε · sign ∂L/∂x, with L the cross-entropy, brought back to [0, 1].
    /// </summary>
    /// <param name="model">Images → (N, classes) logits.</param>
    /// <param name="images">Values in [0, 1].</param>
    /// <param name="labels">(N) i64, the true classes.</param>
    /// <param name="epsilon">The most that a pixel changes; at least 0.</param>
    /// <exception cref="AttributeException">ε is negative or not finite.</exception>
    public static Tensor Fgsm(Module<Tensor, Tensor> model, Tensor images, Tensor labels, double epsilon)
    {
        RequireSize(epsilon, "Fgsm", nameof(epsilon));
        using var frame = Lifetime.Frame();
        using var noGrad = Autograd.NoGrad();
        return frame.Return((images.Detach() + Direction(model, images, labels) * epsilon).Clamp(0, 1));
    }

    /// <summary>
    /// Projected gradient descent (Madry, Makelov, Schmidt, Tsipras, Vladu 2018): several steps of the sign of the gradient, after each of which the images are brought
    /// back to within ε of where they began, and to [0, 1].
    /// </summary>
    /// <param name="model">Images → (N, classes) logits.</param>
    /// <param name="images">Values in [0, 1].</param>
    /// <param name="labels">(N) i64, the true classes.</param>
    /// <param name="epsilon">The most that a pixel changes; at least 0.</param>
    /// <param name="stepSize">What a step changes; at least 0.</param>
    /// <param name="steps">How many; at least 0.</param>
    /// <param name="start">Draws where in the ball to begin, uniformly; null begins at the images.</param>
    /// <exception cref="AttributeException">A size or the number of steps is negative.</exception>
    public static Tensor Pgd(
        Module<Tensor, Tensor> model,
        Tensor images,
        Tensor labels,
        double epsilon,
        double stepSize,
        int steps,
        Generator? start = null
    )
    {
        RequireSize(epsilon, "Pgd", nameof(epsilon));
        RequireSize(stepSize, "Pgd", nameof(stepSize));
        RequireSize(steps, "Pgd", nameof(steps));
        using var frame = Lifetime.Frame();
        using var noGrad = Autograd.NoGrad();
        var original = images.Detach();
        var (low, high) = ((original - epsilon).Clamp(0, 1), (original + epsilon).Clamp(0, 1));
        var changed = original;
        if (start is not null)
            changed = Project(
                original + Tensor.Rand(original.Shape, -epsilon, epsilon, original.DType, original.Device, start)
            );
        for (var step = 0; step < steps; step++)
            changed = Project(changed + Direction(model, changed, labels) * stepSize);
        return frame.Return(changed);

        Tensor Project(Tensor x) => x.Maximum(low).Minimum(high);
    }

    /// <summary>The sign of the derivative of the cross-entropy in each pixel: the direction in which it grows.</summary>
    private static Tensor Direction(Module<Tensor, Tensor> model, Tensor images, Tensor labels)
    {
        using var frame = Lifetime.Frame();
        using var grad = Autograd.EnableGrad();
        using var mode = new EvaluationMode(model);
        var input = images.Detach();
        input.RequiresGrad = true;
        // The sum, so that an image's gradient does not depend on how many there are.
        var loss = model.Call(input).CrossEntropy(labels, reduction: Reduction.Sum);
        return frame.Return(Autograd.Grad(loss, input).Sign());
    }

    private static void RequireSize(double value, string method, string name)
    {
        if (!(value >= 0 && double.IsFinite(value)))
            throw new AttributeException($"{method}: expected {name} of at least 0, got {value}");
    }
}
