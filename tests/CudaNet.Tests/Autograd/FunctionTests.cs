namespace CudaNet.Tests.Graphs;

using CudaNet;
using Autograd = CudaNet.Autograd;

[TestFixture]
public sealed class FunctionTests
{
    private sealed class Cube : Function
    {
        protected override Tensor[] Forward(FunctionContext context, Tensor[] inputs)
        {
            context.Save(inputs[0]);
            return [inputs[0] * inputs[0] * inputs[0]];
        }

        protected override Tensor?[] Backward(FunctionContext context, Tensor[] gradOutputs)
        {
            var x = context.Saved[0];
            return [gradOutputs[0] * x * x * 3.0];
        }
    }

    /// <summary>Rounds, and passes the gradient straight through (Bengio, Léonard, Courville 2013).</summary>
    private sealed class StraightThroughSign : Function
    {
        protected override Tensor[] Forward(FunctionContext context, Tensor[] inputs) =>
            [inputs[0].Gt(0.0).Cast(inputs[0].DType) * 2.0 - 1.0];

        protected override Tensor?[] Backward(FunctionContext context, Tensor[] gradOutputs) => [gradOutputs[0]];
    }

    private sealed class WrongCount : Function
    {
        protected override Tensor[] Forward(FunctionContext context, Tensor[] inputs) => [inputs[0] * 1.0];

        protected override Tensor?[] Backward(FunctionContext context, Tensor[] gradOutputs) => [];
    }

    [Test]
    public void BackwardWrittenInOpsCanBeDifferentiatedAgain()
    {
        var x = Tensor.Scalar(2, DType.Float64).Leaf();
        var y = new Cube().Apply(x)[0];
        var first = Autograd.Grad(y, x, createGraph: true);
        var second = Autograd.Grad(first, x, createGraph: true);
        var third = Autograd.Grad(second, x);
        Assert.That(
            new[] { y.Item(), first.Item(), second.Item(), third.Item() },
            Is.EqualTo(new[] { 8.0, 12, 12, 6 })
        );
    }

    [Test]
    public void StraightThroughEstimatorKeepsTheGradient()
    {
        var x = Tensor.From(new[] { -0.3, 0.7 }).Leaf();
        var y = new StraightThroughSign().Apply(x)[0];
        (y * Tensor.From(new[] { 5.0, 6.0 })).Sum().Backward();
        Assert.Multiple(() =>
        {
            Assert.That(y.ToDoubles(), Is.EqualTo(new[] { -1.0, 1 }));
            Assert.That(x.Grad!.ToDoubles(), Is.EqualTo(new[] { 5.0, 6 }));
        });
    }

    [Test]
    public void AWrongNumberOfGradientsNamesTheFunction()
    {
        var x = Tensor.Scalar(2).Leaf();
        var y = new WrongCount().Apply(x)[0];
        Assert.That(Assert.Throws<AutogradException>(() => y.Backward())!.Message, Does.Contain("WrongCount"));
    }
}
