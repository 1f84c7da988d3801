using CudaNet.Distributions;
using static CudaNet.Tests.Fixtures.FixtureTensors;

namespace CudaNet.Tests.Fixtures.DeepLearningNotes;

/// <summary>Numbers of chapters 4 to 12 of the deep-learning notes (Bahng 2023–2025) that need nothing but tensors, derivatives and distributions.</summary>
[TestFixture]
public sealed class GenerativeTests
{
    /// <summary>Example 4.1: the conditional of an Ising model is logistic, σ(+b + Σ W·x), the printed sign being wrong; by enumeration.</summary>
    [Test]
    public void DeepLearningNotes_Ex4_1_IsingConditional()
    {
        var (w, b) = (Matrix(3, 0, 0.7, -0.4, 0, 0, 0.3, 0, 0, 0), Vector(0.2, -0.5, 0.1));
        Tensor Exponent(Tensor x) => (x.MatMul(w) * x).Sum(1) + (x * b).Sum(1);
        var both = Exponent(Matrix(3, 1, 0, 1, 1, 1, 1)).Softmax(0);
        Assert.That(both.ToDoubles()[1], Is.EqualTo(0.62245933).Within(5e-9));
        Assert.That(Vector(-0.5 + 0.7 + 0.3).Sigmoid().Item(), Is.EqualTo(0.62245933).Within(5e-9));
    }

    /// <summary>Theorem 7.1: the least loss of a linear autoencoder of k units is the sum of the discarded eigenvalues.</summary>
    [Test]
    public void DeepLearningNotes_7_1_PcaLoss()
    {
        var x = Draw(1, 200, 5) * Vector(3, 2, 1, 0.5, 0.1);
        var (values, vectors) = x.T.MatMul(x).Eigh();
        var eigenvalues = values.ToDoubles();
        for (var k = 1; k <= 5; k++)
        {
            var u = vectors.Narrow(1, 5 - k, k);
            var loss = (x - x.MatMul(u).MatMul(u.T)).Square().Sum().Item();
            Assert.That(loss, Is.EqualTo(eigenvalues[..(5 - k)].Sum()).Within(1e-9), $"{k} units");
            Assert.That(Distance(u.T.MatMul(u), Tensor.Eye(k, null, DType.Float64)), Is.LessThan(1e-13));
        }
    }

    /// <summary>KL(N(0.5, 2²) ‖ N(0, 1)) = 0.93185282.</summary>
    [Test]
    public void DeepLearningNotes_8_KlOfNormals()
    {
        var kl = KlDivergence.Between(new Normal(Vector(0.5), Vector(2)), new Normal(Vector(0), Vector(1)));
        Assert.That(kl.Item(), Is.EqualTo(0.93185282).Within(5e-9));
    }

    /// <summary>Example 8.5: both estimators of ∂E[x²]/∂φ, x ~ N(φ, 1), have the mean 2φ; their variances are φ⁴ + 14φ² + 15 and 4.</summary>
    [TestCase(0.0, 15)]
    [TestCase(1.0, 30)]
    [TestCase(2.0, 87)]
    public void DeepLearningNotes_Ex8_5_EstimatorVariances(double phi, double variance)
    {
        using var frame = Lifetime.Frame();
        const int Draws = 1_000_000;
        var mean = Leaf(Tensor.Full([Draws], phi, DType.Float64));
        var distribution = new Normal(mean, Tensor.Ones([1], DType.Float64));
        var x = distribution.RSample(generator: new Generator(4));
        var reparameterised = Autograd.Grad(x.Square().Sum(), mean);
        var fixedX = x.Detach();
        var score = Autograd.Grad((distribution.LogProb(fixedX) * fixedX.Square()).Sum(), mean);
        Assert.That(score.Mean().Item(), Is.EqualTo(2 * phi).Within(0.05));
        Assert.That(reparameterised.Mean().Item(), Is.EqualTo(2 * phi).Within(0.02));
        Assert.That(score.Var().Item(), Is.EqualTo(variance).Within(4).Percent);
        Assert.That(reparameterised.Var().Item(), Is.EqualTo(4).Within(1).Percent);
    }

    /// <summary>The optimal discriminator p_r/(p_r + p_f) makes V = −log 4 where the densities are equal; the gradient of log(1 − σ(a)) is −σ(a), that of log σ(a) is 1 − σ(a).</summary>
    [Test]
    public void DeepLearningNotes_9_OptimalDiscriminator()
    {
        var logit = Leaf(Tensor.Zeros([4], DType.Float64));
        var (real, fake) = (Vector(0.1, 0.2, 0.3, 0.4), Vector(0.1, 0.2, 0.3, 0.4));
        Tensor V(Tensor a) => (real * a.Sigmoid().Log()).Sum() + (fake * (-a).Sigmoid().Log()).Sum();
        Assert.That(V(logit).Item(), Is.EqualTo(-Math.Log(4)).Within(1e-15));
        Assert.That(Gradient(V(logit), logit), Is.All.Zero.Within(1e-16), "a maximum");
        var a = Leaf(-2, 0.3, 4);
        Assert.That(Gradient((-a).Sigmoid().Log().Sum(), a), Is.EqualTo((-a.Sigmoid()).ToDoubles()).Within(1e-14));
        Assert.That(Gradient(a.Sigmoid().Log().Sum(), a), Is.EqualTo((1 - a.Sigmoid()).ToDoubles()).Within(1e-14));
    }

