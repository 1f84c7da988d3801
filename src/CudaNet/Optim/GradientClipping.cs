namespace CudaNet.Optim;

/// <summary>
/// Gradients kept from growing too large, between the backward pass and the optimiser's step. Neither waits for the device, and each launches the
/// same few kernels whatever the number of parameters.
/// </summary>
/// <example><code>
/// loss.Backward();
/// var norm = GradientClipping.ClipGradNorm(model.Parameters(), maxNorm: 1);
/// optimizer.Step();
/// </code></example>
public static class GradientClipping
{
    /// <summary>
    /// Scales the gradients in place so that their norm, as of one long vector, is at most <paramref name="maxNorm"/>: by
    /// maxNorm / (norm + 1e-6) where that is below 1. As torch.nn.utils.clip_grad_norm_ (Pascanu, Mikolov and Bengio 2013).
    /// </summary>
    /// <param name="parameters">Leaves; those without a gradient are passed over. They may differ in dtype and device.</param>
    /// <param name="maxNorm">The bound; not negative.</param>
    /// <param name="normType">The order of the norm, above 0; infinity takes the largest element.</param>
    /// <param name="errorIfNonFinite">Whether a norm that is NaN or infinite is an error, before anything is scaled; asking waits for the device. Without it such a
    /// norm makes the gradients NaN or 0.</param>
    /// <returns>The norm before scaling, a scalar f64 tensor on the device of the first gradient; 0 when there is none.</returns>
    /// <exception cref="AttributeException">The bound or the order is out of range.</exception>
    /// <exception cref="AutogradException">The norm is not finite and <paramref name="errorIfNonFinite"/> is set.</exception>
    public static Tensor ClipGradNorm(
        IEnumerable<Tensor> parameters,
        double maxNorm,
        double normType = 2,
        bool errorIfNonFinite = false
    )
    {
        Optimizer.RequireNotNegative(maxNorm, "maxNorm");
        using var noGrad = Autograd.NoGrad();
        using var frame = Lifetime.Frame();
        var gradients = Gradients(parameters);
        var norm = frame.Return(Norm(gradients, normType));
        if (errorIfNonFinite && norm.Item() is var value && !double.IsFinite(value))
            throw new AutogradException(
                $"ClipGradNorm: the norm of order {normType} of the gradients is {value}; look for the op that overflows, or pass errorIfNonFinite: false"
            );
        foreach (var together in gradients.GroupBy(g => (g.Device, g.DType)))
            ClipGradNormOp.Instance.ApplyAll(
                [.. together, norm.CopyToDevice(together.Key.Device)],
                Attributes.Of(maxNorm)
            );
        return norm;
    }

    /// <summary>Limits every element of the gradients to [−clipValue, clipValue], in place. As torch.nn.utils.clip_grad_value_.</summary>
    /// <param name="parameters">Leaves; those without a gradient are passed over.</param>
    /// <param name="clipValue">The bound; not negative.</param>
    /// <exception cref="AttributeException">The bound is out of range.</exception>
    public static void ClipGradValue(IEnumerable<Tensor> parameters, double clipValue)
    {
        Optimizer.RequireNotNegative(clipValue, "clipValue");
        using var noGrad = Autograd.NoGrad();
        using var frame = Lifetime.Frame();
        foreach (var together in Gradients(parameters).GroupBy(g => (g.Device, g.DType)))
            ClipGradValueOp.Instance.ApplyAll([.. together], Attributes.Of(clipValue));
    }

    /// <summary>The norm of the gradients as of one long vector, which nothing changes. As torch.nn.utils.get_total_norm.</summary>
    /// <param name="parameters">Leaves; those without a gradient are passed over.</param>
    /// <param name="normType">The order of the norm, above 0; infinity takes the largest element.</param>
    /// <returns>A scalar f64 tensor on the device of the first gradient; 0 when there is none.</returns>
    /// <exception cref="AttributeException">The order is out of range.</exception>
    public static Tensor GradNorm(IEnumerable<Tensor> parameters, double normType = 2)
    {
        using var noGrad = Autograd.NoGrad();
        using var frame = Lifetime.Frame();
        return frame.Return(Norm(Gradients(parameters), normType));
    }

    private static List<Tensor> Gradients(IEnumerable<Tensor> parameters)
    {
        var gradients = new List<Tensor>();
        foreach (var parameter in parameters)
        {
            // A gradient that the user set may be any view; what is changed in place must be its own.
            if (parameter.LeafGradient is { IsContiguous: false } strided)
                parameter.Grad = strided.Detach().Contiguous().Keep();
            if (parameter.LeafGradient is { } gradient)
                gradients.Add(gradient);
        }
        return gradients;
    }

    /// <summary>Norms of one order join as elements do: the norm of all is that of the norms.</summary>
    private static Tensor Norm(List<Tensor> gradients, double normType)
    {
        if (gradients.Count == 0)
            return Tensor.Zeros(Shape.Scalar, DType.Float64);
        var order = Attributes.Of(normType);
        var norms = gradients
            .GroupBy(g => (g.Device, g.DType))
            .Select(together => GradNormOp.Instance.Apply([.. together], order).CopyToDevice(gradients[0].Device))
            .ToArray();
        return norms.Length == 1 ? norms[0] : GradNormOp.Instance.Apply(norms, order);
    }
}
