namespace CudaNet.Nn;

/// <summary>
/// Fiedler regularisation (Tam, Dunson 2020): a feed-forward network is a graph of its neurons, joined by edges as strong as |w|; the penalty is the
/// second smallest eigenvalue λ₂ of the graph's Laplacian, its algebraic connectivity. It is 0 when the network falls into two parts, and so pulls out
/// the edges between loosely connected groups of neurons.
/// </summary>
/// <remarks>
/// λ₂ = Σ over edges |w_ij|·(v_i − v_j)² for the Fiedler vector v of length 1. v is found by an eigendecomposition, on the host, and held fixed in between:
/// then the expression is an upper bound of λ₂, an L1 penalty with a weight per edge, and where v is fresh both its value and its gradient are those of
/// λ₂, as long as λ₂ is a simple eigenvalue.
/// </remarks>
public sealed class FiedlerPenalty
{
    private readonly Tensor[] _weights;
    private readonly long[] _sizes;
    private readonly int _refreshEvery;
    private Tensor[]? _edges;
    private int _calls;

    /// <summary>The penalty of a chain of layers.</summary>
    /// <param name="weights">(outputs, inputs) of each layer, from the first to the last; each has as many inputs as the one before has outputs.</param>
    /// <param name="refreshEvery">The Fiedler vector is computed anew at every so many calls of <see cref="Value"/>.</param>
    /// <exception cref="ShapeException">The weights are no chain of matrices.</exception>
    public FiedlerPenalty(IEnumerable<Tensor> weights, int refreshEvery = 100)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(refreshEvery, 1);
        _weights = [.. weights];
        _refreshEvery = refreshEvery;
        for (var i = 0; i < _weights.Length; i++)
            if (_weights[i].Rank != 2 || (i > 0 && _weights[i].Shape[1] != _weights[i - 1].Shape[0]))
                throw new ShapeException(
                    $"FiedlerPenalty: weights of (outputs, inputs) must follow on one another; got {string.Join(", ", _weights.Select(w => w.Shape))}"
                );
        if (_weights.Length == 0)
            throw new ShapeException("FiedlerPenalty: expected at least one weight matrix");
        _sizes = [_weights[0].Shape[1], .. _weights.Select(w => w.Shape[0])];
    }

    /// <summary>The penalty, a scalar, to be multiplied by a strength and added to a loss.</summary>
    public Tensor Value()
    {
        if (_calls++ % _refreshEvery == 0)
            Refresh();
        Tensor? sum = null;
        for (var i = 0; i < _weights.Length; i++)
        {
            var term = (_weights[i].Abs() * _edges![i]).Sum();
            sum = sum is null ? term : sum + term;
        }
        return sum!;
    }

    /// <summary>D − |A| of all neurons, inputs first and outputs last, as the weights now stand: symmetric, f64.</summary>
    public Tensor Laplacian()
    {
        using var noGrad = Autograd.NoGrad();
        var layers = _sizes.Length;
        var rows = new Tensor[layers];
        for (var row = 0; row < layers; row++)
        {
            var blocks = new Tensor[layers];
            for (var column = 0; column < layers; column++)
                blocks[column] =
                    row == column + 1 ? _weights[column].Abs().Cast(DType.Float64)
                    : column == row + 1 ? _weights[row].Abs().Cast(DType.Float64).T
                    : Tensor.Zeros([_sizes[row], _sizes[column]], DType.Float64, _weights[0].Device);
            rows[row] = Tensor.Concat(blocks, 1);
        }
        var adjacency = Tensor.Concat(rows, 0);
        var neurons = adjacency.Shape[0];
        var degrees = adjacency.Sum(1, keepDim: true);
        return Tensor.Eye(neurons, null, DType.Float64, _weights[0].Device) * degrees - adjacency;
    }

    private void Refresh()
    {
        using var frame = Lifetime.Frame();
        using var noGrad = Autograd.NoGrad();
        var vector = Laplacian().Eigh().Eigenvectors.Select(1, 1);
        var parts = vector.Split(_sizes, 0);
        foreach (var old in _edges ?? [])
            old.Release();
        _edges =
        [
            .. _weights.Select(
                (w, i) => (parts[i + 1].Unsqueeze(1) - parts[i].Unsqueeze(0)).Square().Cast(w.DType).Keep()
            ),
        ];
    }
}
