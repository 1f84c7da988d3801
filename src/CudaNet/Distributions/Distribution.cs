namespace CudaNet.Distributions;

/// <summary>
/// A probability distribution, or a batch of independent ones, as torch.distributions has them: parameters of <see cref="BatchShape"/>, single values of
/// <see cref="EventShape"/>. Parameters are f32 or f64 tensors and are not checked for their range, which would wait for the device; log-probabilities, entropies and
/// reparameterised samples are differentiable in them.
/// </summary>
public abstract class Distribution
{
    private protected const double EulerGamma = 0.57721566490153286;

    /// <summary>A distribution with these parameters.</summary>
    /// <exception cref="ShapeException">The parameters do not broadcast to each other.</exception>
    /// <exception cref="DTypeException">They are not of one dtype, f32 or f64.</exception>
    private protected Distribution(Shape eventShape, params ReadOnlySpan<(Tensor Tensor, int EventAxes)> parameters)
    {
        EventShape = eventShape;
        (DType, Device) = (parameters[0].Tensor.DType, parameters[0].Tensor.Device);
        BatchShape = Shape.Scalar;
        foreach (var (tensor, axes) in parameters)
        {
            if (tensor.DType != DType || tensor.DType is not (DType.Float32 or DType.Float64))
                throw new DTypeException(
                    $"{GetType().Name}: expected parameters of one dtype, f32 or f64, got {DType.Name} and {tensor.DType.Name}"
                );
            if (tensor.Rank < axes)
                throw new ShapeException(
                    $"{GetType().Name}: a parameter of shape {tensor.Shape} has no {axes} axes for one value"
                );
            BatchShape =
                Shape.Broadcast(BatchShape, new Shape(tensor.Shape.Dims[..^axes]))
                ?? throw new ShapeException(
                    $"{GetType().Name}: parameters of batches {BatchShape} and {tensor.Shape} do not broadcast"
                );
        }
    }

    /// <summary>A distribution made of another one.</summary>
    private protected Distribution(Shape batchShape, Shape eventShape, Distribution of) =>
        (BatchShape, EventShape, DType, Device) = (batchShape, eventShape, of.DType, of.Device);

    /// <summary>The axes of independent distributions.</summary>
    public Shape BatchShape { get; }

    /// <summary>The axes of one value.</summary>
    public Shape EventShape { get; }

    /// <summary>The dtype of parameters and of samples that are not classes.</summary>
    public DType DType { get; }

    /// <summary>The device of the parameters.</summary>
    public Device Device { get; }

    /// <summary>Whether <see cref="RSample"/> is there.</summary>
    public virtual bool HasRSample => false;

    /// <summary>The logarithm of the density, or of the probability, at values of shape (…, batch, event): of shape (…, batch).</summary>
    public abstract Tensor LogProb(Tensor value);

    /// <summary>The expected value, (batch, event).</summary>
    public abstract Tensor Mean { get; }

    /// <summary>The variance of each element, (batch, event); for angles the circular variance.</summary>
    public abstract Tensor Variance { get; }

    /// <summary>The expectation of −<see cref="LogProb"/>, in nats, (batch).</summary>
    /// <exception cref="NotSupportedException">It has no closed form.</exception>
    public virtual Tensor Entropy() =>
        throw new NotSupportedException(
            $"{GetType().Name}: the entropy has no closed form; estimate it as -LogProb(Sample([n])).Mean(0)"
        );

    /// <summary>Values of shape (sample, batch, event) that gradients do not pass through.</summary>
    public virtual Tensor Sample(Shape? sampleShape = null, Generator? generator = null)
    {
        using var noGrad = Autograd.NoGrad();
        return RSample(sampleShape, generator);
    }

    /// <summary>Values of shape (sample, batch, event) as a differentiable function of the parameters and of noise (Kingma and Welling 2014).</summary>
    /// <exception cref="NotSupportedException">The distribution has no such form.</exception>
    public virtual Tensor RSample(Shape? sampleShape = null, Generator? generator = null) =>
        throw new NotSupportedException(
            $"{GetType().Name}: samples are no differentiable function of the parameters; use Sample and LogProb (the score-function estimator)"
        );

    private protected Shape Extended(Shape? sampleShape) =>
        [.. (sampleShape ?? Shape.Scalar).Dims, .. BatchShape.Dims, .. EventShape.Dims];

    /// <summary>Uniform values between the bounds, without the lower one's neighbourhood of 0.</summary>
    private protected Tensor Uniform(Shape? sampleShape, Generator? generator, double low = 0, double high = 1) =>
        Tensor.Rand(Extended(sampleShape), low, high, DType, Device, generator);

    /// <summary>The smallest positive number by which a uniform value is kept from 0.</summary>
    private protected double Tiny => DType == DType.Float32 ? 1.17549435e-38 : 2.2250738585072014e-308;

    private protected double Epsilon => DType == DType.Float32 ? 1.1920929e-7 : 2.220446049250313e-16;

    /// <summary>A parameter, or what is computed from parameters, in the full shape of the batch.</summary>
    private protected Tensor Whole(Tensor tensor) => tensor.Expand([.. BatchShape.Dims, .. EventShape.Dims]);

    /// <summary>The sum over the last axes.</summary>
    private protected static Tensor SumLast(Tensor tensor, int axes) =>
        axes == 0 ? tensor : tensor.Sum([.. Enumerable.Range(1, axes).Select(axis => (long)-axis)]);
}
