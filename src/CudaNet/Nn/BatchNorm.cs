namespace CudaNet.Nn;

/// <summary>
/// Batch normalisation over all axes but the second (Ioffe, Szegedy 2015). In training the statistics are those of the batch, and running
/// ones move towards them, the variance towards the unbiased one; in evaluation the running ones are used.
/// </summary>
public abstract class BatchNorm : Module<Tensor, Tensor>
{
    private readonly long _features;

    private protected BatchNorm(
        long features,
        double eps,
        double momentum,
        bool affine,
        bool trackRunningStats,
        DType dtype,
        Device? device
    )
    {
        (_features, Eps, Momentum) = (features, eps, momentum);
        if (affine)
        {
            Weight = AddParameter("weight", Tensor.Ones([features], dtype, device));
            Bias = AddParameter("bias", Tensor.Zeros([features], dtype, device));
        }
        if (!trackRunningStats)
            return;
        RunningMean = AddBuffer("running_mean", Tensor.Zeros([features], dtype.Accumulator, device));
        RunningVar = AddBuffer("running_var", Tensor.Ones([features], dtype.Accumulator, device));
        BatchesTracked = AddBuffer("num_batches_tracked", Tensor.Zeros([], DType.Int64, device));
    }

    /// <summary>Added to the variance.</summary>
    public double Eps { get; }

    /// <summary>The weight of a batch in the running statistics.</summary>
    public double Momentum { get; }

    /// <summary>Per channel, or null.</summary>
    public Tensor? Weight { get; }

    /// <summary>Per channel, or null.</summary>
    public Tensor? Bias { get; }

    /// <summary>Per channel, in the accumulator dtype, or null when none are tracked.</summary>
    public Tensor? RunningMean { get; }

    /// <summary>Per channel, in the accumulator dtype, or null when none are tracked.</summary>
    public Tensor? RunningVar { get; }

    /// <summary>How many batches the running statistics have seen: one i64, or null when none are tracked.</summary>
    public Tensor? BatchesTracked { get; }

    /// <summary>Throws unless the input has the axes that the layer is for.</summary>
    private protected abstract void RequireInput(Shape input);

    /// <summary>The error for an input with other axes.</summary>
    private protected ShapeException WrongInput(Shape input, string expected) =>
        new($"{GetType().Name}({_features}): expected an input {expected} with {_features} channels; got {input}");

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input)
    {
        RequireInput(input.Shape);
        if (input.Shape[1] != _features)
            throw WrongInput(input.Shape, "(N, C, …)");
        if (!IsTraining && RunningMean is not null)
            return input.BatchNorm(RunningMean, RunningVar, Weight, Bias, Eps);
        var outputs = BatchNormOp.Instance.ApplyAll([input, Weight, Bias, null, null], Attributes.Of(Eps));
        // Computing a checkpointed segment again sees the same batch again, which must not count twice.
        if (RunningMean is not null && IsTraining && !EngineState.Current.Replaying)
            Track(outputs[1]!, outputs[2]!, input.NumElements / _features);
        return outputs[0]!;
    }

    private void Track(Tensor mean, Tensor var, long count)
    {
        using var noGrad = Autograd.NoGrad();
        BatchNormUpdateOp.Instance.ApplyAll(
            [RunningMean, RunningVar, BatchesTracked, mean, var],
            Attributes.Of(Momentum, count)
        );
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
