namespace CudaNet.Nn;

/// <summary>max(x, 0).</summary>
public sealed class Relu : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Relu();
}

/// <summary>tanh x.</summary>
public sealed class Tanh : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Tanh();
}

/// <summary>1 / (1 + exp(−x)).</summary>
public sealed class Sigmoid : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Sigmoid();
}

/// <summary>min(max(x, 0), 6) (Howard et al. 2017).</summary>
public sealed class Relu6 : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Relu6();
}

/// <summary>x between the bounds, and the bound outside.</summary>
public sealed class Hardtanh(double minVal = -1, double maxVal = 1) : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Hardtanh(minVal, maxVal);
}

/// <summary>x where it is positive, else negativeSlope · x (Maas, Hannun, Ng 2013).</summary>
public sealed class LeakyRelu(double negativeSlope = 0.01) : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.LeakyRelu(negativeSlope);
}

/// <summary>During training, negative elements are multiplied by slopes drawn uniformly from [lower, upper); in evaluation by their mean (Xu et al. 2015).</summary>
public sealed class RRelu(double lower = 1.0 / 8, double upper = 1.0 / 3, Generator? generator = null)
    : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.RRelu(lower, upper, IsTraining, generator);
}

/// <summary>x where it is positive, else alpha · (eˣ − 1) (Clevert, Unterthiner, Hochreiter 2016).</summary>
public sealed class Elu(double alpha = 1) : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Elu(alpha);
}

/// <summary>The scaled ELU that keeps mean 0 and variance 1 through layers (Klambauer et al. 2017).</summary>
public sealed class Selu : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Selu();
}

/// <summary>x · σ(x) (Elfwing, Uchibe, Doya 2018).</summary>
public sealed class Silu : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Silu();
}

/// <summary>x · tanh(ln(1 + eˣ)) (Misra 2019).</summary>
public sealed class Mish : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Mish();
}

/// <summary>ln(1 + exp(beta · x)) / beta; x itself where beta · x is above the threshold.</summary>
public sealed class Softplus(double beta = 1, double threshold = 20) : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Softplus(beta, threshold);
}

/// <summary>x · Φ(x), with Φ the distribution function of the standard normal distribution (Hendrycks, Gimpel 2016).</summary>
public sealed class Gelu(GeluApproximation approximate = GeluApproximation.None) : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Gelu(approximate);
}

/// <summary>exp(x) / Σ exp(x) along an axis.</summary>
public sealed class Softmax(int dim = -1) : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Softmax(dim);
}

/// <summary>log softmax along an axis.</summary>
public sealed class LogSoftmax(int dim = -1) : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.LogSoftmax(dim);
}

/// <summary>The step function: 0 below 0, 1 from 0 on. Its gradient is 0: a network cannot be trained through it.</summary>
public sealed class Heaviside : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Heaviside();
}

/// <summary>1 from 0 to 1, elsewhere 0. Its gradient is 0: a network cannot be trained through it.</summary>
public sealed class Rect : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Rect();
}
