using CudaNet.Distributions;
using CudaNet.Models;
using static CudaNet.Tests.Fixtures.FixtureTensors;

namespace CudaNet.Tests.Fixtures.UnderstandingDeepLearning;

/// <summary>Problems of chapter 5 of "Understanding Deep Learning" (Prince 2023): losses as negative log-likelihoods.</summary>
[TestFixture]
public sealed class Chapter05LossFunctionTests
{
    /// <summary>The sigmoid is 0, ½ and 1 at −∞, 0 and ∞, and neither overflows nor has a NaN for a gradient on the way there.</summary>
    [Test]
    public void Udl_5_1_Sigmoid()
    {
        var z = Leaf(double.NegativeInfinity, -1000, 0, 1000, double.PositiveInfinity);
        var s = z.Sigmoid();
        Assert.That(s.ToDoubles(), Is.EqualTo(new[] { 0, 0, 0.5, 1, 1 }));
        Assert.That(Gradient(s.Sum(), z), Is.EqualTo(new[] { 0, 0, 0.25, 0, 0 }));
    }

    /// <summary>Binary cross-entropy, whose printed form lacks the minus: −(1 − y) log(1 − sig f) − y log sig f, finite for large f.</summary>
    [Test]
    public void Udl_5_2_BinaryCrossEntropy()
    {
        Tensor Loss(double f, double y) => Vector(f).BceWithLogits(Vector(y));
        Assert.That(Loss(0, 1).Item(), Is.EqualTo(Math.Log(2)).Within(1e-15));
        Assert.That(Loss(-1000, 1).Item(), Is.EqualTo(1000));
        Assert.That(Loss(1000, 1).Item(), Is.Zero);
        var s = Vector(0.7).Sigmoid();
        Assert.That(Loss(0.7, 0).Item(), Is.EqualTo(-(1 - s).Log().Item()).Within(1e-15));
    }

    /// <summary>With κ fixed the von Mises loss is −Σ cos(y − f) up to a constant, and its gradient −Σ sin(y − f).</summary>
    [Test]
    public void Udl_5_3_VonMises()
    {
        var f = Leaf(0.3, 3.0, -1.2);
        var y = Vector(0.1, -3.0, 2.0);
        var family = RegressionFamily.VonMises(concentration: 1);
        var loss = family.Loss(f.Unsqueeze(1), y, Reduction.Sum);
        var constant = 3 * (Math.Log(2 * Math.PI) + Vector(1).LogBesselI0().Item());
        Assert.That(loss.Item(), Is.EqualTo(constant - (y - f).Cos().Sum().Item()).Within(1e-12));
        Assert.That(Gradient(loss, f), Is.EqualTo((-(y - f).Sin()).ToDoubles()).Within(1e-12));
        var turned = family.Predict(Vector(0.3 + 2 * Math.PI, 3 - 4 * Math.PI).Unsqueeze(1));
        Assert.That(turned.ToDoubles(), Is.EqualTo(new[] { 0.3, 3 }).Within(1e-12), "on [−π, π)");
    }

    /// <summary>A mixture of two Gaussians has five outputs; with equal components it is one Gaussian.</summary>
    [Test]
    public void Udl_5_4_MixtureOfGaussians()
    {
        var family = RegressionFamily.MixtureDensity(components: 2);
        Assert.That(family.Outputs, Is.EqualTo(6), "a softmax over two logits is the sigmoid of their difference");
        var y = Vector(0.4, -1);
        var logScale = Math.Log(1.5);
        var equal = Matrix(6, 0.3, -2, 0.2, 0.2, logScale, logScale, 1, 1, 0.2, 0.2, logScale, logScale);
        var expected = -new Normal(Vector(0.2), Vector(1.5)).LogProb(y);
        Assert.That(Distance(family.Loss(equal, y, Reduction.None), expected), Is.LessThan(1e-14));

        var (lambda, mu1, mu2) = (Vector(0.7).Sigmoid().Item(), -1.0, 2.0);
        double Density(double mean, double value) =>
            Math.Exp(-(value - mean) * (value - mean) / 2) / Math.Sqrt(2 * Math.PI);
        var loss = family.Loss(Matrix(6, 0.7, 0, mu1, mu2, 0, 0), Vector(0.4), Reduction.Sum);
        var mixed = lambda * Density(mu1, 0.4) + (1 - lambda) * Density(mu2, 0.4);
        Assert.That(loss.Item(), Is.EqualTo(-Math.Log(mixed)).Within(1e-13));
    }

