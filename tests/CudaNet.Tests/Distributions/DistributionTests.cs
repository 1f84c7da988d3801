using System.Text.Json;
using CudaNet.Distributions;

namespace CudaNet.Tests.Distributions;

/// <summary>Distributions against recorded values and gradients of torch.distributions (tests/golden/make_distributions.py).</summary>
[TestFixture]
public sealed class DistributionTests
{
    private static readonly JsonElement Golden = JsonDocument
        .Parse(File.ReadAllText(Path.Combine(RepositoryRoot.Find(), "tests/golden/distributions.json")))
        .RootElement;

    private static Tensor Fill(Func<int, double> formula, Shape shape) =>
        Tensor.From([.. Enumerable.Range(0, (int)shape.NumElements).Select(formula)], shape);

    private static Tensor Leaf(Tensor tensor)
    {
        tensor.RequiresGrad = true;
        return tensor;
    }

    private static Tensor Real(int index, params long[] shape) =>
        Leaf(Fill(i => Math.Sin(0.7 + 1.1 * i + 0.4 * index), shape));

    private static Tensor Positive(int index, params long[] shape) =>
        Leaf((Real(index, shape).Detach() * 0.6 + 1.1).Detach());

    private static Tensor Lower(int index, params long[] shape) =>
        Leaf((Real(index, shape).Detach().Tril() + 1.5 * Tensor.Eye(shape[^1], dtype: DType.Float64)).Detach());

    private static Tensor Classes(params long[] shape) =>
        Tensor.From([.. Enumerable.Range(0, (int)new Shape(shape).NumElements).Select(i => (long)(i % 3))], shape);

    /// <summary>The distribution of some parameters, the parameters, and values of a batch of samples.</summary>
    private static readonly Dictionary<
        string,
        (Func<Tensor[], Distribution> Make, Func<Tensor[]> Parameters, Func<Tensor> Values)
    > Single = new()
    {
        ["normal"] = (p => new Normal(p[0], p[1]), () => [Real(0, 4), Positive(1, 4)], () => Real(9, 3, 4)),
        ["multivariate_normal"] = (
            p => new MultivariateNormal(p[0], p[1]),
            () => [Real(0, 2, 3), Lower(1, 2, 3, 3)],
            () => Real(9, 5, 2, 3)
        ),
        ["independent_normal"] = (
            p => new Independent(new Normal(p[0], p[1]), 1),
            () => [Real(0, 2, 4), Positive(1, 2, 4)],
            () => Real(9, 3, 2, 4)
        ),
        ["bernoulli"] = (p => new Bernoulli(p[0]), () => [Real(0, 4)], () => Fill(i => i % 3 == 0 ? 1 : 0, [3, 4])),
        ["categorical"] = (p => new Categorical(p[0]), () => [Real(0, 4, 3)], () => Classes(5, 4)),
        ["laplace"] = (p => new Laplace(p[0], p[1]), () => [Real(0, 4), Positive(1, 4)], () => Real(9, 3, 4)),
        ["poisson"] = (p => new Poisson(p[0]), () => [Positive(1, 4)], () => Fill(i => i * i % 11, [3, 4])),
        ["gumbel"] = (p => new Gumbel(p[0], p[1]), () => [Real(0, 4), Positive(1, 4)], () => Real(9, 3, 4)),
        ["logistic"] = (p => new Logistic(p[0], p[1]), () => [Real(0, 4), Positive(1, 4)], () => Real(9, 3, 4)),
        ["von_mises"] = (
            p => new VonMises(p[0], p[1]),
            () => [Real(0, 4), Leaf((3 * Positive(1, 4).Detach()).Detach())],
            () => Real(9, 3, 4)
        ),
        ["normal_mixture"] = (
            p => new MixtureSameFamily(new Categorical(p[0]), new Normal(p[1], p[2])),
            () => [Real(0, 2, 3), Real(1, 2, 3), Positive(2, 2, 3)],
            () => Real(9, 4, 2)
        ),
    };

    private static readonly Dictionary<string, (Func<Tensor[], Distribution> Make, int Parameters)> Kinds = new()
    {
        ["normal"] = (p => new Normal(p[0], p[1]), 2),
        ["laplace"] = (p => new Laplace(p[0], p[1]), 2),
        ["gumbel"] = (p => new Gumbel(p[0], p[1]), 2),
        ["poisson"] = (p => new Poisson(p[0]), 1),
    };

