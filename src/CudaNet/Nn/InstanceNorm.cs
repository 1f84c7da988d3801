namespace CudaNet.Nn;

/// <summary>
/// Instance normalisation: each channel of each image by its own statistics (Ulyanov, Vedaldi, Lempitsky 2016). As in PyTorch there is
/// neither weight nor bias unless asked for, and running statistics, the means over the images, only where they are tracked.
/// </summary>
public abstract class InstanceNorm : ChannelNorm
{
    private protected InstanceNorm(
        long features,
        double eps,
        double momentum,
        bool affine,
        bool trackRunningStats,
        DType dtype,
        Device? device
    )
        : base(features, eps, momentum, affine, trackRunningStats, dtype, device) { }

    private protected override Tensor Normalise(Tensor input, bool track)
    {
        if (!IsTraining && RunningMean is not null)
            return input.InstanceNorm(RunningMean, RunningVar, Weight, Bias, Eps);
        if (!track)
            return input.InstanceNorm(weight: Weight, bias: Bias, eps: Eps);
        // Batch normalisation of a single image that has the channels of all images gives the statistics of each.
        var (images, channels) = (input.Shape[0], input.Shape[1]);
        var planes = input.Reshape(1, images * channels, input.NumElements / Math.Max(1, images * channels));
        var outputs = BatchNormOp.Instance.ApplyAll(
            [planes, Repeat(Weight), Repeat(Bias), null, null],
            Attributes.Of(Eps)
        );
        Track(Mean(outputs[1]!), Mean(outputs[2]!), planes.Shape[2]);
        return outputs[0]!.Reshape(input.Shape);

        Tensor? Repeat(Tensor? parameter) => parameter?.Expand(images, channels).Reshape(images * channels);
        Tensor Mean(Tensor statistics) => statistics.Detach().Reshape(images, channels).Mean(0);
    }
}

/// <summary>Instance normalisation of (N, C, L).</summary>
public sealed class InstanceNorm1d : InstanceNorm
{
    /// <summary>Weight and running variance start at 1, bias and running mean at 0.</summary>
    public InstanceNorm1d(
        long features,
        double eps = 1e-5,
        double momentum = 0.1,
        bool affine = false,
        bool trackRunningStats = false,
        DType dtype = DType.Float32,
        Device? device = null
    )
        : base(features, eps, momentum, affine, trackRunningStats, dtype, device) { }

    private protected override void RequireInput(Shape input)
    {
        if (input.Rank != 3)
            throw WrongInput(input, "(N, C, L)");
    }
}

/// <summary>Instance normalisation of images (N, C, H, W).</summary>
public sealed class InstanceNorm2d : InstanceNorm
{
    /// <inheritdoc cref="InstanceNorm1d(long, double, double, bool, bool, DType, Device?)"/>
    public InstanceNorm2d(
        long features,
        double eps = 1e-5,
        double momentum = 0.1,
        bool affine = false,
        bool trackRunningStats = false,
        DType dtype = DType.Float32,
        Device? device = null
    )
        : base(features, eps, momentum, affine, trackRunningStats, dtype, device) { }

    private protected override void RequireInput(Shape input)
    {
        if (input.Rank != 4)
            throw WrongInput(input, "(N, C, H, W)");
    }
}
