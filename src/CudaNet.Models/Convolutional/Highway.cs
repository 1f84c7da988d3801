using CudaNet.Nn;

namespace CudaNet.Models;

/// <summary>
/// A layer that decides, element by element, how much of its input to hand through (Srivastava, Greff, Schmidhuber 2015, "Highway networks"):
/// T · H + (1 − T) · x with H = relu(W x + b) and T = σ(W' x + b'). (…, features) → (…, features).
/// </summary>
public sealed class Highway : Module<Tensor, Tensor>
{
    private readonly Linear _transform;
    private readonly Linear _gate;

    /// <summary>A layer.</summary>
    /// <param name="features">Of input and output.</param>
    /// <param name="gateBias">Where b' starts; negative, so that a deep stack hands its input through at first.</param>
    /// <param name="generator">Draws the first weights.</param>
    public Highway(long features, double gateBias = -2, Generator? generator = null)
    {
        _transform = AddModule("transform", new Linear(features, features, generator: generator));
        _gate = AddModule("gate", new Linear(features, features, generator: generator));
        Init.Constant(_gate.Bias!, gateBias);
    }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input)
    {
        var gate = _gate.Call(input).Sigmoid();
        return input.Lerp(_transform.Call(input).Relu(), gate);
    }
}