    /// <summary>Both distributions of a recorded pair, and all parameters.</summary>
    private static (Distribution P, Distribution Q, Tensor[] Parameters) Pair(string name)
    {
        var parts = name.Split('_');
        var (p, q) = (Kinds[parts[0]], Kinds[parts[1]]);
        var (first, second) = (Parameters(p.Parameters, 0), Parameters(q.Parameters, 5));
        return (p.Make(first), q.Make(second), [.. first, .. second]);

        static Tensor[] Parameters(int count, int index) =>
            count == 1 ? [Positive(index, 4)] : [Real(index, 4), Positive(index + 1, 4)];
    }

    private static (Distribution P, Distribution Q, Tensor[] Parameters) Recorded(string name)
    {
        (Func<Tensor[], Distribution> Make, Tensor[] P, Tensor[] Q)? same = name switch
        {
            "bernoulli_bernoulli" => (p => new Bernoulli(p[0]), [Real(0, 4)], [Real(5, 4)]),
            "categorical_categorical" => (p => new Categorical(p[0]), [Real(0, 4, 3)], [Real(5, 4, 3)]),
            "multivariate_normal_multivariate_normal" => (
                p => new MultivariateNormal(p[0], p[1]),
                [Real(0, 2, 3), Lower(1, 2, 3, 3)],
                [Real(5, 2, 3), Lower(6, 2, 3, 3)]
            ),
            "independent_independent" => (
                p => new Independent(new Normal(p[0], p[1]), 1),
                [Real(0, 2, 4), Positive(1, 2, 4)],
                [Real(5, 2, 4), Positive(6, 2, 4)]
            ),
            _ => null,
        };
        return same is var (make, first, second) ? (make(first), make(second), [.. first, .. second]) : Pair(name);
    }

    private static IEnumerable<string> SingleNames => Single.Keys;

    private static IEnumerable<string> PairNames =>
        Golden.GetProperty("pairs").EnumerateArray().Select(c => c.GetProperty("name").GetString()!);

    [TestCaseSource(nameof(SingleNames))]
    public void FollowsPyTorch(string name)
    {
        var golden = Named("single", name);
        var (make, parametersOf, values) = Single[name];
        var parameters = parametersOf();
        var distribution = make(parameters);
        // The approximation of the Bessel functions is the same on both sides, its derivative too.
        var logProb = distribution.LogProb(values().Detach());
        using var all = Assert.EnterMultipleScope();
        Close(logProb, golden.GetProperty("log_prob"), "log_prob");
        Gradients(logProb, parameters, golden);
        if (golden.TryGetProperty("entropy", out var entropy))
            Close(distribution.Entropy(), entropy, "entropy");
        if (golden.TryGetProperty("mean", out var mean))
        {
            Close(distribution.Mean, mean, "mean");
            Close(distribution.Variance, golden.GetProperty("variance"), "variance");
        }
    }

    [TestCaseSource(nameof(PairNames))]
    public void DivergencesFollowPyTorch(string name)
    {
        var golden = Named("pairs", name);
        var (p, q, parameters) = Recorded(name);
        var kl = KlDivergence.Between(p, q);
        using var all = Assert.EnterMultipleScope();
        Close(kl, golden.GetProperty("value"), "value");
        Gradients(kl, parameters, golden);
    }

    private static JsonElement Named(string list, string name) =>
        Golden.GetProperty(list).EnumerateArray().Single(c => c.GetProperty("name").GetString() == name);

    private static void Gradients(Tensor output, Tensor[] parameters, JsonElement golden)
    {
        var weights = Fill(i => Math.Cos(0.9 * i), output.Shape);
        var gradients = Autograd.Grad([(output * weights).Sum()], parameters, allowUnused: true);
        for (var i = 0; i < gradients.Length; i++)
            if (golden.GetProperty("gradients")[i].GetArrayLength() > 0)
                Close(gradients[i], golden.GetProperty("gradients")[i], $"gradient {i}");
    }

    private static void Close(Tensor got, JsonElement expected, string what)
    {
        var want = expected.EnumerateArray().Select(v => v.GetDouble()).ToArray();
        Assert.That(got.ToDoubles(), Is.EqualTo(want).Within(1e-10 * (1 + want.Max(Math.Abs))), what);
    }

