using CudaNet.Nn;
using CudaNet.Optim;
using static CudaNet.Tests.Fixtures.FixtureTensors;

namespace CudaNet.Tests.Fixtures.UnderstandingDeepLearning;

/// <summary>Problems of chapter 7 of "Understanding Deep Learning" (Prince 2023): gradients and starting values.</summary>
[TestFixture]
public sealed class Chapter07GradientTests
{
    /// <summary>All thirteen derivatives of a network with two hidden layers of two units.</summary>
    [Test]
    public void Udl_7_2_TwoLayerDerivatives()
    {
        const double X = 0.7;
        double[] theta = [0.3, 0.5, -0.1, 0.9];
        double[] psi = [0.2, -0.3, 0.8, -0.4, 0.9, 0.6];
        double[] phi = [0.1, -1.2, 0.7];
        var (t, s, f) = (Leaf(theta), Leaf(psi), Leaf(phi));
        // θ = (θ01, θ11, θ02, θ12), ψ = (ψ01, ψ11, ψ21, ψ02, ψ12, ψ22)
        Tensor h1 = (t.Select(0, 0) + t.Select(0, 1) * X).Relu();
        Tensor h2 = (t.Select(0, 2) + t.Select(0, 3) * X).Relu();
        var u1 = s.Select(0, 0) + s.Select(0, 1) * h1 + s.Select(0, 2) * h2;
        var u2 = s.Select(0, 3) + s.Select(0, 4) * h1 + s.Select(0, 5) * h2;
        var y = f.Select(0, 0) + f.Select(0, 1) * u1.Relu() + f.Select(0, 2) * u2.Relu();
        var gradients = Autograd.Grad([y], [f, s, t]);

        double I(Tensor z) => z.Item() > 0 ? 1 : 0;
        var (a1, a2, i1, i2) = (h1.Item(), h2.Item(), I(u1), I(u2));
        double[] outer = [1, u1.Relu().Item(), u2.Relu().Item()];
        double[] middle =
        [
            phi[1] * i1,
            phi[1] * i1 * a1,
            phi[1] * i1 * a2,
            phi[2] * i2,
            phi[2] * i2 * a1,
            phi[2] * i2 * a2,
        ];
        var first = (phi[1] * i1 * psi[1] + phi[2] * i2 * psi[4]) * I(h1);
        var second = (phi[1] * i1 * psi[2] + phi[2] * i2 * psi[5]) * I(h2);
        double[] inner = [first, X * first, second, X * second];
        Assert.That((i1, i2), Is.EqualTo((1.0, 1.0)), "no part of the check is about zeros");
        Assert.That(gradients[0].ToDoubles(), Is.EqualTo(outer).Within(1e-14));
        Assert.That(gradients[1].ToDoubles(), Is.EqualTo(middle).Within(1e-14));
        Assert.That(gradients[2].ToDoubles(), Is.EqualTo(inner).Within(1e-14));
    }

    /// <summary>∂ℓ/∂f = 2(f − y) for the least-squares loss.</summary>
    [Test]
    public void Udl_7_4_LeastSquaresAtTheOutput()
    {
        var f = Leaf(0.3, -2, 5);
        var loss = f.MseLoss(Vector(1, -2, 4.5), Reduction.Sum);
        Assert.That(Gradient(loss, f), Is.EqualTo(new[] { -1.4, 0, 1 }).Within(1e-15));
    }

    /// <summary>∂ℓ/∂f = sig(f) − y for binary cross-entropy.</summary>
    [Test]
    public void Udl_7_5_BinaryCrossEntropyAtTheOutput()
    {
        var (f, y) = (Leaf(0.3, -2, 5), Vector(1, 0, 0));
        var loss = f.BceWithLogits(y, reduction: Reduction.Sum);
        Assert.That(Gradient(loss, f), Is.EqualTo((f.Sigmoid() - y).ToDoubles()).Within(1e-15));
    }

    /// <summary>∂z/∂h of z = β + Ωh is Ωᵀ in the booklet's layout, in which rows belong to h.</summary>
    [Test]
    public void Udl_7_6_DerivativeOfALinearLayer()
    {
        var omega = Draw(1, 3, 4);
        var jacobian = Autograd.Jacobian(h => h.Reshape(1, 4).Linear(omega, Draw(2, 3)).Reshape(3), Draw(3, 4));
        Assert.That(jacobian.T.Contiguous().ToDoubles(), Is.EqualTo(omega.T.Contiguous().ToDoubles()));
    }

