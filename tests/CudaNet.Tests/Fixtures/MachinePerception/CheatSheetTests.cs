using CudaNet.Distributions;
using CudaNet.Models;
using CudaNet.Nn;
using CudaNet.Optim;
using static CudaNet.Tests.Fixtures.FixtureTensors;

namespace CudaNet.Tests.Fixtures.MachinePerception;

/// <summary>The basics of the machine-perception cheat sheet.</summary>
[TestFixture]
public sealed class CheatSheetTests
{
    /// <summary>The perceptron rule separates what can be separated after finitely many changes; on XOR it never ends.</summary>
    [Test]
    public void MachinePerception_PerceptronRule()
    {
        var points = Draw(1, 200, 2);
        var margin = points.MatMul(Matrix(1, 0.6, -0.8)).Squeeze(1) + 0.3;
        // Points closer than 0.1 to the line are moved away, so that there is a margin.
        points += Tensor.Where(margin.Abs().Lt(0.1), margin.Sign() * 0.1, 0).Unsqueeze(1) * Vector(0.6, -0.8);
        var classes = margin.Gt(0).Cast(DType.Float64);
        var perceptron = new Perceptron(2, DType.Float64);
        var mistakes = perceptron.Fit(points, classes, learningRate: 0.5);
        Assert.That(mistakes[^1], Is.Zero);
        Assert.That(mistakes[0], Is.Positive);
        Assert.That(perceptron.Predict(points).ToDoubles(), Is.EqualTo(classes.ToDoubles()));

        var xor = new Perceptron(2, DType.Float64);
        var never = xor.Fit(Matrix(2, 0, 0, 0, 1, 1, 0, 1, 1), Vector(0, 1, 1, 0), maxEpochs: 200);
        Assert.That(never, Has.Count.EqualTo(200).And.All.Positive);
    }

    /// <summary>H(p, q) = H(p) + KL(p‖q), JS(p, q) = ½KL(p‖m) + ½KL(q‖m) ≤ log 2, and 0.053781 for the printed pair.</summary>
    [Test]
    public void MachinePerception_Divergences()
    {
        static double Kl(Tensor p, Tensor q) =>
            KlDivergence.Between(Categorical.FromProbabilities(p), Categorical.FromProbabilities(q)).Item();
        var (p, q) = (Vector(0.2, 0.3, 0.5), Vector(0.4, 0.4, 0.2));
        var cross = -(p * q.Log()).Sum().Item();
        Assert.That(cross, Is.EqualTo(Categorical.FromProbabilities(p).Entropy().Item() + Kl(p, q)).Within(1e-14));
        double Js(Tensor a, Tensor b) => 0.5 * Kl(a, 0.5 * (a + b)) + 0.5 * Kl(b, 0.5 * (a + b));
        Assert.That(Js(p, q), Is.EqualTo(0.053781).Within(5e-7));
        Assert.That(Js(p, p), Is.Zero.Within(1e-15));
        Assert.That(Js(Vector(1 - 1e-12, 1e-12), Vector(1e-12, 1 - 1e-12)), Is.EqualTo(Math.Log(2)).Within(1e-9));
    }

    /// <summary>Standardised by the training set's mean and deviation (n − 1), which are applied to the test set as they are.</summary>
    [Test]
    public void MachinePerception_Standardisation()
    {
        var (train, test) = (3 * Draw(1, 50, 4) + 7, 3 * Draw(2, 20, 4) + 7);
        var (mean, deviation) = (train.Mean(0), train.Std(0));
        var standard = (train - mean) / deviation;
        Assert.That(standard.Mean(0).ToDoubles(), Is.All.Zero.Within(1e-13));
        Assert.That(standard.Square().Sum(0).ToDoubles(), Is.All.EqualTo(49).Within(1e-11));
        var tested = (test - mean) / deviation;
        Assert.That(Distance(tested * deviation + mean, test), Is.LessThan(1e-13));
        Assert.That(tested.Mean(0).Abs().Max().Item(), Is.GreaterThan(0.01));
    }

    /// <summary>A bias before a batch normalisation is redundant: its gradient is 0 to rounding.</summary>
    [Test]
    public void MachinePerception_BiasBeforeBatchNorm()
    {
        var (layer, norm) = (new Linear(4, 3, dtype: DType.Float64), new BatchNorm1d(3, dtype: DType.Float64));
        norm.Call(layer.Call(Draw(1, 32, 4))).Backward(Draw(2, 32, 3));
        Assert.That(layer.Bias!.Grad!.ToDoubles(), Is.All.Zero.Within(1e-13));
        Assert.That(layer.Weight.Grad!.Abs().Max().Item(), Is.GreaterThan(0.1));
    }

    /// <summary>tanh(x) = 2σ(2x) − 1.</summary>
    [Test]
    public void MachinePerception_TanhIsAScaledSigmoid()
    {
        var x = Draw(1, 1000);
        Assert.That(Distance(x.Tanh(), 2 * (2 * x).Sigmoid() - 1), Is.LessThan(1e-15));
    }

    /// <summary>Randomised leaky ReLU: slopes from U(a, b) while it trains, (a + b)/2 when it is tested.</summary>
    [Test]
    public void MachinePerception_RandomisedLeakyRelu()
    {
        var layer = new RRelu(0.1, 0.4, new Generator(1));
        var slopes = -layer.Call(Tensor.Full([100_000], -1, DType.Float64));
        Assert.That(slopes.Min().Item(), Is.InRange(0.1, 0.101));
        Assert.That(slopes.Max().Item(), Is.InRange(0.399, 0.4));
        Assert.That(slopes.Mean().Item(), Is.EqualTo(0.25).Within(0.002));
        layer.Eval();
        Assert.That(layer.Call(Vector(-2, 3)).ToDoubles(), Is.EqualTo(new[] { -0.5, 3 }).Within(1e-15));
    }

    /// <summary>Early stopping as a regulariser: after i steps of rate ε with gradients no longer than K, ‖θ₀ − θ*‖ ≤ K·ε·i.</summary>
    [Test]
    public void MachinePerception_EarlyStoppingBound()
    {
        var theta = Leaf(Draw(1, 6));
        var start = theta.Detach().Clone();
        var optimizer = new Sgd([theta], learningRate: 0.02);
        var longest = 0.0;
        for (var i = 1; i <= 30; i++)
        {
            optimizer.ZeroGrad();
            (theta.Square() * Vector(1, 2, 3, 4, 5, 6)).Sum().Backward();
            longest = Math.Max(longest, theta.Grad!.VectorNorm().Item());
            optimizer.Step();
            var travelled = (theta - start).VectorNorm().Item();
            Assert.That(travelled, Is.LessThanOrEqualTo(longest * 0.02 * i));
        }
    }
}