    [Test]
    public void LogGammaIsExact()
    {
        double[] at = [0.1, 0.5, 1, 1.5, 2, 3.7, 7.9, 8.1, 30, 1e4];
        var want = Golden.GetProperty("lgamma").EnumerateArray().Select(v => v.GetDouble()).ToArray();
        var got = Tensor.From(at).LogGamma().ToDoubles();
        for (var i = 0; i < at.Length; i++)
            Assert.That(got[i], Is.EqualTo(want[i]).Within(2e-14 * (1 + Math.Abs(want[i]))), $"at {at[i]}");
        Assert.That(Tensor.From<float>([3]).LogGamma().DType, Is.EqualTo(DType.Float32));
    }

    /// <summary>The levels' probabilities sum to 1, the outer ones holding the tails, also where the scale is a small part of a level.</summary>
    [TestCase(-2.0, 256)]
    [TestCase(-9.0, 16)]
    public void LevelsOfADiscretizedLogisticSumToOne(double logScale, int levels)
    {
        var loc = Tensor.From<double>([-1.3, -0.2, 0.9]);
        var distribution = new DiscretizedLogistic(loc, Tensor.Full([3], logScale, DType.Float64), levels);
        var values = Fill(i => -1 + 2.0 * i / (levels - 1), [levels, 1]);
        var sums = distribution.LogProb(values).Exp().Sum(0).ToDoubles();
        Assert.That(sums, Is.All.EqualTo(1).Within(1e-12));
        var sample = distribution.Sample([100], new Generator(1)).ToDoubles();
        Assert.That(
            sample.Select(v => (v + 1) / 2 * (levels - 1)).Select(v => Math.Abs(v - Math.Round(v))),
            Is.All.LessThan(1e-9)
        );
    }

    [Test]
    public void MixturesOfLogisticsAddDensities()
    {
        var (logits, loc, scale) = (Real(0, 3), Real(1, 3), Positive(2, 3));
        var mixture = new MixtureSameFamily(new Categorical(logits), new Logistic(loc, scale));
        var x = Fill(i => i - 2, [5]);
        var density = mixture.LogProb(x).Exp().ToDoubles();
        var (weights, m, s) = (logits.Softmax(0).ToDoubles(), loc.ToDoubles(), scale.ToDoubles());
        for (var i = 0; i < 5; i++)
        {
            var expected = Enumerable
                .Range(0, 3)
                .Sum(k =>
                {
                    var e = Math.Exp(-(i - 2 - m[k]) / s[k]);
                    return weights[k] * e / (s[k] * (1 + e) * (1 + e));
                });
            Assert.That(density[i], Is.EqualTo(expected).Within(1e-14));
        }
        Assert.That(new Logistic(loc, scale).Cdf(loc).ToDoubles(), Is.All.EqualTo(0.5));
    }

    [Test]
    public void RefusesWhatHasNoClosedFormOrDoesNotFit()
    {
        var one = Tensor.Ones([1]);
        using var all = Assert.EnterMultipleScope();
        Assert.That(() => new Poisson(one).Entropy(), Throws.TypeOf<NotSupportedException>());
        Assert.That(() => new Poisson(one).RSample(), Throws.TypeOf<NotSupportedException>());
        Assert.That(
            () => KlDivergence.Between(new Poisson(one), new Normal(one, one)),
            Throws.TypeOf<NotSupportedException>().With.Message.Contains("KL(Poisson ‖ Normal)")
        );
        Assert.That(() => new Normal(one, Tensor.Ones([1], DType.Float64)), Throws.TypeOf<DTypeException>());
        Assert.That(() => new Normal(Tensor.Ones([2]), Tensor.Ones([3])), Throws.TypeOf<ShapeException>());
        Assert.That(() => new MultivariateNormal(one, one), Throws.TypeOf<ShapeException>());
        Assert.That(() => new Independent(new Normal(one, one), 2), Throws.TypeOf<ShapeException>());
        Assert.That(
            () => new MixtureSameFamily(new Categorical(Tensor.Ones([2])), new Normal(one, one)),
            Throws.TypeOf<ShapeException>()
        );
        Assert.That(() => new DiscretizedLogistic(one, one, 1), Throws.TypeOf<AttributeException>());
    }
}