    /// <summary>A mixture of two von Mises distributions; with equal components it is one.</summary>
    [Test]
    public void Udl_5_5_MixtureOfVonMises()
    {
        var one = new VonMises(Vector(0.5), Vector(2));
        var both = new MixtureSameFamily(
            new Categorical(Vector(0.3, -1)),
            new VonMises(Vector(0.5, 0.5), Vector(2, 2))
        );
        var angles = Vector(-3, -1, 0.5, 2);
        Assert.That(Distance(both.LogProb(angles), one.LogProb(angles)), Is.LessThan(1e-14));
    }

    /// <summary>Poisson regression with the rate λ = f²: the loss is Σ(f² − y log f²) up to log y!.</summary>
    [Test]
    public void Udl_5_6_PoissonRegression()
    {
        var f = Leaf(0.8, -1.5, 2);
        var y = Vector(0, 3, 4);
        var loss = -new Poisson(f.Square()).LogProb(y).Sum();
        var factorials = Math.Log(6) + Math.Log(24);
        var expected = (f.Square() - y * f.Square().Log()).Sum().Item() + factorials;
        Assert.That(loss.Item(), Is.EqualTo(expected).Within(1e-12));
        Assert.That(Gradient(loss, f), Is.EqualTo((2 * f - 2 * y / f).ToDoubles()).Within(1e-12));
    }

    /// <summary>The likelihood of a ten-dimensional Gaussian with one variance gives the sum of squares, up to scale and a constant.</summary>
    [Test]
    public void Udl_5_7_HomoscedasticGaussian()
    {
        var (f, y) = (Leaf(Draw(1, 6, 10)), Draw(2, 6, 10));
        const double Sigma = 0.7;
        var nll = -new Independent(new Normal(f, Tensor.Full([1], Sigma, DType.Float64)), 1).LogProb(y).Sum();
        var squares = f.MseLoss(y, Reduction.Sum) / (2 * Sigma * Sigma);
        var constant = 60 * Math.Log(Sigma * Math.Sqrt(2 * Math.PI));
        Assert.That(nll.Item() - squares.Item(), Is.EqualTo(constant).Within(1e-11));
        Assert.That(Gradient(nll, f), Is.EqualTo(Gradient(squares, f)).Within(1e-12));
    }

    /// <summary>The heteroscedastic loss with variance f₂²; with f₂ = 1 it is half the squares and ½·I·D·log 2π.</summary>
    [Test]
    public void Udl_5_8_HeteroscedasticGaussian()
    {
        var (f1, f2, y) = (Draw(1, 5, 3), Leaf(Draw(2, 5, 3)), Draw(3, 5, 3));
        var ones = f1.GaussianNllLoss(y, Tensor.Ones([5, 3], DType.Float64), full: true, reduction: Reduction.Sum);
        var expected = 0.5 * f1.MseLoss(y, Reduction.Sum).Item() + 0.5 * 15 * Math.Log(2 * Math.PI);
        Assert.That(ones.Item(), Is.EqualTo(expected).Within(1e-12));
        var loss = f1.GaussianNllLoss(y, f2.Square(), full: true, eps: 0, reduction: Reduction.Sum);
        Assert.That(loss.Item(), Is.EqualTo(-new Normal(f1, f2.Abs()).LogProb(y).Sum().Item()).Within(1e-11));
        var slopes = 1 / f2 - (y - f1).Square() / (f2 * f2.Square());
        Assert.That(Gradient(loss, f2), Is.EqualTo(slopes.ToDoubles()).Within(1e-8).Percent);
    }

    /// <summary>With a variance of its own each dimension's loss does not depend on its unit: the best one is the mean square of the residuals.</summary>
    [Test]
    public void Udl_5_9_DifferentUnits()
    {
        var residuals = Draw(4, 200, 2) * Vector(1, 1000);
        var best = residuals.Square().Mean(0);
        var variance = Leaf(best.Detach());
        var loss = residuals.GaussianNllLoss(Tensor.Zeros([200, 2], DType.Float64), variance.Expand(200, 2));
        Assert.That(Gradient(loss, variance), Is.All.Zero.Within(1e-14));
    }
}
