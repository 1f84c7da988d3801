namespace CudaNet;

public static partial class Autograd
{
    /// <summary>vᵀJ: the outputs of <paramref name="function"/> and the product of a cotangent with its Jacobian.</summary>
    /// <param name="function">A function of tensors written in ops.</param>
    /// <param name="inputs">Where to differentiate; their own graph is left alone unless <paramref name="createGraph"/> is set.</param>
    /// <param name="cotangents">One per output, shaped as the outputs.</param>
    /// <param name="createGraph">Make the result differentiable.</param>
    public static (Tensor[] Outputs, Tensor[] Gradients) Vjp(
        Func<Tensor[], Tensor[]> function,
        Tensor[] inputs,
        Tensor[] cotangents,
        bool createGraph = false
    )
    {
        using var record = EnableGrad();
        var points = Points(inputs, createGraph);
        var outputs = function(points);
        return (outputs, Grad(outputs, points, cotangents, createGraph, allowUnused: true));
    }

    /// <summary>
    /// J·u: the outputs of <paramref name="function"/> and the directional derivative along <paramref name="tangents"/>. Computed by reverse
    /// mode twice: vᵀJ is linear in v, and its derivative with respect to v in the direction u is J·u.
    /// </summary>
    public static (Tensor[] Outputs, Tensor[] Tangents) Jvp(
        Func<Tensor[], Tensor[]> function,
        Tensor[] inputs,
        Tensor[] tangents,
        bool createGraph = false
    )
    {
        using var record = EnableGrad();
        var points = Points(inputs, createGraph);
        var outputs = function(points);
        var dummies = Array.ConvertAll(outputs, y => Leaf(Tensor.Zeros(y.Shape, y.DType, y.Device)));
        var products = Grad(outputs, points, dummies, createGraph: true, allowUnused: true);
        // A product that does not depend on v (the input is unused, so it is a constant zero) has nothing to differentiate.
        var live = Enumerable.Range(0, products.Length).Where(i => products[i].RequiresGrad).ToArray();
        if (live.Length == 0)
            return (outputs, Array.ConvertAll(outputs, y => Tensor.Zeros(y.Shape, y.DType, y.Device)));
        var results = Grad(
            Array.ConvertAll(live, i => products[i]),
            dummies,
            Array.ConvertAll<int, Tensor?>(live, i => tangents[i]),
            createGraph,
            allowUnused: true
        );
        return (outputs, results);
    }

    /// <summary>H·v: the Hessian of a scalar function times vectors, one per input, without forming the Hessian (Pearlmutter 1994).</summary>
    public static Tensor[] Hvp(
        Func<Tensor[], Tensor> function,
        Tensor[] inputs,
        Tensor[] vectors,
        bool createGraph = false
    )
    {
        using var record = EnableGrad();
        var points = Points(inputs, createGraph);
        var gradients = Grad([function(points)], points, createGraph: true, allowUnused: true);
        var live = Enumerable.Range(0, gradients.Length).Where(i => gradients[i].RequiresGrad).ToArray();
        if (live.Length == 0)
            return Array.ConvertAll(points, x => Tensor.Zeros(x.Shape, x.DType, x.Device));
        return Grad(
            Array.ConvertAll(live, i => gradients[i]),
            points,
            Array.ConvertAll<int, Tensor?>(live, i => vectors[i]),
            createGraph,
            allowUnused: true
        );
    }

    /// <summary>The Jacobian of a function of one tensor: its shape is that of the output followed by that of the input.</summary>
    public static Tensor Jacobian(Func<Tensor, Tensor> function, Tensor input, bool createGraph = false)
    {
        using var record = EnableGrad();
        var point = Points([input], createGraph)[0];
        var output = function(point);
        var flat = output.Reshape(-1);
        var rows = new Tensor[flat.NumElements];
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i] = output.RequiresGrad
                ? Grad([flat], [point], [OneHot(flat, i)], createGraph, retainGraph: true, allowUnused: true)[0]
                : Tensor.Zeros(point.Shape, point.DType, point.Device);
        }
        long[] shape = [.. output.Shape.Dims, .. input.Shape.Dims];
        return rows.Length == 0 ? Tensor.Zeros(shape, input.DType, input.Device) : Tensor.Stack(rows, 0).Reshape(shape);
    }

    /// <summary>The Hessian of a scalar function of one tensor: its shape is that of the input, twice.</summary>
    public static Tensor Hessian(Func<Tensor, Tensor> function, Tensor input, bool createGraph = false) =>
        Jacobian(x => Grad([function(x)], [x], createGraph: true, allowUnused: true)[0], input, createGraph);

    private static Tensor OneHot(Tensor like, long index)
    {
        var values = new double[like.NumElements];
        values[index] = 1;
        return Tensor.From(values, like.Shape, like.Device).Cast(like.DType);
    }

    /// <summary>The inputs as nodes to differentiate at: leaves of their own, or aliases that lead on to the inputs' graph.</summary>
    private static Tensor[] Points(Tensor[] inputs, bool createGraph) =>
        Array.ConvertAll(inputs, x => createGraph && x.RequiresGrad ? GraphAlgebra.Current.Alias(x) : Leaf(x.Detach()));

    private static Tensor Leaf(Tensor tensor)
    {
        tensor.RequiresGrad = true;
        return tensor;
    }
}
