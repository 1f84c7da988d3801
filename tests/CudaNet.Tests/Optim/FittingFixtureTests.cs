using CudaNet.Distributions;
using CudaNet.Nn;
using CudaNet.Optim;

namespace CudaNet.Tests.Optim;

/// <summary>Worked examples on fitting and on starting values, named after their sources.</summary>
[TestFixture]
public sealed class FittingFixtureTests
{
    private static Tensor Leaf(params double[] values)
    {
        var tensor = Tensor.From(values);
        tensor.RequiresGrad = true;
        return tensor;
    }

    /// <summary>UDL 6.2: the Hessian of Σ(φ₀ + φ₁x − y)² is [[2I, 2Σx], [2Σx, 2Σx²]], and positive definite unless all x are equal.</summary>
    [Test]
    public void Udl_6_2_HessianOfLinearRegression()
    {
        double[] x = [0.3, -1, 2, 0.5];
        var y = Tensor.From<double>([1, 2, -1, 0.5]);
        Tensor Loss(Tensor phi) => (phi.Select(0, 0) + phi.Select(0, 1) * Tensor.From(x) - y).Square().Sum();
        var hessian = Autograd.Hessian(Loss, Leaf(0.2, -0.4));
        double[] expected = [2 * x.Length, 2 * x.Sum(), 2 * x.Sum(), 2 * x.Sum(v => v * v)];
        Assert.That(hessian.ToDoubles(), Is.EqualTo(expected).Within(1e-12));
        var spread = x.Sum(v => (v - x.Average()) * (v - x.Average()));
        Assert.That(hessian.Det().Item(), Is.EqualTo(4 * x.Length * spread).Within(1e-11));
        Assert.That(hessian.Eigh().Eigenvalues.ToDoubles(), Is.All.Positive);
    }

    /// <summary>UDL 6.4: the loss and gradient of logistic regression, and the same by the Bernoulli distribution.</summary>
    [Test]
    public void Udl_6_4_LogisticRegression()
    {
        var phi = Leaf(0.3, -0.7);
        var x = Tensor.From<double>([-1, 0, 2]);
        var y = Tensor.From<double>([0, 1, 1]);
        var loss = -new Bernoulli(phi.Select(0, 0) + phi.Select(0, 1) * x).LogProb(y).Sum();
        Assert.That(loss.Item(), Is.EqualTo(3.254952).Within(1e-6));
        var gradient = Autograd.Grad(loss, phi).ToDoubles();
        Assert.That(gradient, Is.EqualTo(new[] { -0.444759, -2.231579 }).Within(1e-6));
    }

    /// <summary>UDL 6.7: gradient descent oscillates across a long valley; Newton's method goes to its floor at once.</summary>
    [Test]
    public void Udl_6_7_NewtonDoesNotOscillate()
    {
        Tensor Valley(Tensor at) => (at.Square() * Tensor.From<double>([1, 100])).Sum();
        var (descent, newton) = (Leaf(1, 1), Leaf(1, 1));
        var optimizer = new Sgd([descent], 0.0095);
        var signs = new List<int>();
        for (var step = 0; step < 6; step++)
        {
            optimizer.Step(() =>
            {
                optimizer.ZeroGrad();
                var loss = Valley(descent);
                loss.Backward();
                return loss;
            });
            signs.Add(Math.Sign(descent.ToDoubles()[1]));
        }
        Assert.That(signs, Is.EqualTo(new[] { -1, 1, -1, 1, -1, 1 }));
        new Newton([newton]).Step(() => Valley(newton));
        Assert.That(newton.ToDoubles(), Is.All.Zero.Within(1e-15));
    }

    /// <summary>Learning notes, on learning rates: on ½aθ² gradient descent diverges exactly when the rate is over 2/a.</summary>
    [TestCase(0.49, true)]
    [TestCase(0.51, false)]
    public void LearningNotes_LearningRate_DivergesOverTwoOverTheCurvature(double rate, bool converges)
    {
        const double Curvature = 4;
        var theta = Leaf(1);
        var optimizer = new Sgd([theta], rate);
        for (var step = 0; step < 200; step++)
        {
            theta.Grad = (theta * Curvature).Detach();
            optimizer.Step();
        }
        Assert.That(Math.Abs(theta.Item()), converges ? Is.LessThan(0.05) : Is.GreaterThan(20));
    }

