namespace CudaNet.Tests.Graphs;

using CudaNet;
using Autograd = CudaNet.Autograd;

[TestFixture]
public sealed class GraphTests
{
    [Test]
    public void ChainOf100000NodesDoesNotOverflowTheStack()
    {
        var x = Tensor.Full([1], 1, DType.Float64).Leaf();
        var y = x;
        for (var i = 0; i < 100_000; i++)
            y = y * 1.00001;
        y.Backward();
        Assert.That(x.Grad!.Item(), Is.EqualTo(Math.Pow(1.00001, 100_000)).Within(1e-9));
    }

    [Test]
    public void SharedNodesAccumulate()
    {
        var x = Tensor.Scalar(3, DType.Float64).Leaf();
        var square = x * x;
        (square * square + square * 2.0 + x).Backward();
        // y = x⁴ + 2x² + x
        Assert.That(x.Grad!.Item(), Is.EqualTo(4 * 27 + 12 + 1));
    }

    [Test]
    public void HigherDerivativesOfAPower()
    {
        var x = Tensor.Scalar(1.5, DType.Float64).Leaf();
        var y = x.Pow(5);
        double[] expected = [5 * Math.Pow(1.5, 4), 20 * Math.Pow(1.5, 3), 60 * 1.5 * 1.5, 120 * 1.5, 120];
        foreach (var value in expected)
        {
            y = Autograd.Grad(y, x, createGraph: true);
            Assert.That(y.Item(), Is.EqualTo(value).Within(1e-10 * value));
        }
    }

    [Test]
    public void BackwardTwiceNeedsRetainGraph()
    {
        var x = Tensor.Ones([2], DType.Float64).Leaf();
        var y = (x * x).Sum();
        y.Backward(retainGraph: true);
        y.Backward();
        Assert.That(x.Grad!.ToDoubles(), Is.EqualTo(new[] { 4.0, 4.0 }));
        var error = Assert.Throws<AutogradException>(() => y.Backward());
        Assert.That(error!.Message, Does.Contain("retainGraph"));
    }

    [Test]
    public void DetachAndNoGradStopTheGraph()
    {
        var x = Tensor.Scalar(2, DType.Float64).Leaf();
        (x * x.Detach()).Backward();
        Assert.That(x.Grad!.Item(), Is.EqualTo(2));
        using (Autograd.NoGrad())
            Assert.That((x * x).RequiresGrad, Is.False);
        Assert.That((x * x).RequiresGrad, Is.True);
    }

    [Test]
    public void GradModeFollowsTheFlowOfExecutionNotTheThread()
    {
        using (Autograd.NoGrad())
        {
            var inside = Task.Run(() => Autograd.IsEnabled).GetAwaiter().GetResult();
            Assert.That(inside, Is.False);
        }
        Assert.That(Autograd.IsEnabled, Is.True);
    }

    [Test]
    public void HooksSeeAndReplaceGradients()
    {
        var x = Tensor.Scalar(3, DType.Float64).Leaf();
        var y = x * x;
        var seen = new List<double>();
        using (
            y.RegisterHook(g =>
            {
                seen.Add(g.Item());
                return g * 10.0;
            })
        )
            (y * 2.0).Backward();
        Assert.Multiple(() =>
        {
            Assert.That(seen, Is.EqualTo(new[] { 2.0 }));
            Assert.That(x.Grad!.Item(), Is.EqualTo(2 * 10 * 6));
        });
        x.Grad = null;
        (x * x * 2.0).Backward();
        Assert.That(seen, Has.Count.EqualTo(1), "a removed hook is not called");
    }

    [Test]
    public void RetainGradKeepsTheGradientOfAnIntermediate()
    {
        var x = Tensor.Scalar(3, DType.Float64).Leaf();
        var y = x * x;
        y.RetainGrad();
        (y * 5.0).Backward();
        Assert.That(y.Grad!.Item(), Is.EqualTo(5));
    }

    [Test]
    public void WritingOverASavedTensorIsReportedWithBothNames()
    {
        var x = Tensor.Ones([3], DType.Float32).Leaf();
        var w = Tensor.Full([3], 2);
        var y = (x * w).Sum();
        w.CopyFrom<float>([1, 2, 3]);
        var error = Assert.Throws<AutogradException>(() => y.Backward());
        Assert.That(error!.Message, Does.Contain("'mul'").And.Contain("'CopyFrom'").And.Contain("(3)"));
    }

