using CudaNet.Nn;

namespace CudaNet.Models;

/// <summary>One hidden unit of a <see cref="ShallowNetwork"/>: weight · a(offset + slope · x).</summary>
/// <param name="Offset">θ_d0.</param>
/// <param name="Slope">θ_d1.</param>
/// <param name="Weight">φ_d.</param>
public readonly record struct HiddenUnit(double Offset, double Slope, double Weight)
{
    /// <summary>Where the unit's argument is 0: the place of a joint.</summary>
    public double Joint => -Offset / Slope;
}

/// <summary>
/// A network of one input, one hidden layer and one output with given parameters, f(x) = φ₀ + Σ φ_d · a(θ_d0 + θ_d1 · x) (UDL, equation 3.1), in f64. Inputs are
/// (N, 1). With ReLU it is piecewise linear, with joints where a unit's argument is 0.
/// </summary>
public sealed class ShallowNetwork : Module<Tensor, Tensor>
{
    private readonly Func<Tensor, Tensor> _activation;

    /// <summary>A network of these hidden units.</summary>
    /// <param name="offset">φ₀.</param>
    /// <param name="units">At least one.</param>
    /// <param name="activation">a; ReLU when it is null.</param>
    public ShallowNetwork(double offset, IReadOnlyCollection<HiddenUnit> units, Func<Tensor, Tensor>? activation = null)
    {
        ArgumentOutOfRangeException.ThrowIfZero(units.Count, nameof(units));
        Units = [.. units];
        _activation = activation ?? (z => z.Relu());
        Hidden = AddModule("hidden", new Linear(1, units.Count, dtype: DType.Float64));
        Output = AddModule("output", new Linear(units.Count, 1, dtype: DType.Float64));
        LoadStateDict(
            new Dictionary<string, Tensor>
            {
                ["hidden.weight"] = Tensor.From([.. units.Select(u => u.Slope)], [units.Count, 1]),
                ["hidden.bias"] = Tensor.From([.. units.Select(u => u.Offset)], [units.Count]),
                ["output.weight"] = Tensor.From([.. units.Select(u => u.Weight)], [1, units.Count]),
                ["output.bias"] = Tensor.From([offset], [1]),
            }
        );
    }

    /// <summary>The units as they were given.</summary>
    public IReadOnlyList<HiddenUnit> Units { get; }

    /// <summary>θ.</summary>
    public Linear Hidden { get; }

    /// <summary>φ.</summary>
    public Linear Output { get; }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => Output.Call(_activation(Hidden.Call(input)));
}