    /// <summary>The sigmoid's derivative is s(1 − s), at most ¼, and goes to 0 on both sides.</summary>
    [Test]
    public void Udl_7_7_SigmoidDerivative()
    {
        var z = Leaf(Tensor.Linspace(-40, 40, 81, DType.Float64));
        var s = z.Sigmoid();
        var slopes = Autograd.Grad(s.Sum(), z);
        Assert.That(Distance(slopes, s * (1 - s)), Is.LessThan(1e-16));
        Assert.That(slopes.Max().Item(), Is.EqualTo(0.25).And.EqualTo(slopes.Select(0, 40).Item()));
        Assert.That(slopes.Select(0, 0).Item() + slopes.Select(0, 80).Item(), Is.LessThan(1e-16));
    }

    /// <summary>The step function and the rectangle have the gradient 0: no network can be trained through them.</summary>
    [Test]
    public void Udl_7_8_StepsHaveNoGradient()
    {
        var z = Leaf(-2, -0.3, 0.4, 0.9, 3);
        Assert.That(Gradient(z.Heaviside().Sum(), z), Is.All.Zero);
        Assert.That(Gradient(z.Rect().Sum(), z), Is.All.Zero);
    }

    /// <summary>∂ℓ/∂Ω = (∂ℓ/∂f)·hᵀ and ∂ℓ/∂β = ∂ℓ/∂f.</summary>
    [Test]
    public void Udl_7_9_GradientOfTheWeights()
    {
        var (omega, beta, h) = (Leaf(Draw(1, 3, 4)), Leaf(Draw(2, 3)), Draw(3, 1, 4));
        var g = Draw(4, 1, 3);
        var gradients = Autograd.Grad([h.Linear(omega, beta)], [omega, beta], [g]);
        Assert.That(Distance(gradients[0], g.T.MatMul(h)), Is.LessThan(1e-15));
        Assert.That(Distance(gradients[1], g.Squeeze(0)), Is.Zero);
    }

    /// <summary>Backwards through leaky ReLU: what comes from the next layer where f is positive, α times that where it is negative.</summary>
    [Test]
    public void Udl_7_10_LeakyRelu()
    {
        const double Alpha = 0.1;
        var (f, omega, g) = (Leaf(Draw(1, 6, 4)), Draw(2, 3, 4), Draw(3, 6, 3));
        var found = Autograd.Grad([f.LeakyRelu(Alpha).Linear(omega)], [f], [g])[0];
        var arriving = g.MatMul(omega);
        var expected = Tensor.Where(f.Gt(0), arriving, Alpha * arriving);
        Assert.That(Distance(found, expected), Is.LessThan(1e-15));
    }

    /// <summary>The training of figure 7.8, as far as the book says: 10-40-40-5 with He's starting values, SGD with momentum, the rate halved
    /// every 10 epochs of 10 batches of 10 random points.</summary>
    [Test]
    public void Udl_7_16_TrainingLoop()
    {
        using var frame = Lifetime.Frame();
        var network = Dense(10, 40, 40, 5);
        Assert.That(network.ParameterCount, Is.EqualTo(2285));
        var losses = Train(network, Draw(2, 100, 5), (output, target) => output.MseLoss(target));
        Assert.That(losses[^1], Is.LessThan(losses[0] / 2));
    }

    /// <summary>The same for targets in {0, 1}: a sigmoid behind the output, and binary cross-entropy.</summary>
    [Test]
    public void Udl_7_17_BinaryTargets()
    {
        using var frame = Lifetime.Frame();
        var targets = Draw(2, 100, 5).Gt(0).Cast(DType.Float64);
        var losses = Train(Dense(10, 40, 40, 5), targets, (output, target) => output.BceWithLogits(target));
        Assert.That(losses[^1], Is.LessThan(losses[0] / 2));
    }

    private static List<double> Train(Sequential network, Tensor targets, Func<Tensor, Tensor, Tensor> loss)
    {
        var generator = new Generator(5);
        network.Apply(module =>
        {
            if (module is not Linear layer)
                return;
            Init.HeNormal(layer.Weight, nonlinearity: Nonlinearity.Relu, generator: generator);
            Init.Zeros(layer.Bias!);
        });
        var points = Draw(1, 100, 10);
        var optimizer = new Sgd(network.Parameters(), learningRate: 0.1, momentum: 0.9);
        var schedule = new StepLr(optimizer, stepSize: 10, gamma: 0.5);
        var losses = new List<double>();
        for (var epoch = 0; epoch < 100; epoch++)
        {
            using var frame = Lifetime.Frame();
            var order = Tensor.RandPerm(100, generator: generator);
            for (var batch = 0; batch < 10; batch++)
            {
                var rows = order.Narrow(0, batch * 10, 10);
                optimizer.ZeroGrad();
                loss(network.Call(points.IndexSelect(0, rows)), targets.IndexSelect(0, rows)).Backward();
                optimizer.Step();
            }
            schedule.Step();
            losses.Add(loss(network.Call(points), targets).Item());
        }
        Assert.That(optimizer.LearningRate, Is.EqualTo(0.1 * Math.Pow(0.5, 10)).Within(1e-12));
        return losses;
    }
}
