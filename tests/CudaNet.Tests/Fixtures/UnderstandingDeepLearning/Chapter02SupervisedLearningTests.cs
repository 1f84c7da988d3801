using CudaNet.Models;
using static CudaNet.Tests.Fixtures.FixtureTensors;

namespace CudaNet.Tests.Fixtures.UnderstandingDeepLearning;

/// <summary>Problems of chapter 2 of "Understanding Deep Learning" (Prince 2023).</summary>
[TestFixture]
public sealed class Chapter02SupervisedLearningTests
{
    private static readonly double[] s_x = [0.3, -1, 2, 0.5];
    private static readonly double[] s_y = [1, 2, -1, 0.5];

    /// <summary>∂L/∂φ₀ = 2Σ(φ₀ + φ₁x − y) and ∂L/∂φ₁ = 2Σx(φ₀ + φ₁x − y).</summary>
    [Test]
    public void Udl_2_1_LinearRegressionGradient()
    {
        var phi = Leaf(0.2, -0.4);
        var prediction = phi.Select(0, 0) + phi.Select(0, 1) * Tensor.From(s_x);
        var gradient = Gradient(prediction.MseLoss(Tensor.From(s_y), Reduction.Sum), phi);
        var residuals = s_x.Zip(s_y, (x, y) => 0.2 - 0.4 * x - y).ToArray();
        double[] expected = [2 * residuals.Sum(), 2 * residuals.Zip(s_x, (r, x) => r * x).Sum()];
        Assert.That(gradient, Is.EqualTo(expected).Within(1e-13));
    }

    /// <summary>The minimum is at φ₁ = S_xy / S_xx and φ₀ = ȳ − φ₁x̄, and gradient descent reaches it.</summary>
    [Test]
    public void Udl_2_2_ClosedFormMinimum()
    {
        var (meanX, meanY) = (s_x.Average(), s_y.Average());
        var slope = s_x.Zip(s_y, (x, y) => (x - meanX) * (y - meanY)).Sum() / s_x.Sum(x => (x - meanX) * (x - meanX));
        double[] expected = [meanY - slope * meanX, slope];
        var design = LeastSquares.WithIntercept(Tensor.From(s_x, [4, 1]));
        var solved = LeastSquares.Solve(design, Tensor.From(s_y));
        Assert.That(solved.ToDoubles(), Is.EqualTo(expected).Within(1e-13));

        var phi = Leaf(0, 0);
        var optimizer = new CudaNet.Optim.Sgd([phi], learningRate: 0.05);
        for (var step = 0; step < 400; step++)
        {
            optimizer.ZeroGrad();
            design.MatMul(phi.Unsqueeze(1)).Squeeze(1).MseLoss(Tensor.From(s_y), Reduction.Sum).Backward();
            optimizer.Step();
        }
        Assert.That(phi.ToDoubles(), Is.EqualTo(expected).Within(1e-9));
    }

    /// <summary>Of (0, 0), (1, 1), (2, 1) the discriminative line is y = 1/6 + x/2, the generative one y = 2x/3; their slopes have the ratio r² = 3/4.</summary>
    [Test]
    public void Udl_2_3_GenerativeRegression()
    {
        var (x, y) = (Vector(0, 1, 2), Vector(0, 1, 1));
        var forward = LeastSquares.Solve(LeastSquares.WithIntercept(x.Unsqueeze(1)), y).ToDoubles();
        var inverse = LeastSquares.Solve(LeastSquares.WithIntercept(y.Unsqueeze(1)), x).ToDoubles();
        Assert.That(forward, Is.EqualTo(new[] { 1.0 / 6, 0.5 }).Within(1e-14));
        Assert.That(inverse, Is.EqualTo(new[] { 0, 1.5 }).Within(1e-14));
        Assert.That(forward[1] * inverse[1], Is.EqualTo(0.75).Within(1e-14));
    }
}
