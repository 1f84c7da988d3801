using CudaNet.Nn;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>
/// Which parts of an image speak for a class. Maps have the size of the feature maps that they are computed from; <see cref="HeatPictures"/> lays them over
/// the image.
/// </summary>
/// <remarks>
/// Where the classes are a linear layer over the means of the maps, y = Σ_k w_k · mean(A_k) + b, the derivative of y in every position of A_k is
/// w_k / (H·W). So <see cref="GradCam"/> is then the positive part of <see cref="Cam"/>, divided by H·W.
/// </remarks>
public static class ClassActivation
{
    /// <summary>
    /// Class activation maps (Zhou, Khosla, Lapedriza, Oliva, Torralba 2016): Σ_k w_k A_k, where w are the weights by which the class is computed
    /// from the means of the maps A. The mean of a map, and the class's bias, add up to its logit.
    /// </summary>
    /// <param name="model">The network; put back into the mode it was in.</param>
    /// <param name="network">The part of it, or itself, that has maps and classes.</param>
    /// <param name="images">What the network reads, N of them.</param>
    /// <param name="classes">(N) i64: the class that is asked about, for each image.</param>
    /// <returns>(N, H, W).</returns>
    public static Tensor Cam(
        Module<Tensor, Tensor> model,
        IGlobalAverageClassifier network,
        Tensor images,
        Tensor classes
    )
    {
        using var noGrad = Autograd.NoGrad();
        using var frame = Lifetime.Frame();
        var (maps, _) = Call(model, network.FeatureMaps, images);
        RequireClasses(classes, maps, "Cam");
        var weight = network.Classifier.Weight.IndexSelect(0, classes);
        return frame.Return(Weighted(maps, weight));
    }

    /// <summary>
    /// Gradient-weighted class activation maps (Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra 2017): relu(Σ_k α_k A_k), where α_k is the mean of the derivatives of
    /// the class's logit in the positions of map A_k. For any network, at any of its layers.
    /// </summary>
    /// <param name="model">Images → (N, classes) logits; put back into the mode it was in. Gradients of its parameters are left alone.</param>
    /// <param name="layer">The module of it that gives the maps (N, C, H, W), called once.</param>
    /// <param name="images">What the network reads, N of them.</param>
    /// <param name="classes">(N) i64: the class that is asked about, for each image.</param>
    /// <returns>(N, H, W), at least 0.</returns>
    /// <exception cref="ShapeException">The layer gives no maps, or the classes are not one per image.</exception>
    public static Tensor GradCam(
        Module<Tensor, Tensor> model,
        Module<Tensor, Tensor> layer,
        Tensor images,
        Tensor classes
    )
    {
        using var grad = Autograd.EnableGrad();
        using var frame = Lifetime.Frame();
        var (maps, logits) = Call(model, layer, images);
        RequireClasses(classes, maps, "GradCam");
        var chosen = logits.Gather(1, classes.Reshape([-1, 1])).Sum();
        var gradient = Autograd.Grad(chosen, maps);
        using var noGrad = Autograd.NoGrad();
        return frame.Return(Weighted(maps.Detach(), gradient.Mean([2, 3])).Relu());
    }

    /// <summary>Calls the network, with a layer's result cut off from what is before it: a leaf, of which derivatives are wanted.</summary>
    private static (Tensor Maps, Tensor Logits) Call(
        Module<Tensor, Tensor> model,
        Module<Tensor, Tensor> layer,
        Tensor images
    )
    {
        Tensor? maps = null;
        using var mode = new EvaluationMode(model);
        using var hook = layer.RegisterForwardHook(
            (_, output) =>
            {
                // Of the layer's own frame, and of those around it, only kept tensors are left.
                maps = output.Clone().Detach().Keep();
                maps.RequiresGrad = Autograd.IsEnabled;
                return maps;
            }
        );
        var logits = model.Call(images);
        return maps is { Rank: 4 }
            ? (maps, logits)
            : throw new ShapeException(
                $"{layer.GetType().Name}: expected a layer that the network calls and that gives maps (N, C, H, W), got {maps?.Shape.ToString() ?? "no call"}"
            );
    }

    private static void RequireClasses(Tensor classes, Tensor maps, string caller)
    {
        if (classes.Rank != 1 || classes.Shape[0] != maps.Shape[0])
            throw new ShapeException(
                $"{caller}: expected one class number for each of the {maps.Shape[0]} images, got {classes.Shape}"
            );
    }

    /// <summary>(N, C, H, W) weighted with (N, C): (N, H, W).</summary>
    private static Tensor Weighted(Tensor maps, Tensor weights) =>
        (maps * weights.Reshape([.. weights.Shape.Dims, 1, 1])).Sum(1);
}