    [Test]
    public void UnusedInputsNeedAllowUnused()
    {
        var (x, z) = (Tensor.Ones([2]).Leaf(), Tensor.Ones([3]).Leaf());
        var y = (x * x).Sum();
        Assert.Throws<AutogradException>(() => Autograd.Grad([y], [x, z]));
        var gradients = Autograd.Grad([(x * x).Sum()], [x, z], allowUnused: true);
        Assert.That(gradients[1].ToDoubles(), Is.EqualTo(new double[3]));
    }

    [Test]
    public void OpsWithoutAGradientThrowInsteadOfVanishing()
    {
        var x = Tensor.Ones([3]).Leaf();
        Assert.Multiple(() =>
        {
            Assert.That(x.ArgMax(0).RequiresGrad, Is.False, "indices have no gradient");
            Assert.Throws<AutogradException>(() => Tensor.Ones([3], DType.Int64).Leaf());
        });
    }

    [Test]
    public void ACotangentIsNeededUnlessTheOutputIsAScalar()
    {
        var x = Tensor.Ones([3]).Leaf();
        var y = x * 2.0;
        Assert.That(Assert.Throws<AutogradException>(() => y.Backward())!.Message, Does.Contain("(3)"));
        Assert.Throws<ShapeException>(() => y.Backward(Tensor.Ones([2])));
        y.Backward(Tensor.From(new float[] { 1, 2, 3 }));
        Assert.That(x.Grad!.ToDoubles(), Is.EqualTo(new double[] { 2, 4, 6 }));
    }

    [Test]
    public void GradientsOfSeveralLeavesDoNotShareMemory()
    {
        var (a, b) = (Tensor.Ones([2]).Leaf(), Tensor.Ones([2]).Leaf());
        (a + b).Backward(Tensor.Ones([2]));
        a.Grad!.CopyFrom<float>([7, 7]);
        Assert.That(b.Grad!.ToDoubles(), Is.EqualTo(new double[] { 1, 1 }));
    }

    [Test]
    public void JacobianAndHessianMatchClosedForms()
    {
        var x = Tensor.From(new[] { 0.5, -1.0, 2.0 });
        var jacobian = Autograd.Jacobian(v => v * v * 3.0, x);
        Assert.That(jacobian.ToDoubles(), Is.EqualTo(new[] { 3.0, 0, 0, 0, -6, 0, 0, 0, 12 }));
        var hessian = Autograd.Hessian(v => (v * v * v).Sum(), x);
        Assert.That(hessian.ToDoubles(), Is.EqualTo(new[] { 3.0, 0, 0, 0, -6, 0, 0, 0, 12 }));
        var product = Autograd.Hvp(v => (v[0] * v[0] * v[0]).Sum(), [x], [Tensor.From(new[] { 1.0, 1, 1 })]);
        Assert.That(product[0].ToDoubles(), Is.EqualTo(new[] { 3.0, -6, 12 }));
        var (_, gradients) = Autograd.Vjp(v => [v[0] * v[0]], [x], [Tensor.From(new[] { 1.0, 2, 3 })]);
        Assert.That(gradients[0].ToDoubles(), Is.EqualTo(new[] { 1.0, -4, 12 }));
    }

    /// <summary>An addition hands one gradient to both operands; an op that differentiates its composition must leave it to the other.</summary>
    [Test]
    public void AGradientThatTwoEdgesShareOutlivesACompositionsBackward()
    {
        var (a, g, x) = (Tensor.From([1.0, 2]), Tensor.From([0.5, -1]), Tensor.From([0.3, -0.7]));
        a.RequiresGrad = x.RequiresGrad = true;
        var y = a + GeluBackwardOp.Instance.Apply([g, x], Attributes.Of((long)GeluApproximation.None));
        var gradients = CudaNet.Autograd.Grad([(y * y).Sum()], [a, x]);
        Assert.That(gradients[0]!.ToDoubles(), Is.EqualTo((2 * y.Detach()).ToDoubles()).Within(1e-12));
        Assert.That(gradients[1]!.ToDoubles(), Has.None.NaN);
    }
}
