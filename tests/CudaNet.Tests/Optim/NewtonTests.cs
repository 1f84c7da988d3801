using CudaNet.Optim;

namespace CudaNet.Tests.Optim;

[TestFixture]
public sealed class NewtonTests
{
    private static Tensor Leaf(params double[] values)
    {
        var tensor = Tensor.From(values);
        tensor.RequiresGrad = true;
        return tensor;
    }

    /// <summary>The minimum of a quadratic function is one step away, whatever its condition; two parameters share the Hessian.</summary>
    [Test]
    public void OneStepSolvesAQuadraticProblem()
    {
        var (x, y) = (Leaf(3, -2), Leaf(5));
        Tensor Loss()
        {
            var all = Tensor.Concat([x, y]);
            var matrix = Tensor.From<double>([4, 1, 0.5, 1, 3, 0.2, 0.5, 0.2, 2000], [3, 3]);
            return 0.5 * all.MatMul(matrix).MatMul(all) - all.Sum();
        }
        var before = Loss().Item();
        var loss = new Newton([x, y]).Step(Loss);
        Assert.That(loss.Item(), Is.EqualTo(before));
        var matrix = Tensor.From<double>([4, 1, 0.5, 1, 3, 0.2, 0.5, 0.2, 2000], [3, 3]);
        var expected = matrix.Solve(Tensor.Ones([3], DType.Float64)).ToDoubles();
        Assert.That(x.ToDoubles().Concat(y.ToDoubles()), Is.EqualTo(expected).Within(1e-12));
    }

    /// <summary>From a point where the Hessian is indefinite, down and then quadratically to the minimum.</summary>
    [Test]
    public void FindsTheMinimumOfRosenbrocksFunction()
    {
        var x = Leaf(-1.2, 2.5, 0.3);
        Tensor Loss()
        {
            var (head, tail) = (x.Narrow(0, 0, 2), x.Narrow(0, 1, 2));
            return (100 * (tail - head.Square()).Square() + (1 - head).Square()).Sum();
        }
        var optimizer = new Newton([x]);
        var losses = Enumerable.Range(0, 40).Select(_ => optimizer.Step(Loss).Item()).ToArray();
        Assert.That(losses, Is.Ordered.Descending);
        Assert.That(x.ToDoubles(), Is.All.EqualTo(1).Within(1e-8));
    }

    /// <summary>Exercise 1.1 of the deep learning notes: the maximum-likelihood Gumbel distribution of five numbers.</summary>
    [Test]
    public void DeepLearningNotes_Ex1_1_GumbelMle()
    {
        var x = Tensor.From<double>([0.3, 1.2, -0.5, 2.0, 0.9]);
        var (loc, scale) = (Leaf(0.4), Leaf(0.8));
        Tensor Loss() => -new CudaNet.Distributions.Gumbel(loc, scale).LogProb(x).Sum();
        var loss = Loss();
        var gradients = Autograd.Grad([loss], [loc, scale]);
        using var all = Assert.EnterMultipleScope();
        Assert.That(loss.Item(), Is.EqualTo(6.511123698).Within(1e-9));
        Assert.That(gradients[0].Item(), Is.EqualTo(0.3148018186).Within(1e-9));
        Assert.That(gradients[1].Item(), Is.EqualTo(-0.0109988890).Within(1e-9));
        var optimizer = new Newton([loc, scale]);
        for (var i = 0; i < 8; i++)
            optimizer.Step(Loss);
        Assert.That(loc.Item(), Is.EqualTo(0.355666979).Within(1e-8));
        Assert.That(scale.Item(), Is.EqualTo(0.789020774).Within(1e-8));
        Assert.That(Loss().Item(), Is.EqualTo(6.504171955).Within(1e-9));
    }

    [Test]
    public void RefusesManyParameters() =>
        Assert.That(
            () => new Newton([Leaf(new double[5000])]),
            Throws.TypeOf<AttributeException>().With.Message.Contains("Lbfgs")
        );
}