    /// <summary>UDL 7.14: of a symmetric input ReLU keeps half of the second moment, which He's starting values make up for.</summary>
    [Test]
    public void Udl_7_14_ReluHalvesTheSecondMoment()
    {
        using var frame = Lifetime.Frame();
        var a = Tensor.RandN([200_000], 0, 3, DType.Float64, generator: new Generator(1));
        Assert.That(a.Relu().Square().Mean().Item(), Is.EqualTo(4.5).Within(2).Percent);
        var h = Tensor.RandN([64, 512], dtype: DType.Float64, generator: new Generator(2));
        var generator = new Generator(3);
        for (var layer = 0; layer < 8; layer++)
        {
            var weight = Init.HeNormal(
                Tensor.Empty([512, 512], DType.Float64),
                nonlinearity: Nonlinearity.Relu,
                generator: generator
            );
            h = h.Linear(weight).Relu();
        }
        Assert.That(h.Square().Mean().Item(), Is.InRange(0.6, 1.6), "as large after eight layers");
    }

    /// <summary>UDL 7.15: from zeros all hidden units of a ReLU network are equal, and only the output's bias has a gradient.</summary>
    [Test]
    public void Udl_7_15_ZeroInitialisation()
    {
        var (hidden, output) = (new Linear(3, 4, dtype: DType.Float64), new Linear(4, 1, dtype: DType.Float64));
        foreach (var parameter in hidden.Parameters().Concat(output.Parameters()))
            Init.Zeros(parameter);
        var x = Tensor.RandN([5, 3], dtype: DType.Float64, generator: new Generator(1));
        (output.Call(hidden.Call(x).Relu()) - 1).Square().Sum().Backward();
        using var all = Assert.EnterMultipleScope();
        Assert.That(hidden.Weight.Grad!.ToDoubles(), Is.All.Zero);
        Assert.That(hidden.Bias!.Grad!.ToDoubles(), Is.All.Zero);
        Assert.That(output.Weight.Grad!.ToDoubles(), Is.All.Zero);
        Assert.That(output.Bias!.Grad!.Item(), Is.EqualTo(-10));
    }

    /// <summary>Deep learning notes, theorem 1.4: a network with 1-Lipschitz activations stretches by no more than the product of its layers' spectral norms.</summary>
    [Test]
    public void DeepLearningNotes_Theorem1_4_LipschitzBound()
    {
        using var frame = Lifetime.Frame();
        var generator = new Generator(4);
        var layers = new[] { (6, 8), (8, 8), (8, 3) }
            .Select(s => Init.Normal(Tensor.Empty([s.Item2, s.Item1], DType.Float64), generator: generator))
            .ToList();
        var bound = layers
            .Select(w => w.SpectralNorm(200, generator: generator).Norm.Item())
            .Aggregate((a, b) => a * b);
        Tensor Network(Tensor x) => x.Linear(layers[0]).Tanh().Linear(layers[1]).Relu().Linear(layers[2]);
        var x = Tensor.RandN([500, 6], dtype: DType.Float64, generator: generator);
        var y = x + Tensor.RandN([500, 6], 0, 0.3, DType.Float64, generator: generator);
        var stretched = (Network(x) - Network(y)).VectorNorm(2, 1) / (x - y).VectorNorm(2, 1);
        Assert.That(stretched.ToDoubles(), Is.All.LessThanOrEqualTo(bound));
        var (_, s, vh) = layers[0].Svd();
        var along = vh.Select(0, 0);
        Assert.That(
            along.Reshape(1, 6).Linear(layers[0]).VectorNorm().Item(),
            Is.EqualTo(s.ToDoubles()[0]).Within(1e-12)
        );
    }
}
