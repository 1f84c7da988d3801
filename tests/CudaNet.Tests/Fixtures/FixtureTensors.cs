using CudaNet.Nn;

namespace CudaNet.Tests.Fixtures;

/// <summary>Short ways to write down what the sources print: f64 vectors and matrices, and networks by their layer sizes.</summary>
internal static class FixtureTensors
{
    public static Tensor Vector(params double[] values) => Tensor.From(values);

    /// <summary>Rows of a matrix, one after the other.</summary>
    public static Tensor Matrix(int columns, params double[] values) =>
        Tensor.From(values, [values.Length / columns, columns]);

    /// <summary>A vector that requires gradients.</summary>
    public static Tensor Leaf(params double[] values) => Leaf(Tensor.From(values));

    public static Tensor Leaf(Tensor tensor)
    {
        tensor.RequiresGrad = true;
        return tensor;
    }

    /// <summary>Standard normal values.</summary>
    public static Tensor Draw(long seed, params long[] shape) =>
        Tensor.RandN(new Shape(shape), dtype: DType.Float64, generator: new Generator(seed));

    /// <summary>A ReLU network with these numbers of units, input and output included.</summary>
    public static Sequential Dense(params long[] sizes) => new([.. DenseLayers(sizes)]);

    public static IEnumerable<Module<Tensor, Tensor>> DenseLayers(params long[] sizes)
    {
        for (var i = 1; i < sizes.Length; i++)
        {
            if (i > 1)
                yield return new Relu();
            yield return new Linear(sizes[i - 1], sizes[i], dtype: DType.Float64, generator: new Generator(i));
        }
    }

    /// <summary>Gradients of a scalar as plain numbers.</summary>
    public static double[] Gradient(Tensor output, Tensor input) => Autograd.Grad(output, input).ToDoubles();

    /// <summary>The largest difference between two tensors of one shape.</summary>
    public static double Distance(Tensor a, Tensor b)
    {
        Assert.That(a.Shape, Is.EqualTo(b.Shape));
        return (a - b).Abs().Max().Item();
    }
}
