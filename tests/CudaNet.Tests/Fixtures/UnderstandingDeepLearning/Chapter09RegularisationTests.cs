using CudaNet.Distributions;
using CudaNet.Nn;
using CudaNet.Optim;
using static CudaNet.Tests.Fixtures.FixtureTensors;

namespace CudaNet.Tests.Fixtures.UnderstandingDeepLearning;

/// <summary>Problems of chapter 9 of "Understanding Deep Learning" (Prince 2023): regularisation.</summary>
[TestFixture]
public sealed class Chapter09RegularisationTests
{
    /// <summary>A normal prior with standard deviation σ adds the L2 penalty with λ = 1/(2σ²) to the negative log-likelihood.</summary>
    [Test]
    public void Udl_9_1_GaussianPriorIsL2()
    {
        const double Sigma = 0.6;
        var phi = Leaf(Draw(1, 7));
        var prior = -new Normal(Vector(0), Vector(Sigma)).LogProb(phi).Sum();
        var penalty = new Penalties().Add([phi], l2: 1 / (2 * Sigma * Sigma)).Value();
        var constant = 7 * Math.Log(Sigma * Math.Sqrt(2 * Math.PI));
        Assert.That(prior.Item() - penalty.Item(), Is.EqualTo(constant).Within(1e-13));
        Assert.That(Gradient(prior, phi), Is.EqualTo(Gradient(penalty, phi)).Within(1e-13));
    }

    /// <summary>The penalty λΣφ² adds 2λφ to the gradient.</summary>
    [Test]
    public void Udl_9_2_GradientOfL2()
    {
        var phi = Leaf(0.5, -2, 0);
        var penalty = new Penalties().Add([phi], l2: 0.1).Value();
        Assert.That(penalty.Item(), Is.EqualTo(0.425).Within(1e-15));
        Assert.That(Gradient(penalty, phi), Is.EqualTo(new[] { 0.1, -0.4, 0 }).Within(1e-15));
    }

    /// <summary>Noise of variance σ² on the inputs adds I·σ²·φ₁² to the expected loss: from 0.75 to 1.23, and 2Iσ²φ₁ to its gradient.</summary>
    [Test]
    public void Udl_9_3_InputNoiseIsL2OnTheSlope()
    {
        using var frame = Lifetime.Frame();
        const int Draws = 400_000;
        var (x, y, phi) = (Vector(0, 1, 2), Vector(1, 2, 2), Leaf(0.5, 0.8));
        Tensor Loss(Tensor inputs) => (phi.Select(0, 0) + phi.Select(0, 1) * inputs - y).Square();
        Assert.That(Loss(x).Sum().Item(), Is.EqualTo(0.75).Within(1e-15));
        var clean = Gradient(Loss(x).Sum(), phi);
        var noisy = Loss(x + 0.5 * Draw(1, Draws, 3)).Sum() / Draws;
        Assert.That(noisy.Item(), Is.EqualTo(1.23).Within(0.01));
        var gradient = Gradient(noisy, phi);
        Assert.That(gradient[0], Is.EqualTo(clean[0]).Within(0.01));
        Assert.That(gradient[1], Is.EqualTo(clean[1] + 2 * 3 * 0.25 * 0.8).Within(0.02));
    }

    /// <summary>Label smoothing as a cross-entropy: 0.9 at the label and 0.1/(D − 1) at each other class; the printed logarithm of a mixed probability, 0.264975, is none.</summary>
    [Test]
    public void Udl_9_4_LabelSmoothing()
    {
        var logits = Matrix(3, 2, 0, -1);
        var smoothing = LabelSmoothing.FromOtherClasses(0.1, classes: 3);
        Assert.That(smoothing, Is.EqualTo(0.15).Within(1e-15));
        var loss = logits.CrossEntropy(Tensor.From<long>([0]), labelSmoothing: smoothing);
        Assert.That(loss.Item(), Is.EqualTo(0.419846).Within(5e-7));
        var printed = -(logits.Softmax(1) * Vector(0.9, 0.05, 0.05)).Sum().Log();
        Assert.That(printed.Item(), Is.EqualTo(0.264975).Within(1e-6));
    }

    /// <summary>For plain SGD φ ← (1 − λ)φ − α∂L/∂φ is the step on L + (λ/2α)·Σφ²; for Adam the two differ.</summary>
    [Test]
    public void Udl_9_5_WeightDecayIsL2ForSgd()
    {
        const double Rate = 0.05;
        const double Lambda = 0.01;
        Tensor Loss(Tensor w) => (w - Vector(1, 2, -3)).Square().Sum();
        double[] Trained(Func<Tensor, Optimizer> make, bool penalised)
        {
            var phi = Leaf(0.5, -1, 2);
            var optimizer = make(phi);
            var penalty = new Penalties().Add([phi], l2: Lambda / (2 * Rate));
            for (var step = 0; step < 20; step++)
            {
                optimizer.ZeroGrad();
                (penalised ? Loss(phi) + penalty.Value() : Loss(phi)).Backward();
                optimizer.Step();
            }
            return phi.ToDoubles();
        }
        // The optimisers' decay takes α·decay of a weight at each step.
        var decayed = Trained(phi => new Sgd([phi], Rate, weightDecay: Lambda / Rate), false);
        Assert.That(decayed, Is.EqualTo(Trained(phi => new Sgd([phi], Rate), true)).Within(1e-14));
        var adam = Trained(phi => new AdamW([phi], Rate, weightDecay: Lambda / Rate), false);
        Assert.That(adam, Is.Not.EqualTo(Trained(phi => new Adam([phi], Rate), true)).Within(1e-3));
    }
}
