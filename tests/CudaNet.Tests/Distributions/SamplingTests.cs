using CudaNet.Distributions;

namespace CudaNet.Tests.Distributions;

/// <summary>Samples: their moments, closed-form divergences and entropies as means over them, and gradients through them.</summary>
[TestFixture]
public sealed class DistributionSamplingTests
{
    private const int Count = 100_000;

    private static Tensor Of(params double[] values) => Tensor.From(values);

    private static Tensor Matrix(params double[] values) => Tensor.From(values, [2, values.Length / 2]);

    private static readonly Dictionary<string, Func<Distribution>> Distributions = new()
    {
        ["normal"] = () => new Normal(Of(0.3, -2), Of(0.5, 2)),
        ["multivariate_normal"] = () =>
            MultivariateNormal.FromCovariance(Of(1, -1), Tensor.From<double>([2, 0.6, 0.6, 0.5], [2, 2])),
        ["independent"] = () => new Independent(new Laplace(Of(1, -1), Of(0.5, 2)), 1),
        ["bernoulli"] = () => new Bernoulli(Of(0.3, -2)),
        ["laplace"] = () => new Laplace(Of(0.3, -2), Of(0.5, 2)),
        ["poisson"] = () => new Poisson(Of(0.7, 8, 29.5, 31, 400)),
        ["gumbel"] = () => new Gumbel(Of(0.3, -2), Of(0.5, 2)),
        ["logistic"] = () => new Logistic(Of(0.3, -2), Of(0.5, 2)),
        ["mixture"] = () =>
            new MixtureSameFamily(
                new Categorical(Matrix(0, 1, -1, 0.5, 0, 0.2)),
                new Normal(Matrix(-2, 0, 3, 1, 2, 3), Matrix(0.5, 1, 0.3, 1, 1, 2))
            ),
        ["mixture_of_vectors"] = () =>
            new MixtureSameFamily(
                new Categorical(Of(0, 1)),
                new Independent(new Normal(Matrix(-2, 0, 3, 1), Matrix(0.5, 1, 0.3, 1)), 1)
            ),
    };

    private static IEnumerable<string> Names => Distributions.Keys;

    private static (double[] Mean, double[] Error) MeanOf(Tensor samples)
    {
        var mean = samples.Mean(0).ToDoubles();
        var error = samples.Std(0).ToDoubles().Select(s => 5 * s / Math.Sqrt(samples.Shape[0]) + 1e-12).ToArray();
        return (mean, error);
    }

    private static void Near(Tensor samples, Tensor expected, string what)
    {
        var (mean, error) = MeanOf(samples);
        var want = expected.ToDoubles();
        for (var i = 0; i < want.Length; i++)
            Assert.That(mean[i], Is.EqualTo(want[i]).Within(error[i]), $"{what}, element {i}");
    }

    [TestCaseSource(nameof(Names))]
    public void MomentsOfSamplesAreTheDistributions(string name)
    {
        using var frame = Lifetime.Frame();
        var distribution = Distributions[name]();
        var samples = distribution.Sample([Count], new Generator(11));
        using var all = Assert.EnterMultipleScope();
        Assert.That(
            samples.Shape,
            Is.EqualTo(new Shape([Count, .. distribution.BatchShape.Dims, .. distribution.EventShape.Dims]))
        );
        Near(samples, distribution.Mean, "mean");
        Near((samples - distribution.Mean).Square(), distribution.Variance, "variance");
        Assert.That(
            distribution.Sample([7], new Generator(11)).ToDoubles(),
            Is.EqualTo(distribution.Sample([7], new Generator(11)).ToDoubles()),
            "one seed, one sample"
        );
        if (distribution is not (Poisson or MixtureSameFamily))
            Near(-distribution.LogProb(samples), distribution.Entropy(), "entropy");
    }

    /// <summary>KL(p‖q) is the mean of log p − log q over samples of p.</summary>
    private static readonly Dictionary<string, Func<(Distribution P, Distribution Q)>> Pairs = new()
    {
        ["normal"] = () => (new Normal(Of(0.3), Of(0.5)), new Normal(Of(-0.2), Of(0.8))),
        ["multivariate_normal"] = () =>
            (
                MultivariateNormal.FromCovariance(Of(1, -1), Tensor.From<double>([2, 0.6, 0.6, 0.5], [2, 2])),
                MultivariateNormal.FromCovariance(Of(0, -1), Tensor.From<double>([1, -0.2, -0.2, 0.8], [2, 2]))
            ),
        ["bernoulli"] = () => (new Bernoulli(Of(0.3, -2)), Bernoulli.FromProbabilities(Of(0.4, 0.5))),
        ["categorical"] = () => (new Categorical(Of(0.3, -2, 1)), Categorical.FromProbabilities(Of(0.2, 0.5, 0.3))),
        ["laplace"] = () => (new Laplace(Of(0.3), Of(0.5)), new Laplace(Of(-0.2), Of(0.8))),
        ["poisson"] = () => (new Poisson(Of(3)), new Poisson(Of(4.5))),
        ["gumbel"] = () => (new Gumbel(Of(0.3), Of(0.5)), new Gumbel(Of(-0.2), Of(0.8))),
        ["von_mises"] = () => (new VonMises(Of(0.3, 1), Of(2, 9)), new VonMises(Of(-0.2, 2), Of(0.8, 4))),
        ["normal_laplace"] = () => (new Normal(Of(0.3), Of(0.5)), new Laplace(Of(-0.2), Of(0.8))),
        ["laplace_normal"] = () => (new Laplace(Of(0.3), Of(0.5)), new Normal(Of(-0.2), Of(0.8))),
        ["normal_gumbel"] = () => (new Normal(Of(0.3), Of(0.5)), new Gumbel(Of(-0.2), Of(0.8))),
        ["gumbel_normal"] = () => (new Gumbel(Of(0.3), Of(0.5)), new Normal(Of(-0.2), Of(0.8))),
    };

