using CudaNet.Nn;

namespace CudaNet.Models;

/// <summary>A convolutional classifier that names the place where its last feature maps come out.</summary>
public interface IFeatureMaps
{
    /// <summary>The module that gives the last feature maps, (N, C, H, W), as the classifier sees them.</summary>
    Module<Tensor, Tensor> FeatureMaps { get; }
}

/// <summary>
/// One whose classes are a linear layer over the means of the feature maps, so that each class is itself a map (Zhou et al. 2016).
/// </summary>
public interface IGlobalAverageClassifier : IFeatureMaps
{
    /// <summary>From the means of the maps to the classes.</summary>
    Linear Classifier { get; }
}
