namespace CudaNet.Tests.Ops;

/// <summary>Entropy-regularised transport: marginals, its limits for small and large ε, and gradients through the iterations.</summary>
[TestFixture]
public sealed class SinkhornTests
{
    private static double[] Normalised(double[] masses)
    {
        var sum = masses.Sum();
        return Array.ConvertAll(masses, m => m / sum);
    }

    private static Tensor Log(double[] masses, Device device) =>
        Tensor.From(Array.ConvertAll(masses, Math.Log), device: device);

    [TestCase("cpu")]
    [TestCase("simt")]
    public void MarginalsAreMetAlsoForSmallEpsilon(string deviceName)
    {
        using var frame = Lifetime.Frame();
        var device = TestDevices.Open(deviceName);
        var (a, b) = (Normalised([1, 2, 3, 4, 5]), Normalised([3, 1, 2, 2]));
        var cost = Tensor.Rand([5, 4], dtype: DType.Float64, device: device, generator: new Generator(2));
        foreach (var epsilon in new[] { 1, 0.1, 0.02 })
        {
            var (rows, columns) = cost.Sinkhorn(epsilon, 3000, Log(a, device), Log(b, device));
            var plan = cost.SinkhornPlan(rows, columns, epsilon);
            using var all = Assert.EnterMultipleScope();
            Assert.That(plan.Sum(1).ToDoubles(), Is.EqualTo(a).Within(1e-6), $"ε = {epsilon}");
            Assert.That(plan.Sum(0).ToDoubles(), Is.EqualTo(b).Within(1e-12), $"ε = {epsilon}");
        }
    }

    /// <summary>On the line the cheapest plan for a squared distance matches points in order.</summary>
    [Test]
    public void SmallEpsilonTendsToTheCheapestPlanAndLargeToTheProduct()
    {
        using var frame = Lifetime.Frame();
        var (x, y) = (Tensor.From([0.0, 1, 2.2, 3]), Tensor.From([3.1, 0.2, 2, 1.3]));
        var difference = x.Reshape(4, 1).Sub(y.Reshape(1, 4));
        var cost = difference.Mul(difference);
        var (rows, columns) = cost.Sinkhorn(0.005, 500);
        var cheapest = cost.SinkhornPlan(rows, columns, 0.005).Mul(cost).Sum().ToDoubles()[0];
        (rows, columns) = cost.Sinkhorn(1e6, 5);
        using var all = Assert.EnterMultipleScope();
        Assert.That(cheapest, Is.EqualTo((0.04 + 0.09 + 0.04 + 0.01) / 4).Within(1e-6));
        Assert.That(cost.SinkhornPlan(rows, columns, 1e6).ToDoubles(), Is.All.EqualTo(1.0 / 16).Within(1e-6));
    }

    /// <summary>Sinkhorn and Knopp: rows and columns of a positive matrix can be scaled until each sums to one value.</summary>
    [Test]
    public void ABatchOfMatricesBecomesDoublyStochastic()
    {
        using var frame = Lifetime.Frame();
        var matrices = Tensor.Rand([3, 6, 6], 0.1, 1, DType.Float64, generator: new Generator(4));
        var cost = matrices.Log().Neg();
        var (rows, columns) = cost.Sinkhorn(1, 200);
        var plan = cost.SinkhornPlan(rows, columns, 1).Affine(6);
        using var all = Assert.EnterMultipleScope();
        Assert.That(plan.Sum(1).ToDoubles(), Is.All.EqualTo(1).Within(1e-9));
        Assert.That(plan.Sum(2).ToDoubles(), Is.All.EqualTo(1).Within(1e-9));
    }

    /// <summary>By the envelope theorem the derivative of the regularised cost with respect to the cost is the plan.</summary>
    [TestCase("cpu")]
    [TestCase("simt")]
    public void TheGradientThroughTheIterationsIsThePlan(string deviceName)
    {
        using var frame = Lifetime.Frame();
        var device = TestDevices.Open(deviceName);
        var (a, b) = (Normalised([1, 2, 3]), Normalised([4, 1]));
        var cost = Tensor.Rand([3, 2], dtype: DType.Float64, device: device, generator: new Generator(6));
        cost.RequiresGrad = true;
        var (rows, columns) = cost.Sinkhorn(0.3, 60, Log(a, device), Log(b, device));
        var dual = rows.Mul(Tensor.From(a, device: device))
            .Sum()
            .Add(columns.Mul(Tensor.From(b, device: device)).Sum());
        dual.Backward();
        var plan = cost.Detach().SinkhornPlan(rows.Detach(), columns.Detach(), 0.3);
        Assert.That(cost.Grad!.ToDoubles(), Is.EqualTo(plan.ToDoubles()).Within(1e-9));
    }

    /// <summary>A point without mass takes no part: same potentials as without it, and no NaN in gradients.</summary>
    [TestCase("cpu")]
    [TestCase("simt")]
    public void PointsWithoutMassTakeNoPart(string deviceName)
    {
        using var frame = Lifetime.Frame();
        var device = TestDevices.Open(deviceName);
        var cost = Tensor.Rand([3, 2], dtype: DType.Float64, device: device, generator: new Generator(8));
        cost.RequiresGrad = true;
        var masses = Log([0.25, 0.75, 0], device);
        var columns = cost.Sinkhorn(0.2, 20, masses).Columns;
        columns.Sum().Backward();
        var without = cost.Detach().Narrow(0, 0, 2).Contiguous();
        var expected = without.Sinkhorn(0.2, 20, Log([0.25, 0.75], device)).Columns;
        var gradient = cost.Grad!.ToDoubles();
        using var all = Assert.EnterMultipleScope();
        Assert.That(columns.ToDoubles(), Is.EqualTo(expected.ToDoubles()).Within(1e-12));
        Assert.That(gradient, Is.All.Not.NaN);
        Assert.That(gradient[4..], Is.All.Zero);
    }
}
