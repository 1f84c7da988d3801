namespace CudaNet.Nn;

/// <summary>
/// What batch and instance normalisation share: a weight and a bias per channel, and running statistics, which move towards those of each
/// batch in training, the variance towards the unbiased one, and take their place in evaluation.
/// </summary>
public abstract class ChannelNorm : Module<Tensor, Tensor>
{
    private readonly long _features;

    private protected ChannelNorm(
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
        // Computing a checkpointed segment again sees the same batch again, which must not count twice.
        return Normalise(input, IsTraining && RunningMean is not null && !EngineState.Current.Replaying);
    }

    /// <summary>Normalises an input that has the right axes; with <paramref name="track"/>, its statistics go to <see cref="Track"/>.</summary>
    private protected abstract Tensor Normalise(Tensor input, bool track);

    /// <summary>Moves the running statistics towards those of a batch, each of <paramref name="count"/> values.</summary>
    private protected void Track(Tensor mean, Tensor var, long count)
    {
        using var noGrad = Autograd.NoGrad();
        BatchNormUpdateOp.Instance.ApplyAll(
            [RunningMean, RunningVar, BatchesTracked, mean, var],
            Attributes.Of(Momentum, count)
        );
    }
}
