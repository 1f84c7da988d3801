namespace CudaNet.Nn;

/// <summary>Which number of connections a variance-keeping initialiser divides by.</summary>
public enum FanMode
{
    /// <summary>Those into a unit: keeps the variance of activations.</summary>
    FanIn,

    /// <summary>Those out of a unit: keeps the variance of gradients.</summary>
    FanOut,
}

/// <summary>The function behind a layer, for the factor that makes up for what it does to variances.</summary>
public enum Nonlinearity
{
    /// <summary>None: 1.</summary>
    Linear,

    /// <summary>The sigmoid: 1.</summary>
    Sigmoid,

    /// <summary>tanh: 5/3.</summary>
    Tanh,

    /// <summary>ReLU: √2.</summary>
    Relu,

    /// <summary>Leaky ReLU with a slope: √(2 / (1 + slope²)).</summary>
    LeakyRelu,

    /// <summary>SELU: ¾.</summary>
    Selu,
}

/// <summary>
/// Fills parameters with starting values, in place, as torch.nn.init does. Weights are (out, in, …), the further axes being a kernel's. All give back the
/// tensor that they were given.
/// </summary>
public static class Init
{
    /// <summary>The factor for a nonlinearity.</summary>
    /// <param name="nonlinearity">The function behind the layer.</param>
    /// <param name="slope">Leaky ReLU's slope.</param>
    public static double Gain(Nonlinearity nonlinearity, double slope = 0.01) =>
        nonlinearity switch
        {
            Nonlinearity.Tanh => 5.0 / 3,
            Nonlinearity.Relu => Math.Sqrt(2),
            Nonlinearity.LeakyRelu => Math.Sqrt(2 / (1 + slope * slope)),
            Nonlinearity.Selu => 0.75,
            _ => 1,
        };

    /// <summary>How many connections go into and out of each unit of a weight.</summary>
    /// <exception cref="ShapeException">The weight has fewer than two axes.</exception>
    public static (long In, long Out) Fans(Tensor weight)
    {
        RequireAxes(weight, 2, "Fans");
        var kernel = Enumerable.Range(2, weight.Rank - 2).Aggregate(1L, (n, axis) => n * weight.Shape[axis]);
        return (weight.Shape[1] * kernel, weight.Shape[0] * kernel);
    }

    /// <summary>One value everywhere. Weights of a layer that start alike stay alike: its units learn the same.</summary>
    public static Tensor Constant(Tensor tensor, double value) =>
        Put(tensor, Tensor.Full(tensor.Shape, value, tensor.DType, tensor.Device));

    /// <summary>0 everywhere.</summary>
    public static Tensor Zeros(Tensor tensor) => Constant(tensor, 0);

    /// <summary>1 everywhere.</summary>
    public static Tensor Ones(Tensor tensor) => Constant(tensor, 1);

    /// <summary>±scale with equal probability.</summary>
    public static Tensor Rademacher(Tensor tensor, double scale = 1, Generator? generator = null) =>
        Put(
            tensor,
            Tensor.Bernoulli(tensor.Shape, 0.5, tensor.DType, tensor.Device, generator).Affine(2 * scale, -scale)
        );

    /// <summary>Normal values.</summary>
    public static Tensor Normal(Tensor tensor, double mean = 0, double std = 1, Generator? generator = null) =>
        Put(tensor, Tensor.RandN(tensor.Shape, mean, std, tensor.DType, tensor.Device, generator));

    /// <summary>Uniform values.</summary>
    public static Tensor Uniform(Tensor tensor, double low = 0, double high = 1, Generator? generator = null) =>
        Put(tensor, Tensor.Rand(tensor.Shape, low, high, tensor.DType, tensor.Device, generator));

    /// <summary>Uniform on ±1/√fanIn, of variance 1/(3·fanIn): what PyTorch's layers start with.</summary>
    /// <exception cref="ShapeException">The weight has fewer than two axes.</exception>
    public static Tensor FanInUniform(Tensor weight, Generator? generator = null)
    {
        var bound = 1 / Math.Sqrt(Math.Max(Fans(weight).In, 1));
        return Uniform(weight, -bound, bound, generator);
    }

    /// <summary>Uniform with variance 2·gain²/(fanIn + fanOut) (Glorot and Bengio 2010).</summary>
    /// <exception cref="ShapeException">The weight has fewer than two axes.</exception>
    public static Tensor GlorotUniform(Tensor weight, double gain = 1, Generator? generator = null)
    {
        var bound = Math.Sqrt(3) * GlorotDeviation(weight, gain);
        return Uniform(weight, -bound, bound, generator);
    }

    /// <summary>Normal with variance 2·gain²/(fanIn + fanOut) (Glorot and Bengio 2010).</summary>
    /// <exception cref="ShapeException">The weight has fewer than two axes.</exception>
    public static Tensor GlorotNormal(Tensor weight, double gain = 1, Generator? generator = null) =>
        Normal(weight, 0, GlorotDeviation(weight, gain), generator);

    /// <summary>Uniform with variance gain²/fan (He et al. 2015).</summary>
    /// <exception cref="ShapeException">The weight has fewer than two axes.</exception>
    public static Tensor HeUniform(
        Tensor weight,
        double slope = 0,
        FanMode mode = FanMode.FanIn,
        Nonlinearity nonlinearity = Nonlinearity.LeakyRelu,
        Generator? generator = null
    )
    {
        var bound = Math.Sqrt(3) * HeDeviation(weight, slope, mode, nonlinearity);
        return Uniform(weight, -bound, bound, generator);
    }

