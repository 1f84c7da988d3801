using CudaNet.Nn;

namespace CudaNet.Models;

/// <summary>Convolutions in front of batch normalisation and ReLU.</summary>
internal static class HeConvolution
{
    /// <summary>
    /// A square convolution without bias, padded so that a stride of 1 keeps the size. Its weights are normal with variance 2 / (outputs of a
    /// kernel), which keeps the variance of gradients (He et al. 2015).
    /// </summary>
    public static Conv2d Create(long inChannels, long outChannels, long kernel, long stride, Generator? generator)
    {
        var layer = new Conv2d(inChannels, outChannels, kernel, stride, kernel / 2, bias: false, generator: generator);
        Init.HeNormal(layer.Weight, 0, FanMode.FanOut, Nonlinearity.Relu, generator);
        return layer;
    }
}
