using CudaNet.Distributions;
using static CudaNet.Tests.Fixtures.FixtureTensors;

namespace CudaNet.Tests.Fixtures.LearningNotes;

/// <summary>Chapters 1 and 9 of the "Learning Notes" (Li 2023): probability, and what generative models take from it.</summary>
[TestFixture]
public sealed class ProbabilityTests
{
    /// <summary>C(n, r) = n!/(r!(n − r)!) by log Γ: of five, 1, 5, 10.</summary>
    [Test]
    public void LearningNotes_1_1_Combinations()
    {
        var r = Vector(0, 1, 2);
        var log = Vector(6).LogGamma() - (r + 1).LogGamma() - (6 - r).LogGamma();
        Assert.That(log.Exp().ToDoubles(), Is.EqualTo(new double[] { 1, 5, 10 }).Within(1e-12));
    }

    /// <summary>The normal density in its mean is 0.3989423; in several dimensions the determinant is the product of the eigenvalues.</summary>
    [Test]
    public void LearningNotes_1_4_GaussianDensity()
    {
        Assert.That(
            new Normal(Vector(2), Vector(1)).LogProb(Vector(2)).Exp().Item(),
            Is.EqualTo(0.3989423).Within(5e-8)
        );
        var root = Draw(1, 3, 3);
        var covariance = root.MatMul(root.T) + Tensor.Eye(3, null, DType.Float64);
        var (mean, x) = (Draw(2, 3), Draw(3, 3));
        var eigenvalues = covariance.Eigh().Eigenvalues;
        var d = (x - mean).Unsqueeze(1);
        var form = d.T.MatMul(covariance.Inverse()).MatMul(d).Item();
        var expected = -0.5 * (3 * Math.Log(2 * Math.PI) + eigenvalues.Log().Sum().Item() + form);
        var found = MultivariateNormal.FromCovariance(mean, covariance).LogProb(x).Item();
        Assert.That(found, Is.EqualTo(expected).Within(1e-12));
        Assert.That(covariance.Det().Item(), Is.EqualTo(eigenvalues.Prod().Item()).Within(1e-10));
    }

    /// <summary>The mean and the variance that divides by N make the likelihood's gradient 0.</summary>
    [Test]
    public void LearningNotes_1_4_GaussianMle()
    {
        var x = Draw(1, 50) * 2 + 3;
        var (mean, variance) = (Leaf(x.Mean().Reshape(1).Detach()), Leaf(x.Var(correction: 0).Reshape(1).Detach()));
        var likelihood = new Normal(mean, variance.Sqrt()).LogProb(x).Sum();
        var gradients = Autograd.Grad([likelihood], [mean, variance]);
        Assert.That(gradients[0].Item(), Is.Zero.Within(1e-12));
        Assert.That(gradients[1].Item(), Is.Zero.Within(1e-12));
    }

    /// <summary>The likelihood's variance is too small: its expectation is (N − 1)/N·σ², of five values 0.8.</summary>
    [Test]
    public void LearningNotes_1_4_BiasOfTheVariance()
    {
        using var frame = Lifetime.Frame();
        var samples = Draw(1, 200_000, 5);
        Assert.That(samples.Var(1, correction: 0).Mean().Item(), Is.EqualTo(0.8).Within(0.005));
        Assert.That(samples.Var(1, correction: 1).Mean().Item(), Is.EqualTo(1).Within(0.006));
    }

    /// <summary>The KL term of a VAE, ½Σ(σ² + μ² − 1 − log σ²), and its gradients μ and ½(exp(log σ²) − 1).</summary>
    [TestCase(0, 1, 0)]
    [TestCase(1, 1, 0.5)]
    [TestCase(0, 2, 0.806853)]
    public void LearningNotes_9_2_KlTerm(double mean, double deviation, double expected)
    {
        var (mu, logVariance) = (Leaf(mean), Leaf(2 * Math.Log(deviation)));
        var kl = 0.5 * (logVariance.Exp() + mu.Square() - 1 - logVariance).Sum();
        Assert.That(kl.Item(), Is.EqualTo(expected).Within(5e-7));
        var standard = new Normal(Vector(0), Vector(1));
        var general = KlDivergence.Between(new Normal(mu, (0.5 * logVariance).Exp()), standard);
        Assert.That(general.Item(), Is.EqualTo(kl.Item()).Within(1e-14));
        Assert.That(Gradient(general.Sum(), mu)[0], Is.EqualTo(mean).Within(1e-14));
        Assert.That(Gradient(kl, logVariance)[0], Is.EqualTo(0.5 * (deviation * deviation - 1)).Within(1e-14));
    }

