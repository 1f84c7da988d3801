using CudaNet.IO;
using CudaNet.Models;
using CudaNet.Optim;
using CudaNet.Training;
using static CudaNet.Tests.Fixtures.FixtureTensors;

namespace CudaNet.Tests.Fixtures.UnderstandingDeepLearning;

/// <summary>Problems of chapter 6 of "Understanding Deep Learning" (Prince 2023): fitting models.</summary>
[TestFixture]
public sealed class Chapter06FittingTests
{
    /// <summary>The Gabor model f = sin(u)·exp(−u²/32), u = φ₀ + 0.06φ₁x, and its derivatives at φ = (1, 2), x = 3.</summary>
    [Test]
    public void Udl_6_3_GaborModel()
    {
        var phi = Leaf(1, 2);
        var u = phi.Select(0, 0) + 0.06 * phi.Select(0, 1) * 3;
        var f = u.Sin() * (u.Square() / -32.0).Exp();
        Assert.That(Gradient(f, phi), Is.EqualTo(new[] { 0.119037, 0.0214267 }).Within(5e-7));
    }

    /// <summary>∂L/∂φ_j = −2Σ(y − f)·∂f/∂φ_j for all ten parameters of a shallow network.</summary>
    [Test]
    public void Udl_6_5_ShallowNetworkGradient()
    {
        var network = new ShallowNetwork(-0.23, [new(-0.2, 0.4, -1.3), new(-0.9, 0.9, 1.3), new(1.1, -0.7, 0.66)]);
        double[] x = [-0.3, 0.4, 0.8, 1.3, 1.9];
        double[] y = [1, 0, -0.5, 0.3, 2];
        var f = network.Call(Tensor.From(x, [5, 1])).Squeeze(1);
        (Vector(y) - f).Square().Sum().Backward();
        var predicted = f.ToDoubles();
        double Expected(Func<double, double> derivative) =>
            x.Select((xi, i) => -2 * (y[i] - predicted[i]) * derivative(xi)).Sum();
        Assert.That(network.Output.Bias!.Grad!.Item(), Is.EqualTo(Expected(_ => 1)).Within(1e-13));
        for (var d = 0; d < 3; d++)
        {
            var (offset, slope, weight) = network.Units[d];
            double Argument(double xi) => offset + slope * xi;
            double Active(double xi) => Argument(xi) > 0 ? 1 : 0;
            double[] expected =
            [
                Expected(xi => Argument(xi) * Active(xi)),
                Expected(xi => weight * Active(xi)),
                Expected(xi => weight * xi * Active(xi)),
            ];
            double[] found =
            [
                network.Output.Weight.Grad!.ToDoubles()[d],
                network.Hidden.Bias!.Grad!.ToDoubles()[d],
                network.Hidden.Weight.Grad!.ToDoubles()[d],
            ];
            Assert.That(found, Is.EqualTo(expected).Within(1e-13), $"unit {d + 1}");
        }
    }

    /// <summary>With a large enough fixed rate gradient descent leaves a sharp local minimum and goes to a flat one.</summary>
    [TestCase(0.02, 0)]
    [TestCase(0.15, 1)]
    public void Udl_6_8_LeavesALocalMinimum(double learningRate, int valley)
    {
        // Two parabolas, ½·20·x² and ½(x − 2)² − 1: the first has curvature 20, so that rates over 0.1 do not settle in it.
        var x = Leaf(0.1);
        var optimizer = new Sgd([x], learningRate);
        for (var step = 0; step < 300; step++)
        {
            optimizer.ZeroGrad();
            (10 * x.Square()).Minimum(0.5 * (x - 2).Square() - 1).Sum().Backward();
            optimizer.Step();
        }
        Assert.That(x.Item(), Is.EqualTo(valley == 0 ? 0 : 2).Within(0.01));
    }

    /// <summary>A thousand iterations with batches of 20 from 100 examples are 200 epochs.</summary>
    [Test]
    public void Udl_6_9_Epochs() => Assert.That(1000 / Batches(100, 20).Count, Is.EqualTo(200));

    /// <summary>A Hessian of 10⁶ × 10⁶ is never formed: products with it cost a gradient of a gradient.</summary>
    [Test]
    public void Udl_6_11_HessianVectorProducts()
    {
        Tensor Loss(Tensor w) => w.Tanh().MatMul(w.T).Square().Sum();
        var (w, v) = (Draw(1, 2, 3), Draw(2, 2, 3));
        var product = Autograd.Hvp(p => Loss(p[0]), [w], [v])[0].Reshape(6);
        var hessian = Autograd.Hessian(Loss, w).Reshape(6, 6);
        Assert.That(Distance(product, hessian.MatMul(v.Reshape(6, 1)).Squeeze(1)), Is.LessThan(1e-12));
        // Σ cos w over a million weights: the product is −cos(w)·v.
        var large = Draw(3, 1_000_000);
        var one = Autograd.Hvp(p => p[0].Cos().Sum(), [large], [Tensor.Ones([1_000_000], DType.Float64)])[0];
        Assert.That(Distance(one, -large.Cos()), Is.LessThan(1e-15));
    }

    internal static ArrayBatches Batches(int rows, int batchSize) =>
        new([new NamedArray("x", DType.UInt8, [rows], new byte[rows])], batchSize);
}
