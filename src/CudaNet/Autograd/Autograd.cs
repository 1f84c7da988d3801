namespace CudaNet;

/// <summary>Reverse-mode differentiation: gradients, to any order, of results with respect to tensors that require them.</summary>
public static partial class Autograd
{
    /// <summary>Whether ops record a graph in the present flow of execution.</summary>
    public static bool IsEnabled => EngineState.Current.GradEnabled;

    /// <summary>Ops inside the scope record no graph, and writing in place is allowed.</summary>
    public static StateScope NoGrad() => SetEnabled(false);

    /// <summary>Ops inside the scope record a graph, also within an outer <see cref="NoGrad"/>.</summary>
    public static StateScope EnableGrad() => SetEnabled(true);

    /// <summary>Switches recording on or off until the scope is disposed.</summary>
    public static StateScope SetEnabled(bool enabled) =>
        EngineState.Enter(EngineState.Current with { GradEnabled = enabled });

    /// <summary>
    /// Adds the gradients of <paramref name="outputs"/> to the <see cref="Tensor.Grad"/> of every leaf that they depend on.
    /// </summary>
    /// <param name="outputs">Where to start.</param>
    /// <param name="gradOutputs">The cotangents, shaped as the outputs; null entries mean 1 and need scalar outputs.</param>
    /// <param name="retainGraph">Keep what the graph has saved, so that it can be run through again.</param>
    /// <param name="createGraph">Record the backward pass itself, so that gradients can be differentiated; implies retainGraph.</param>
    public static void Backward(
        ReadOnlySpan<Tensor> outputs,
        ReadOnlySpan<Tensor?> gradOutputs = default,
        bool retainGraph = false,
        bool createGraph = false
    ) => new BackwardPass(retainGraph || createGraph, createGraph).RunToLeaves(outputs, gradOutputs);

    /// <summary>The gradients of <paramref name="outputs"/> with respect to <paramref name="inputs"/>, without touching any
    /// <see cref="Tensor.Grad"/>.</summary>
    /// <param name="outputs">Where to start.</param>
    /// <param name="inputs">Tensors of the graph; leaves or not.</param>
    /// <param name="gradOutputs">The cotangents, shaped as the outputs; null entries mean 1 and need scalar outputs.</param>
    /// <param name="createGraph">Record the backward pass itself, so that the results can be differentiated.</param>
    /// <param name="retainGraph">Keep what the graph has saved; by default as createGraph.</param>
    /// <param name="allowUnused">Give zeros for inputs that the outputs do not depend on instead of an error.</param>
    public static Tensor[] Grad(
        ReadOnlySpan<Tensor> outputs,
        ReadOnlySpan<Tensor> inputs,
        ReadOnlySpan<Tensor?> gradOutputs = default,
        bool createGraph = false,
        bool? retainGraph = null,
        bool allowUnused = false
    )
    {
        var gradients = new BackwardPass(retainGraph ?? createGraph, createGraph).RunToInputs(
            outputs,
            inputs,
            gradOutputs
        );
        var result = new Tensor[inputs.Length];
        for (var i = 0; i < inputs.Length; i++)
        {
            if (gradients[i] is null && !allowUnused)
                throw new AutogradException(
                    $"Grad: input {i} of shape {inputs[i].Shape} does not take part in the outputs; pass allowUnused: true to get zeros"
                );
            result[i] =
                gradients[i] ?? GraphAlgebra.Current.Fill(inputs[i].Shape, inputs[i].DType, inputs[i].Device, 0);
        }
        return result;
    }

    /// <summary>The gradient of one scalar with respect to one tensor.</summary>
    public static Tensor Grad(Tensor output, Tensor input, bool createGraph = false) =>
        Grad([output], [input], createGraph: createGraph)[0];
}