    /// <summary>Normal with variance gain²/fan (He et al. 2015).</summary>
    /// <exception cref="ShapeException">The weight has fewer than two axes.</exception>
    public static Tensor HeNormal(
        Tensor weight,
        double slope = 0,
        FanMode mode = FanMode.FanIn,
        Nonlinearity nonlinearity = Nonlinearity.LeakyRelu,
        Generator? generator = null
    ) => Normal(weight, 0, HeDeviation(weight, slope, mode, nonlinearity), generator);

    /// <summary>
    /// gain times a random matrix with orthonormal rows, or columns where there are fewer, all equally likely (Saxe et al. 2014); axes from the second on count as
    /// one.
    /// </summary>
    /// <exception cref="ShapeException">The weight has fewer than two axes.</exception>
    public static Tensor Orthogonal(Tensor weight, double gain = 1, Generator? generator = null)
    {
        RequireAxes(weight, 2, "Orthogonal");
        if (weight.NumElements == 0)
            return weight;
        using var noGrad = Autograd.NoGrad();
        using var frame = Lifetime.Frame();
        var (rows, columns) = (weight.Shape[0], weight.NumElements / weight.Shape[0]);
        var isWide = rows < columns;
        var (q, r) = Tensor
            .RandN([Math.Max(rows, columns), Math.Min(rows, columns)], 0, 1, DType.Float64, weight.Device, generator)
            .Qr();
        // The signs of R's diagonal are the decomposition's choice; without them q is uniformly distributed (Mezzadri 2007).
        var diagonal = (r * Tensor.Eye(r.Shape[0], dtype: r.DType, device: r.Device)).Sum(-1);
        q *= diagonal.Sign();
        return Put(weight, ((isWide ? q.Transpose(0, 1) : q) * gain).Reshape(weight.Shape).Cast(weight.DType));
    }

    /// <summary>Normal values, of which a part of each column, rounded up, is 0 at random places (Martens 2010).</summary>
    /// <exception cref="ShapeException">The weight is no matrix.</exception>
    /// <exception cref="AttributeException">The part is not from 0 to 1.</exception>
    public static Tensor Sparse(Tensor weight, double sparsity, double std = 0.01, Generator? generator = null)
    {
        if (weight.Rank != 2)
            throw new ShapeException($"Init.Sparse: expected a matrix, got {weight.Shape}");
        if (!(sparsity is >= 0 and <= 1))
            throw new AttributeException($"Init.Sparse: expected a part from 0 to 1, got {sparsity}");
        using var noGrad = Autograd.NoGrad();
        using var frame = Lifetime.Frame();
        var zeros = (long)Math.Ceiling(sparsity * weight.Shape[0]);
        // The ranks of random numbers are a random order of each column.
        var order = Tensor.Rand(weight.Shape, 0, 1, DType.Float64, weight.Device, generator).Sort(0).Indices;
        var values = Tensor.RandN(weight.Shape, 0, std, weight.DType, weight.Device, generator);
        var chosen = order.Narrow(0, 0, zeros);
        return Put(weight, values.Scatter(0, chosen, Tensor.Zeros(chosen.Shape, weight.DType, weight.Device)));
    }

    /// <summary>Ones on the diagonal of a matrix and zeros elsewhere.</summary>
    /// <exception cref="ShapeException">The weight is no matrix.</exception>
    public static Tensor Identity(Tensor weight) =>
        weight.Rank == 2
            ? Put(weight, Tensor.Eye(weight.Shape[0], weight.Shape[1], weight.DType, weight.Device))
            : throw new ShapeException($"Init.Identity: expected a matrix, got {weight.Shape}");

    /// <summary>
    /// Convolution kernels that hand channel i through to channel i of their group: a one in the middle of each. Channels beyond the inputs are zeros.
    /// </summary>
    /// <exception cref="ShapeException">The weight has no three to five axes, or the groups do not divide its output channels.</exception>
    public static Tensor Dirac(Tensor weight, long groups = 1)
    {
        if (weight.Rank is < 3 or > 5 || groups < 1 || weight.Shape[0] % groups != 0)
            throw new ShapeException(
                $"Init.Dirac: expected a convolution's weight whose output channels {groups} groups divide, got {weight.Shape}"
            );
        var values = new double[weight.NumElements];
        var perGroup = weight.Shape[0] / groups;
        var strides = weight.Shape.ContiguousStrides;
        long middle = 0;
        for (var axis = 2; axis < weight.Rank; axis++)
            middle += weight.Shape[axis] / 2 * strides[axis];
        for (long g = 0; g < groups; g++)
        for (long c = 0; c < Math.Min(perGroup, weight.Shape[1]); c++)
            values[(g * perGroup + c) * strides[0] + c * strides[1] + middle] = 1;
        return Put(weight, Tensor.From(values, weight.Shape, weight.Device).Cast(weight.DType));
    }

    private static double GlorotDeviation(Tensor weight, double gain)
    {
        var (fanIn, fanOut) = Fans(weight);
        return gain * Math.Sqrt(2.0 / Math.Max(fanIn + fanOut, 1));
    }

    private static double HeDeviation(Tensor weight, double slope, FanMode mode, Nonlinearity nonlinearity)
    {
        var (fanIn, fanOut) = Fans(weight);
        var fan = mode == FanMode.FanIn ? fanIn : fanOut;
        return Gain(nonlinearity, slope) / Math.Sqrt(Math.Max(fan, 1));
    }

    private static Tensor Put(Tensor tensor, Tensor values)
    {
        tensor.Assign(values.Contiguous());
        return tensor;
    }

    private static void RequireAxes(Tensor weight, int axes, string what)
    {
        if (weight.Rank < axes)
            throw new ShapeException($"Init.{what}: expected a weight with at least {axes} axes, got {weight.Shape}");
    }
}
