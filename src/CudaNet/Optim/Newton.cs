namespace CudaNet.Optim;

/// <summary>
/// Newton's method with the full Hessian, for problems of a few hundred parameters: each step solves H·d = −g. Where the Hessian is not
/// positive definite a multiple of the identity is added until it is, and the step is halved until the loss falls enough (Nocedal and
/// Wright 2006, algorithms 3.2 and 3.3), so that it descends anywhere.
/// </summary>
/// <example><code>optimizer.Step(() => Loss());</code></example>
public sealed class Newton : ClosureOptimizer
{
    private const double SufficientDecrease = 1e-4;
    private const int MostHalvings = 30;
    private const long MostElements = 4096;

    private readonly double _damping;

    /// <summary>An optimiser of these parameters, all of one dtype (f32 or f64) on one device.</summary>
    /// <param name="parameters">Leaves that require gradients.</param>
    /// <param name="learningRate">The first step to try; 1 is Newton's.</param>
    /// <param name="damping">What is added to the Hessian's diagonal in any case (Levenberg 1944).</param>
    /// <exception cref="AttributeException">An option is out of range, the parameters differ, or they have more than 4,096 elements.</exception>
    public Newton(IEnumerable<Tensor> parameters, double learningRate = 1, double damping = 0)
        : base(parameters, learningRate)
    {
        _damping = RequireNotNegative(damping, "damping");
        if (ElementCount > MostElements)
            throw new AttributeException(
                $"Newton: {ElementCount:N0} parameters have a Hessian of {ElementCount * ElementCount:N0} elements; use Lbfgs for more than {MostElements:N0}"
            );
    }

    /// <summary>Takes one step.</summary>
    /// <param name="closure">Gives the loss; gradients are taken here, of first and second order.</param>
    /// <returns>The loss before the step.</returns>
    public override Tensor Step(Func<Tensor> closure)
    {
        using var frame = Lifetime.Frame();
        var (loss, gradient, hessian) = Derivatives(closure);
        using var noGrad = Autograd.NoGrad();
        var direction = Direction(gradient, hessian);
        var slope = Dot(gradient, direction);
        var (value, origin) = (loss.Item(), Positions());
        var step = Groups[0].LearningRate;
        for (var i = 0; i <= MostHalvings; i++, step /= 2)
        {
            MoveTo(origin, direction, i < MostHalvings ? step : 0);
            if (Value(closure) <= value + SufficientDecrease * step * slope)
                break;
        }
        return frame.Return(loss);
    }

    private (Tensor Loss, Tensor Gradient, Tensor Hessian) Derivatives(Func<Tensor> closure)
    {
        using var frame = Lifetime.Frame();
        using var record = Autograd.EnableGrad();
        Tensor[] parameters = [.. Parameters];
        var loss = closure();
        var gradient = Flat(Autograd.Grad([loss], parameters, createGraph: true, allowUnused: true));
        var rows = new Tensor[ElementCount];
        var identity = Tensor.Eye(ElementCount, dtype: gradient.DType, device: gradient.Device);
        for (var i = 0; i < rows.Length; i++)
            rows[i] = gradient.RequiresGrad
                ? Flat(
                    Autograd.Grad([gradient], parameters, [identity.Select(0, i)], retainGraph: true, allowUnused: true)
                )
                : Tensor.Zeros(gradient.Shape, gradient.DType, gradient.Device);
        return (
            frame.Return(loss.Detach()),
            frame.Return(gradient.Detach()),
            frame.Return(Tensor.Stack(rows, 0).Detach())
        );
    }

    private Tensor Direction(Tensor gradient, Tensor hessian)
    {
        var identity = Tensor.Eye(ElementCount, dtype: hessian.DType, device: hessian.Device);
        // Smaller than this, and rounding decides whether the matrix is positive definite.
        var least = 1e-3 * Math.Max(hessian.VectorNorm().Item(), 1e-12);
        for (var added = _damping; ; added = Math.Max(2 * added, least))
        {
            try
            {
                var factor = (hessian + identity * added).Cholesky();
                var half = factor.SolveTriangular(-gradient.Unsqueeze(-1), upper: false);
                return factor.Transpose(0, 1).SolveTriangular(half, upper: true).Squeeze(-1);
            }
            catch (LinearAlgebraException) when (added < 1e6 * least) { }
        }
    }

    private static double Value(Func<Tensor> closure)
    {
        using var frame = Lifetime.Frame();
        return closure().Item();
    }

    private static Tensor Flat(Tensor[] tensors) => Tensor.Concat([.. tensors.Select(t => t.Reshape(-1))]);
}
