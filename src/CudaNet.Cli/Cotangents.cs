using CudaNet.IO;
using CudaNet.Random;

namespace CudaNet.Cli;

/// <summary>The tensors that outputs are multiplied by when gradients are asked for: from the input file, or drawn.</summary>
internal static class Cotangents
{
    /// <summary>The array of this name as a tensor like the output; without one, standard normal numbers, the same ones every time.</summary>
    public static Tensor Take(
        string command,
        string name,
        Tensor output,
        IReadOnlyDictionary<string, NamedArray> arrays
    )
    {
        if (!arrays.TryGetValue(name, out var array))
            return Draw(output);
        var given = array.ToTensor(output.Device);
        if (!given.Shape.Equals(output.Shape) || given.DType != output.DType)
            throw new UsageException(
                $"{command}: {name} is {given.Shape} {given.DType.Name}; expected {output.Shape} {output.DType.Name}, as the output"
            );
        return given;
    }

    private static Tensor Draw(Tensor output)
    {
        var random = new PhiloxStream(0, 0);
        var values = new double[output.NumElements];
        foreach (ref var value in values.AsSpan())
            value = random.NextNormal();
        return Tensor.From(values, output.Shape, output.Device).Cast(output.DType);
    }
}
