namespace CudaNet.Optim;

/// <summary>
/// Weights of small magnitude set to 0 and kept there through training: f(x, m ⊙ θ) with a mask m of zeros and ones (Han et al., "Learning both weights and connections", 2015;
/// as torch.nn.utils.prune with L1Unstructured, per layer or global).
/// </summary>
/// <example><code>
/// var pruning = new MagnitudePruning(weights);
/// pruning.PruneGlobal(sparsity: 0.9);
/// // after each step of the optimiser
/// pruning.Apply();
/// </code></example>
public sealed class MagnitudePruning
{
    private readonly List<Tensor> _parameters;
    private readonly List<Tensor> _masks;

    /// <summary>Masks of ones.</summary>
    /// <param name="parameters">Contiguous f32 tensors; biases are usually left out. Not to be moved to another device from now on.</param>
    /// <exception cref="DTypeException">One is not f32.</exception>
    public MagnitudePruning(IEnumerable<Tensor> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        _parameters = [.. parameters];
        foreach (var parameter in _parameters)
            if (parameter.DType != DType.Float32)
                throw new DTypeException(
                    $"MagnitudePruning: a parameter of shape {parameter.Shape} is {parameter.DType.Name}; expected f32"
                );
        _masks = [.. _parameters.Select(p => Tensor.Ones(p.Shape, device: p.Device).Keep())];
    }

    /// <summary>1 for what is kept and 0 for what is pruned, in the order of the parameters.</summary>
    public IReadOnlyList<Tensor> Masks => _masks;

    /// <summary>The share of elements that are pruned.</summary>
    public double Sparsity
    {
        get
        {
            using var frame = Lifetime.Frame();
            return 1 - _masks.Sum(mask => mask.Sum().Item()) / _masks.Sum(mask => mask.NumElements);
        }
    }

    /// <summary>Prunes the smallest elements of all parameters together until this share is pruned; what is pruned already stays so.</summary>
    /// <param name="sparsity">From 0 to below 1, not below the present one.</param>
    /// <exception cref="AttributeException">It is out of range.</exception>
    public void PruneGlobal(double sparsity) =>
        Prune(
            _parameters.Count == 0
                ? []
                :
                [
                    [.. _parameters.Index()],
                ],
            sparsity
        );

    /// <summary>Prunes the smallest elements of each parameter until this share of it is pruned.</summary>
    /// <param name="sparsity">From 0 to below 1, not below the present one.</param>
    /// <exception cref="AttributeException">It is out of range.</exception>
    public void PrunePerLayer(double sparsity) =>
        Prune([.. _parameters.Index().Select(one => new[] { one })], sparsity);

    /// <summary>Takes the masks of another pruning of parameters of the same shapes, and applies them.</summary>
    /// <exception cref="ShapeException">The shapes differ.</exception>
    public void CopyMasks(MagnitudePruning other)
    {
        if (!_masks.Select(mask => mask.Shape).SequenceEqual(other._masks.Select(mask => mask.Shape)))
            throw new ShapeException(
                $"CopyMasks: expected masks of shapes {Shapes(_masks)}, got {Shapes(other._masks)}"
            );
        ExponentialMovingAverage.Copy(other._masks, _masks);
        Apply();
    }

    /// <summary>Sets what is pruned to 0 again, in place: after each step of an optimiser, whose momentum may have moved it.</summary>
    public void Apply()
    {
        using var noGrad = Autograd.NoGrad();
        using var frame = Lifetime.Frame();
        ExponentialMovingAverage.Copy([.. _parameters.Zip(_masks, (p, mask) => p.Detach() * mask)], _parameters);
    }

    private static string Shapes(List<Tensor> tensors) => string.Join(", ", tensors.Select(t => t.Shape.ToString()));

    private void Prune(IReadOnlyList<(int Index, Tensor Item)[]> groups, double sparsity)
    {
        if (sparsity is not (>= 0 and < 1))
            throw new AttributeException($"MagnitudePruning: expected a sparsity from 0 to below 1, got {sparsity}");
        foreach (var group in groups)
        {
            var magnitudes = group.SelectMany(one => Magnitudes(one.Index)).ToArray();
            var pruned = (int)Math.Round(sparsity * magnitudes.Length);
            if (magnitudes.Count(magnitude => magnitude < 0) > pruned)
                throw new AttributeException(
                    $"MagnitudePruning: a sparsity of {sparsity} is below the present one; what is pruned does not come back"
                );
            // By place where magnitudes are equal, so that the share is met exactly.
            var order = Enumerable.Range(0, magnitudes.Length).ToArray();
            Array.Sort(
                order,
                (a, b) => magnitudes[a] != magnitudes[b] ? magnitudes[a].CompareTo(magnitudes[b]) : a - b
            );
            var mask = new float[magnitudes.Length];
            foreach (var place in order.AsSpan(pruned))
                mask[place] = 1;
            var start = 0;
            foreach (var (index, parameter) in group)
            {
                _masks[index].CopyFrom<float>(mask.AsSpan(start, (int)parameter.NumElements));
                start += (int)parameter.NumElements;
            }
        }
        Apply();
    }

    /// <summary>Absolute values; −1 for what is pruned, which so comes first again.</summary>
    private IEnumerable<float> Magnitudes(int index)
    {
        using var frame = Lifetime.Frame();
        return _parameters[index]
            .Detach()
            .ToArray<float>()
            .Zip(_masks[index].ToArray<float>(), (value, mask) => mask == 0 ? -1 : Math.Abs(value));
    }
}
