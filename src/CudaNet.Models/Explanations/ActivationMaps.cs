using CudaNet.IO;
using CudaNet.Nn;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>The feature maps that one module gave.</summary>
/// <param name="Module">Its dotted name in the network; empty for the network itself.</param>
/// <param name="Type">Its type.</param>
/// <param name="Maps">(N, C, H, W).</param>
public sealed record ActivationMap(string Module, string Type, Tensor Maps);

/// <summary>What the convolutional layers of a network give for some images: the activation-map viewer.</summary>
public static class ActivationMaps
{
    /// <summary>Calls a network in evaluation mode and writes down every result with the axes of images, in the order in which they come.</summary>
    /// <param name="model">The network; put back into the mode it was in.</param>
    /// <param name="input">What it is called on.</param>
    /// <returns>The maps, kept until <see cref="Tensor.Release"/> or collected as garbage.</returns>
    public static IReadOnlyList<ActivationMap> Record(Module<Tensor, Tensor> model, Tensor input)
    {
        var found = new List<ActivationMap>();
        var hooks = new List<IDisposable>();
        using var noGrad = Autograd.NoGrad();
        using var mode = new EvaluationMode(model);
        try
        {
            foreach (var (name, module) in model.NamedModules())
                if (module is Module<Tensor, Tensor> layer)
                    hooks.Add(
                        layer.RegisterForwardHook(
                            (_, output) =>
                            {
                                if (output.Rank == 4)
                                    found.Add(new(name, module.GetType().Name, output.Clone().Keep()));
                                return output;
                            }
                        )
                    );
            Lifetime.Scope(() => model.Call(input)).Release();
        }
        finally
        {
            hooks.ForEach(hook => hook.Dispose());
        }
        return found;
    }

    /// <summary>The channels of one image as grey pictures, from the darkest to the brightest value of all that are shown.</summary>
    /// <param name="maps">(N, C, H, W).</param>
    /// <param name="image">Which of the N.</param>
    /// <param name="most">How many channels to show at most: the first ones.</param>
    public static IReadOnlyList<Picture> Pictures(Tensor maps, int image = 0, int most = int.MaxValue)
    {
        var channels = (int)Math.Min(maps.Shape[1], most);
        var (height, width) = ((int)maps.Shape[2], (int)maps.Shape[3]);
        using var frame = Lifetime.Frame();
        var values = maps.Narrow(0, image, 1).Narrow(1, 0, channels).Detach().ToDoubles();
        var (low, high) = (values.Min(), values.Max());
        var range = high > low ? high - low : 1;
        return
        [
            .. values
                .Chunk(height * width)
                .Select(map => new Picture(
                    [.. map.Select(value => (byte)Math.Round(255 * (value - low) / range))],
                    width,
                    height
                )),
        ];
    }
}