    private static IEnumerable<string> PairNames => Pairs.Keys;

    [TestCaseSource(nameof(PairNames))]
    public void DivergencesAreMeansOverSamples(string name)
    {
        using var frame = Lifetime.Frame();
        var (p, q) = Pairs[name]();
        var samples = p.Sample([Count], new Generator(5));
        Near(p.LogProb(samples) - q.LogProb(samples), KlDivergence.Between(p, q), "KL");
        var same = KlDivergence.Between(p, p).ToDoubles();
        Assert.That(same, Is.All.Zero.Within(1e-12));
    }

    [Test]
    public void ClassesComeAsOftenAsTheirProbabilities()
    {
        var distribution = new Categorical(Matrix(0.3, -2, 1, 0, 0, -4));
        var samples = distribution.Sample([Count], new Generator(2));
        var often = samples.OneHot(3).Cast(DType.Float64).Mean(0).ToDoubles();
        var expected = distribution.Probabilities.ToDoubles();
        for (var i = 0; i < 6; i++)
            Assert.That(often[i], Is.EqualTo(expected[i]).Within(5 * Math.Sqrt(expected[i] / Count)));
        Near(-distribution.LogProb(samples), distribution.Entropy(), "entropy");
    }

    /// <summary>Each count comes as often as its probability: by inversion for small rates, by rejection for large ones.</summary>
    [TestCase(4.2)]
    [TestCase(33)]
    public void PoissonCountsHaveTheirProbabilities(double rate)
    {
        using var frame = Lifetime.Frame();
        var distribution = new Poisson(Of(rate));
        var counts = distribution.Sample([Count], new Generator(8)).ToDoubles().CountBy(v => (int)v).ToDictionary();
        for (var k = 0; k < 2 * rate; k++)
        {
            var expected = Math.Exp(distribution.LogProb(Of(k)).Item()) * Count;
            Assert.That(counts.GetValueOrDefault(k), Is.EqualTo(expected).Within(5 * Math.Sqrt(expected) + 1), $"{k}");
        }
    }

    [TestCase(1e-9)]
    [TestCase(0.5)]
    [TestCase(40)]
    public void AnglesOfVonMisesLieAroundTheirMean(double concentration)
    {
        using var frame = Lifetime.Frame();
        var distribution = new VonMises(Of(3), Of(concentration));
        var angles = distribution.Sample([Count], new Generator(8));
        Assert.That(angles.ToDoubles(), Is.All.InRange(-Math.PI, Math.PI));
        Near((angles - 3).Cos(), 1 - distribution.Variance, "cosine");
        Near((angles - 3).Sin(), Tensor.Zeros([1], DType.Float64), "sine");
        Near(-distribution.LogProb(angles), distribution.Entropy(), "entropy");
    }

    /// <summary>d/dθ E[x²] through samples, against the closed form of E[x²] = variance + mean².</summary>
    [TestCase("normal")]
    [TestCase("laplace")]
    [TestCase("gumbel")]
    [TestCase("logistic")]
    public void GradientsPassThroughSamples(string kind)
    {
        using var frame = Lifetime.Frame();
        var (loc, scale) = (Of(0.7), Of(1.2));
        loc.RequiresGrad = scale.RequiresGrad = true;
        Distribution distribution = kind switch
        {
            "normal" => new Normal(loc, scale),
            "laplace" => new Laplace(loc, scale),
            "gumbel" => new Gumbel(loc, scale),
            _ => new Logistic(loc, scale),
        };
        var estimate = distribution.RSample([Count], new Generator(6)).Square().Mean();
        var closed = (distribution.Variance + distribution.Mean.Square()).Sum();
        var got = Autograd.Grad([estimate], [loc, scale]);
        var want = Autograd.Grad([closed], [loc, scale]);
        for (var i = 0; i < 2; i++)
            Assert.That(got[i].Item(), Is.EqualTo(want[i].Item()).Within(4).Percent);
        Assert.That(distribution.Sample([2]).RequiresGrad, Is.False);
    }

    [TestCase("simt", Category = "Simt")]
    public void HostDrawsAreTheSameOnEveryDevice(string name)
    {
        var device = TestDevices.Open(name);
        var here = new Poisson(Tensor.From<float>([3, 50])).Sample([20], new Generator(4));
        var there = new Poisson(Tensor.From<float>([3, 50], device: device)).Sample([20], new Generator(4));
        Assert.That(there.Device, Is.SameAs(device));
        Assert.That(there.ToDoubles(), Is.EqualTo(here.ToDoubles()));
    }
}