    /// <summary>z = μ + exp(½ log σ²)·ε: ∂z/∂μ = 1, and ∂z/∂log σ² = ½·exp(½ log σ²)·ε, which does depend on the noise.</summary>
    [Test]
    public void LearningNotes_9_2_Reparameterisation()
    {
        var (mu, logVariance) = (Leaf(0.3), Leaf(-0.8));
        var z = new Normal(mu, (0.5 * logVariance).Exp()).RSample(generator: new Generator(7));
        var noise = (z.Item() - 0.3) / Math.Exp(-0.4);
        var gradients = Autograd.Grad([z.Sum()], [mu, logVariance]);
        Assert.That(gradients[0].Item(), Is.EqualTo(1));
        Assert.That(gradients[1].Item(), Is.EqualTo(0.5 * Math.Exp(-0.4) * noise).Within(1e-14));
        Assert.That(Math.Abs(noise), Is.GreaterThan(1e-3));
    }

    /// <summary>The nearest training image by the mean absolute difference: for a training image itself, with distance 0.</summary>
    [Test]
    public void LearningNotes_9_3_NearestTrainingImage()
    {
        var images = Draw(1, 30, 16);
        var distances = (images.Unsqueeze(1) - images.Unsqueeze(0)).Abs().Mean(2);
        Assert.That(distances.ArgMin(1).ToArray<long>(), Is.EqualTo(Enumerable.Range(0, 30)));
        Assert.That(distances.Min(1).ToDoubles(), Is.All.Zero);
        var shifted = (images.Narrow(0, 4, 1) + 0.01 - images).Abs().Mean(1);
        Assert.That(shifted.ArgMin().Item(), Is.EqualTo(4));
        Assert.That(shifted.Min().Item(), Is.EqualTo(0.01).Within(1e-14));
    }

    /// <summary>A discrete Boltzmann distribution, softmax of −E, sums to 1 and falls by e for each unit of energy.</summary>
    [Test]
    public void LearningNotes_9_6_BoltzmannDistribution()
    {
        var probability = (-Vector(0, 1, 2, 5)).Softmax(0);
        Assert.That(probability.Sum().Item(), Is.EqualTo(1).Within(1e-15));
        var p = probability.ToDoubles();
        Assert.That(p[0] / p[1], Is.EqualTo(Math.E).Within(1e-14));
        Assert.That(p[2] / p[3], Is.EqualTo(Math.Exp(3)).Within(1e-12));
    }

    /// <summary>With β = (0.1, 0.2, 0.3): ᾱ = (0.9, 0.72, 0.504), the variance stays 1, and the steps compose to the closed form.</summary>
    [Test]
    public void LearningNotes_9_7_ForwardDiffusion()
    {
        var beta = Vector(0.1, 0.2, 0.3);
        var signal = (1 - beta).CumProd(0);
        Assert.That(signal.ToDoubles(), Is.EqualTo(new[] { 0.9, 0.72, 0.504 }).Within(1e-15));
        var (scale, variance) = (Vector(1), Vector(1));
        var noise = Vector(0);
        for (var t = 0; t < 3; t++)
        {
            var b = beta.Narrow(0, t, 1);
            (scale, noise) = ((1 - b).Sqrt() * scale, (1 - b) * noise + b);
            variance = (1 - b) * variance + b;
            Assert.That(variance.Item(), Is.EqualTo(1).Within(1e-15));
            Assert.That(scale.Square().Item(), Is.EqualTo(signal.Select(0, t).Item()).Within(1e-15));
            Assert.That(noise.Item(), Is.EqualTo(1 - signal.Select(0, t).Item()).Within(1e-15));
        }
    }
}
