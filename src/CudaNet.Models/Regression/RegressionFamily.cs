using CudaNet.Distributions;

namespace CudaNet.Models;

/// <summary>
/// What a model says about its target: a distribution whose parameters are functions of the model's outputs. The loss is the negative
/// log-likelihood (UDL, chapter 5); with a linear model and one output it is a generalised linear model, whose inverse link the distribution's mean is.
/// </summary>
public sealed class RegressionFamily
{
    private readonly Func<Tensor, Distribution> _distribution;
    private readonly Func<Distribution, Tensor> _predict;

    private RegressionFamily(
        string name,
        int outputs,
        Func<Tensor, Distribution> distribution,
        Func<Distribution, Tensor>? predict = null
    ) => (Name, Outputs, _distribution, _predict) = (name, outputs, distribution, predict ?? (d => d.Mean));

    /// <summary>What the family is called on the command line.</summary>
    public string Name { get; }

    /// <summary>How many outputs per sample the model must have.</summary>
    public int Outputs { get; }

    /// <summary>Normal with standard deviation 1: squared errors, and the conditional mean.</summary>
    public static RegressionFamily Linear { get; } = new("linear", 1, o => new Normal(Column(o, 0), One(o)));

    /// <summary>Laplace with scale 1: absolute errors, and the conditional median (D2L, exercise 3.1.6.5).</summary>
    public static RegressionFamily Laplace { get; } = new("laplace", 1, o => new Laplace(Column(o, 0), One(o)));

    /// <summary>Bernoulli: targets 0 and 1, the output is the logarithm of the odds.</summary>
    public static RegressionFamily Logistic { get; } = new("logistic", 1, o => new Bernoulli(Column(o, 0)));

    /// <summary>Poisson with rate exp(output): counts (D2L, exercise 3.1.6.8; the printed squared difference of logarithms is not its likelihood).</summary>
    public static RegressionFamily Poisson { get; } = new("poisson", 1, o => new Poisson(Column(o, 0).Exp()));

    /// <summary>Normal with a mean and a log standard deviation as outputs: noise that depends on the input (UDL, problem 5.8).</summary>
    public static RegressionFamily Heteroscedastic { get; } =
        new("heteroscedastic", 2, o => new Normal(Column(o, 0), Column(o, 1).Exp()));

    /// <summary>Categorical over <paramref name="classes"/>: targets are class numbers, i64, the outputs logits.</summary>
    public static RegressionFamily Softmax(int classes) =>
        new("softmax", AtLeast(classes, 2), o => new Categorical(o), d => ((Categorical)d).Logits.ArgMax(-1));

    /// <summary>von Mises with this concentration κ: angles in radians; the prediction is wrapped to [−π, π) (UDL, problem 5.3).</summary>
    public static RegressionFamily VonMises(double concentration) =>
        concentration > 0
            ? new(
                "von-mises",
                1,
                o => new VonMises(Column(o, 0), One(o) * concentration),
                d => (d.Mean + Math.PI).Remainder(2 * Math.PI) - Math.PI
            )
            : throw new ArgumentOutOfRangeException(nameof(concentration), concentration, "κ must be positive");

    /// <summary>
    /// A mixture of normal distributions (Bishop 1994): K logits, K means and K log standard deviations as outputs. It can say that a target is in one of
    /// several places; its mean is then in none of them.
    /// </summary>
    public static RegressionFamily MixtureDensity(int components) =>
        new(
            "mixture-density",
            3 * AtLeast(components, 1),
            o =>
            {
                var part = o.Split(components, o.Rank - 1);
                return new MixtureSameFamily(new Categorical(part[0]), new Normal(part[1], part[2].Exp()));
            }
        );

    /// <summary>The distribution of the targets, of batch (N).</summary>
    /// <param name="outputs">The model's, (N, <see cref="Outputs"/>).</param>
    /// <exception cref="ShapeException">The last axis is not <see cref="Outputs"/>.</exception>
    public Distribution Distribution(Tensor outputs) =>
        outputs.Rank >= 1 && outputs.Shape[-1] == Outputs
            ? _distribution(outputs)
            : throw new ShapeException(
                $"{Name} regression: expected (…, {Outputs}) outputs of the model, got {outputs.Shape}"
            );

    /// <summary>The negative log-likelihood of targets (N), in nats.</summary>
    public Tensor Loss(Tensor outputs, Tensor target, Reduction reduction = Reduction.Mean)
    {
        var each = -Distribution(outputs).LogProb(target);
        return reduction switch
        {
            Reduction.None => each,
            Reduction.Sum => each.Sum(),
            _ => each.Mean(),
        };
    }

    /// <summary>One number per sample, (N): the mean, of classes the most probable one, of angles the mean direction.</summary>
    public Tensor Predict(Tensor outputs) => _predict(Distribution(outputs));

    private static Tensor Column(Tensor outputs, int column) => outputs.Select(outputs.Rank - 1, column);

    private static Tensor One(Tensor like) => Tensor.Ones([1], like.DType, like.Device);

    private static int AtLeast(int count, int minimum)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, minimum);
        return count;
    }
}
