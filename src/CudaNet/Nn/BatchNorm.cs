namespace CudaNet.Nn;

/// <summary>
/// Batch normalisation over all axes but the second (Ioffe, Szegedy 2015). In training the statistics are those of the batch, and running
/// ones move towards them, the variance towards the unbiased one; in evaluation the running ones are used.
/// </summary>
public abstract class BatchNorm : ChannelNorm
{
    private protected BatchNorm(
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
            return input.BatchNorm(RunningMean, RunningVar, Weight, Bias, Eps);
        var outputs = BatchNormOp.Instance.ApplyAll([input, Weight, Bias, null, null], Attributes.Of(Eps));
        if (track)
            Track(outputs[1]!, outputs[2]!, input.NumElements / input.Shape[1]);
        return outputs[0]!;
    }
}

/// <summary>Batch normalisation of (N, C) or (N, C, L).</summary>
public sealed class BatchNorm1d : BatchNorm
{
    /// <summary>Weight and running variance start at 1, bias and running mean at 0.</summary>
    public BatchNorm1d(
        long features,
        double eps = 1e-5,
        double momentum = 0.1,
        bool affine = true,
        bool trackRunningStats = true,
        DType dtype = DType.Float32,
        Device? device = null
    )
        : base(features, eps, momentum, affine, trackRunningStats, dtype, device) { }

    private protected override void RequireInput(Shape input)
    {
        if (input.Rank is not (2 or 3))
            throw WrongInput(input, "(N, C) or (N, C, L)");
    }
}

/// <summary>Batch normalisation of images (N, C, H, W).</summary>
public sealed class BatchNorm2d : BatchNorm
{
    /// <inheritdoc cref="BatchNorm1d(long, double, double, bool, bool, DType, Device?)"/>
    public BatchNorm2d(
        long features,
        double eps = 1e-5,
        double momentum = 0.1,
        bool affine = true,
        bool trackRunningStats = true,
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
