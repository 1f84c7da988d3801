using CudaNet.Distributions;

namespace CudaNet.Models;

/// <summary>Data that are drawn from a known process, and the family that fits it.</summary>
/// <param name="Family">What the model says about its targets.</param>
/// <param name="IsLinear">Whether a linear model can meet the process; otherwise there are two hidden layers.</param>
/// <param name="Truth">The distribution of the targets at inputs x, (N).</param>
internal sealed record RegressionProblem(RegressionFamily Family, bool IsLinear, Func<Tensor, Distribution> Truth)
{
    public const double Low = -3;
    public const double High = 3;

    private const double Concentration = 4;
    private const int Classes = 3;

    public static IReadOnlyList<RegressionProblem> All { get; } =
    [
        new(RegressionFamily.Linear, true, x => new Normal(1 + 0.5 * x, One(x))),
        new(RegressionFamily.Laplace, true, x => new Laplace(1 + 0.5 * x, One(x))),
        new(RegressionFamily.Logistic, true, x => new Bernoulli(2 * x - 1)),
        new(
            RegressionFamily.Softmax(Classes),
            true,
            x => new Categorical(Tensor.Stack([-2 * x, Tensor.Ones(x.Shape, x.DType, x.Device), 2 * x], 1))
        ),
        new(RegressionFamily.Poisson, true, x => new Poisson((0.5 + 0.6 * x).Exp())),
        new(RegressionFamily.VonMises(Concentration), true, x => new VonMises(0.5 + 1.2 * x, One(x) * Concentration)),
        new(RegressionFamily.Heteroscedastic, false, x => new Normal((2 * x).Sin(), (-1.5 + 0.4 * x).Exp())),
        new(
            RegressionFamily.MixtureDensity(2),
            false,
            x =>
            {
                var branch = 1 + 0.3 * x;
                var means = Tensor.Stack([branch, -branch], 1);
                return new MixtureSameFamily(
                    new Categorical(Tensor.Zeros(means.Shape, x.DType, x.Device)),
                    new Normal(means, One(x) * 0.2)
                );
            }
        ),
    ];

    /// <summary>Whether targets are class numbers.</summary>
    public bool IsClassification => Family.Name is "logistic" or "softmax";

    /// <summary>Inputs (N, 1), uniform on the interval, and targets (N) drawn for them.</summary>
    public (Tensor Inputs, Tensor Targets) Draw(int count, Generator generator)
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.Rand([count], Low, High, generator: generator);
        var y = Truth(x).Sample(generator: generator);
        return (frame.Return(x.Unsqueeze(1)), frame.Return(y));
    }

    private static Tensor One(Tensor like) => Tensor.Ones([1], like.DType, like.Device);
}