    /// <summary>Definition 10.1: a planar flow's value and its determinant 1 + uᵀψ, which is that of the Jacobian.</summary>
    [Test]
    public void DeepLearningNotes_10_1_PlanarFlow()
    {
        var (w, u) = (Vector(0.8, -0.3), Vector(0.5, 1.1));
        Tensor Flow(Tensor z) => z + u * ((w * z).Sum() + 0.2).Tanh();
        var z = Vector(0.3, -0.7);
        Assert.That(Flow(z).ToDoubles(), Is.EqualTo(new[] { 0.58583498, -0.07116303 }).Within(1e-8));
        Assert.That(Autograd.Jacobian(Flow, z).Det().Item(), Is.EqualTo(1.04712354).Within(5e-9));
        var slope = 1 - ((w * z).Sum() + 0.2).Tanh().Square();
        Assert.That((1 + (u * (slope * w)).Sum()).Item(), Is.EqualTo(1.04712354).Within(5e-9));
    }

    /// <summary>Definition 10.2: a radial flow's determinant.</summary>
    [Test]
    public void DeepLearningNotes_10_1_RadialFlow()
    {
        var centre = Vector(0.1, 0.2);
        Tensor Flow(Tensor z) => z + 0.9 / (1.5 + (z - centre).VectorNorm()) * (z - centre);
        Assert.That(Autograd.Jacobian(Flow, Vector(0.3, -0.7)).Det().Item(), Is.EqualTo(1.68726797).Within(5e-9));
    }

    /// <summary>Reduced-rank attention scores (U·s)ᵀ(V·h) are bilinear ones with W = Uᵀ·V.</summary>
    [Test]
    public void DeepLearningNotes_12_1_LowRankScores()
    {
        var (s, h, u, v) = (Draw(1, 5, 6), Draw(2, 7, 6), Draw(3, 2, 6), Draw(4, 2, 6));
        var low = s.Linear(u).MatMul(h.Linear(v).T);
        var bilinear = s.MatMul(u.T.MatMul(v)).MatMul(h.T);
        Assert.That(Distance(low, bilinear), Is.LessThan(1e-13));
    }

    /// <summary>The variance of the dot product of two standard normal vectors is their dimension, which 1/√d makes up for.</summary>
    [TestCase(16)]
    [TestCase(64)]
    public void DeepLearningNotes_12_2_VarianceOfDotProducts(int dimension)
    {
        using var frame = Lifetime.Frame();
        var scores = (Draw(1, 50_000, dimension) * Draw(2, 50_000, dimension)).Sum(1);
        Assert.That(scores.Var().Item(), Is.EqualTo(dimension).Within(3).Percent);
    }

    /// <summary>Sinusoidal positions, d = 8, position 1: sine and cosine in pairs of one frequency (the printed exponent gives each a frequency of its own).</summary>
    [Test]
    public void DeepLearningNotes_12_2_1_SinusoidalPositions()
    {
        var pair = (Tensor.Arange(4, DType.Float64) * (-2.0 / 8 * Math.Log(10_000))).Exp();
        var encoding = Tensor.Stack([pair.Sin(), pair.Cos()], 1).Reshape(8);
        double[] expected = [0.841471, 0.540302, 0.099833, 0.995004, 0.01, 0.99995, 0.001, 1];
        Assert.That(encoding.ToDoubles(), Is.EqualTo(expected).Within(5e-7));
    }

    /// <summary>Under a causal mask a later token changes no earlier output, and every later one.</summary>
    [Test]
    public void DeepLearningNotes_12_3_1_Causality()
    {
        var x = Draw(1, 1, 6, 4);
        var changed = Tensor.Concat([x.Narrow(1, 0, 3), x.Narrow(1, 3, 1) + 1, x.Narrow(1, 4, 2)], 1);
        Tensor Attend(Tensor t) => t.ScaledDotProductAttention(t, t, isCausal: true);
        var difference = (Attend(changed) - Attend(x)).Abs().Max(2).Reshape(6).ToDoubles();
        Assert.That(difference[..3], Is.All.Zero);
        Assert.That(difference[3..], Is.All.Positive);
    }
}
