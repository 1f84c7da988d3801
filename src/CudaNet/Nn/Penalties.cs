namespace CudaNet.Nn;

/// <summary>
/// L1 and L2 penalties on weights, with strengths of their own for groups of parameters: Σ over groups of l1·Σ|w| + l2·Σw², to be added to a loss (deep-learning
/// notes, section 2.2; UDL, section 9.1). Biases and normalisation weights are usually left out.
/// </summary>
/// <remarks>
/// With plain SGD an l2 of λ does what a weight decay of 2λ does, since an optimiser's decay is the gradient of ½·decay·Σw² (UDL, problem 9.5); with Adam only
/// the penalty passes through the gradient's scaling, a decoupled decay (AdamW) does not.
/// </remarks>
public sealed class Penalties
{
    private readonly List<(Tensor[] Parameters, double L1, double L2)> _groups = [];

    /// <summary>Adds a group of parameters.</summary>
    /// <param name="parameters">At least one.</param>
    /// <param name="l1">The strength of Σ|w|, at least 0.</param>
    /// <param name="l2">The strength of Σw², at least 0.</param>
    /// <returns>These penalties, so that calls can be chained.</returns>
    /// <exception cref="AttributeException">A strength is negative or not finite, or there is no parameter.</exception>
    public Penalties Add(IEnumerable<Tensor> parameters, double l1 = 0, double l2 = 0)
    {
        Tensor[] group = [.. parameters];
        if (!(l1 >= 0 && l2 >= 0 && double.IsFinite(l1 + l2)))
            throw new AttributeException(
                $"Penalties: expected finite strengths of at least 0, got l1 {l1} and l2 {l2}"
            );
        if (group.Length == 0)
            throw new AttributeException("Penalties: a group needs at least one parameter");
        _groups.Add((group, l1, l2));
        return this;
    }

    /// <summary>The sum of all penalties, a scalar in the parameters' dtype.</summary>
    /// <exception cref="InvalidOperationException">There is no group.</exception>
    public Tensor Value()
    {
        Tensor? sum = null;
        foreach (var (parameters, l1, l2) in _groups)
        foreach (var parameter in parameters)
        {
            if (l1 > 0)
                Add(parameter.Abs().Sum() * l1);
            if (l2 > 0)
                Add(parameter.Square().Sum() * l2);
        }
        if (sum is not null)
            return sum;
        return _groups.Count > 0
            ? Tensor.Zeros([], _groups[0].Parameters[0].DType, _groups[0].Parameters[0].Device)
            : throw new InvalidOperationException("Penalties: add a group of parameters first");

        void Add(Tensor term) => sum = sum is null ? term : sum + term;
    }
}
