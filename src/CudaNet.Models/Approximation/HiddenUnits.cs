using CudaNet.Nn;

namespace CudaNet.Models;

/// <summary>
/// Changes of a hidden layer's weights that leave the network's function as it is: a network of N tanh units has N!·2^N weight vectors that compute the
/// same, one of N rectified units infinitely many (deep-learning notes, theorem 1.2; UDL, problems 3.6, 3.7 and 4.3).
/// </summary>
public static class HiddenUnits
{
    /// <summary>
    /// Multiplies each unit's incoming weights and bias by a factor and divides its outgoing weights by it. The function stays the same for positive factors
    /// with ReLU and its leaky kin, and for factors ±1 with odd activations such as tanh.
    /// </summary>
    /// <param name="hidden">The layer of the units; changed in place.</param>
    /// <param name="output">The layer that reads them; changed in place.</param>
    /// <param name="factors">One per unit, not 0.</param>
    public static void Scale(Linear hidden, Linear output, Tensor factors)
    {
        RequireUnits(hidden, output, factors.Shape);
        using var noGrad = Autograd.NoGrad();
        Load(hidden, hidden.Weight * factors.Unsqueeze(1), hidden.Bias is null ? null : hidden.Bias * factors);
        Load(output, output.Weight / factors, output.Bias);
    }

    /// <summary>Puts the units into another order; the function stays the same with any activation.</summary>
    /// <param name="hidden">The layer of the units; changed in place.</param>
    /// <param name="output">The layer that reads them; changed in place.</param>
    /// <param name="permutation">i64, (units): which unit comes to each place.</param>
    public static void Permute(Linear hidden, Linear output, Tensor permutation)
    {
        RequireUnits(hidden, output, permutation.Shape);
        using var noGrad = Autograd.NoGrad();
        Load(hidden, hidden.Weight.IndexSelect(0, permutation), hidden.Bias?.IndexSelect(0, permutation));
        Load(output, output.Weight.IndexSelect(1, permutation), output.Bias);
    }

    private static void RequireUnits(Linear hidden, Linear output, Shape given)
    {
        var units = hidden.Weight.Shape[0];
        if (output.Weight.Shape[1] != units || !given.Equals([units]))
            throw new ShapeException(
                $"HiddenUnits: the hidden layer has {units} units, the output layer reads {output.Weight.Shape[1]}, and {given} was given; expected ({units})"
            );
    }

    private static void Load(Linear layer, Tensor weight, Tensor? bias)
    {
        var state = new Dictionary<string, Tensor> { ["weight"] = weight };
        if (bias is not null)
            state["bias"] = bias;
        layer.LoadStateDict(state);
    }
}
