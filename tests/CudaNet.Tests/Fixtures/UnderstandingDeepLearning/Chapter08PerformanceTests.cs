using CudaNet.Distributions;
using CudaNet.Models;
using CudaNet.Nn;
using CudaNet.Optim;
using static CudaNet.Tests.Fixtures.FixtureTensors;

namespace CudaNet.Tests.Fixtures.UnderstandingDeepLearning;

/// <summary>Problems of chapter 8 of "Understanding Deep Learning" (Prince 2023): measuring performance, and high dimensions.</summary>
[TestFixture]
public sealed class Chapter08PerformanceTests
{
    /// <summary>Finite logits never make cross-entropy 0 in exact numbers; it is log(1 + Σ exp(−gap)).</summary>
    [TestCase(1.0)]
    [TestCase(20.0)]
    public void Udl_8_1_CrossEntropyIsNeverZero(double gap)
    {
        var loss = Matrix(3, gap, 0, 0).CrossEntropy(Tensor.From<long>([0])).Item();
        Assert.That(loss, Is.EqualTo(Math.Log(1 + 2 * Math.Exp(-gap))).Within(1e-14).And.Positive);
    }

    /// <summary>Three units with slope 1 whose joints are at 0, ⅓ and ⅔.</summary>
    [Test]
    public void Udl_8_2_JointsAtThirds()
    {
        var network = new ShallowNetwork(0, [new(0, 1, 1), new(-1.0 / 3, 1, 1), new(-2.0 / 3, 1, 1)]);
        Assert.That(network.Units.Select(u => u.Joint), Is.EqualTo(new[] { 0, 1.0 / 3, 2.0 / 3 }).Within(1e-15));
        var x = Leaf(Matrix(1, 0.1, 0.5, 0.9));
        Assert.That(Gradient(network.Call(x).Sum(), x), Is.EqualTo(new double[] { 1, 2, 3 }));
    }

    /// <summary>With the hidden layer fixed the last one is a linear regression: (HᵀH)⁻¹Hᵀy, to which gradient descent tends.</summary>
    [Test]
    public void Udl_8_3_ClosedFormOfTheLastLayer()
    {
        var hidden = new ShallowNetwork(0, [new(0, 1, 0), new(-1.0 / 3, 1, 0), new(-2.0 / 3, 1, 0)]);
        var x = Tensor.Linspace(0, 1, 25, DType.Float64).Unsqueeze(1);
        var y = (4 * x).Sin().Squeeze(1);
        var design = LeastSquares.WithIntercept(hidden.Hidden.Call(x).Relu()).Detach();
        var solved = LeastSquares.Solve(design, y);
        var normal = design.T.MatMul(design).Solve(design.T.MatMul(y.Unsqueeze(1))).Squeeze(1);
        Assert.That(Distance(solved, normal), Is.LessThan(1e-10));

        hidden.Hidden.Freeze();
        var before = hidden.Hidden.Weight.ToDoubles();
        var optimizer = new Lbfgs(hidden.Output.Parameters(), learningRate: 1, maxIterations: 200);
        optimizer.Step(() =>
        {
            optimizer.ZeroGrad();
            var loss = hidden.Call(x).Squeeze(1).MseLoss(y, Reduction.Sum);
            loss.Backward();
            return loss;
        });
        double[] found = [hidden.Output.Bias!.Item(), .. hidden.Output.Weight.ToDoubles()];
        Assert.That(found, Is.EqualTo(solved.ToDoubles()).Within(1e-4));
        Assert.That(hidden.Hidden.Weight.ToDoubles(), Is.EqualTo(before), "frozen");
    }

    /// <summary>The network of the double descent experiment, 40-200-200-10.</summary>
    [Test]
    public void Udl_8_4_ParameterCount() => Assert.That(Dense(40, 200, 200, 10).ParameterCount, Is.EqualTo(50_410));

    /// <summary>With the residuals 0 a learned variance goes to 0 and the likelihood without bound, unless the variance has a floor.</summary>
    [Test]
    public void Udl_8_5_VarianceFloor()
    {
        double Loss(double variance, double floor) =>
            Vector(1, 2).GaussianNllLoss(Vector(1, 2), Vector(variance, variance), eps: floor).Item();
        Assert.That(Loss(1e-12, 0), Is.EqualTo(0.5 * Math.Log(1e-12)).Within(1e-12));
        Assert.That(Loss(1e-100, 0), Is.LessThan(-100));
        Assert.That(Loss(1e-100, 1e-6), Is.EqualTo(0.5 * Math.Log(1e-6)).Within(1e-12));
    }

    /// <summary>Normal vectors of a thousand dimensions are nearly orthogonal: the cosine's standard deviation is 1/√1000 = 0.0316.</summary>
    [Test]
    public void Udl_8_6_RandomVectorsAreOrthogonal()
    {
        var (a, b) = (Draw(1, 4000, 1000), Draw(2, 4000, 1000));
        var cosine = (a * b).Sum(1) / (a.VectorNorm(2, 1) * b.VectorNorm(2, 1));
        Assert.That(cosine.Std().Item(), Is.EqualTo(1 / Math.Sqrt(1000)).Within(5).Percent);
    }

    /// <summary>The volume of a ball of diameter 1, π^(D/2)·r^D / Γ(D/2 + 1), vanishes with the dimension.</summary>
    [Test]
    public void Udl_8_7_VolumeOfABall()
    {
        var d = Vector(2, 10, 20, 100);
        var log = d * Math.Log(0.5) + d / 2.0 * Math.Log(Math.PI) - (d / 2.0 + 1).LogGamma();
        double[] expected = [0.785398, 2.49039e-3, 2.46114e-8, 1.868e-70];
        Assert.That(log.Exp().ToDoubles(), Is.EqualTo(expected).Within(0.02).Percent);
    }

    /// <summary>The outer hundredth of a ball's radius holds 1 − 0.99^D of its volume: of D = 300, 95.1 %.</summary>
    [TestCase(1, 0.01)]
    [TestCase(10, 0.095618)]
    [TestCase(100, 0.633968)]
    [TestCase(300, 0.950959)]
    public void Udl_8_8_VolumeOfAShell(int dimension, double share)
    {
        // A uniform point of the ball has a radius whose D-th power is uniform.
        var radius = Tensor.Rand([400_000], dtype: DType.Float64, generator: new Generator(3)).Pow(1.0 / dimension);
        Assert.That(radius.Gt(0.99).Cast(DType.Float64).Mean().Item(), Is.EqualTo(share).Within(0.003));
    }

    /// <summary>The lengths of standard normal vectors: means and standard deviations of the chi distribution.</summary>
    [TestCase(25, 4.95026, 0.70349)]
    [TestCase(100, 9.97503, 0.70622)]
    [TestCase(500, 22.34950, 0.70693)]
    public void Udl_8_9_LengthsOfNormalVectors(int dimension, double mean, double deviation)
    {
        using var frame = Lifetime.Frame();
        var lengths = Draw(dimension, 10_000, dimension).VectorNorm(2, 1);
        Assert.That(lengths.Mean().Item(), Is.EqualTo(mean).Within(0.03));
        Assert.That(lengths.Std().Item(), Is.EqualTo(deviation).Within(3).Percent);
        var half = Vector(dimension / 2.0, (dimension + 1) / 2.0).LogGamma().ToDoubles();
        Assert.That(Math.Sqrt(2) * Math.Exp(half[1] - half[0]), Is.EqualTo(mean).Within(1e-5));
    }
}
