namespace CudaNet.Optim;

/// <summary>
/// Optimisers that look at all parameters as one vector and evaluate the loss several times in a step. They read values on the host.
/// </summary>
public abstract class ClosureOptimizer : Optimizer
{
    /// <summary>An optimiser of these parameters, which are one group.</summary>
    /// <exception cref="AttributeException">There are none, or they differ in dtype or device.</exception>
    private protected ClosureOptimizer(IEnumerable<Tensor> parameters, double learningRate)
    {
        Parameters = Add(parameters, learningRate, 0).Parameters;
        if (Parameters.Count == 0)
            throw new AttributeException($"{GetType().Name}: needs at least one parameter");
        if (Parameters.Any(p => p.DType != Parameters[0].DType || !ReferenceEquals(p.Device, Parameters[0].Device)))
            throw new AttributeException($"{GetType().Name}: expected parameters of one dtype on one device");
    }

    private protected IReadOnlyList<Tensor> Parameters { get; }

    private protected long ElementCount => Parameters.Sum(p => p.NumElements);

    /// <inheritdoc/>
    protected sealed override IReadOnlyList<string> Buffers => [];

    /// <summary>Such an optimiser needs a closure.</summary>
    /// <exception cref="AutogradException">Always.</exception>
    public sealed override void Step() =>
        throw new AutogradException($"{GetType().Name} evaluates the loss itself; call Step(() => …) with a closure");

    /// <inheritdoc/>
    public abstract override Tensor Step(Func<Tensor> closure);

    private protected sealed override void Step(ParameterGroup group, Tensor[] parameters, Tensor state) => Step();

    /// <summary>The loss of a closure that runs the backward pass, its value, and the gradient as one vector, zeros where there is none.</summary>
    private protected Tensor Evaluate(Func<Tensor> closure, out double value, out Tensor gradient)
    {
        using var frame = Lifetime.Frame();
        Tensor loss;
        using (Autograd.EnableGrad())
            loss = closure();
        value = loss.Item();
        gradient = frame.Return(
            Tensor.Concat([
                .. Parameters.Select(p =>
                    p.LeafGradient?.Reshape(-1) ?? Tensor.Zeros([p.NumElements], p.DType, p.Device)
                ),
            ])
        );
        return frame.Return(loss);
    }

    /// <summary>Copies of the parameters.</summary>
    private protected Tensor[] Positions() => [.. Parameters.Select(p => p.Detach().Clone())];

    /// <summary>Puts the parameters at a distance from where they were, along a direction.</summary>
    private protected void MoveTo(Tensor[] origin, Tensor direction, double distance)
    {
        using var frame = Lifetime.Frame();
        long first = 0;
        for (var i = 0; i < origin.Length; i++)
        {
            var along = direction.Narrow(0, first, origin[i].NumElements).Reshape(origin[i].Shape);
            Parameters[i].Assign(distance == 0 ? origin[i] : origin[i] + along * distance);
            first += origin[i].NumElements;
        }
    }

    private protected static double Dot(Tensor a, Tensor b)
    {
        using var frame = Lifetime.Frame();
        return (a * b).Sum().Item();
    }

    private protected static double Largest(Tensor vector)
    {
        using var frame = Lifetime.Frame();
        return vector.Abs().Max().Item();
    }
}
