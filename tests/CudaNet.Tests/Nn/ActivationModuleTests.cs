namespace CudaNet.Tests.Nn;

using CudaNet;
using CudaNet.Nn;

/// <summary>Activation modules: what they compute, and how the learned ones learn.</summary>
[TestFixture]
public sealed class ActivationModuleTests
{
    private static IEnumerable<TestCaseData> Modules()
    {
        TestCaseData Case(Module<Tensor, Tensor> module, Func<Tensor, Tensor> function) =>
            new TestCaseData(module, function).SetArgDisplayNames(module.GetType().Name);

        yield return Case(new Relu6(), x => x.Relu6());
        yield return Case(new Hardtanh(-0.5, 2), x => x.Hardtanh(-0.5, 2));
        yield return Case(new LeakyRelu(0.3), x => x.LeakyRelu(0.3));
        yield return Case(new Elu(0.3), x => x.Elu(0.3));
        yield return Case(new Selu(), x => x.Selu());
        yield return Case(new Silu(), x => x.Silu());
        yield return Case(new Mish(), x => x.Mish());
        yield return Case(new Softplus(2), x => x.Softplus(2));
        yield return Case(new Gelu(GeluApproximation.Tanh), x => x.Gelu(GeluApproximation.Tanh));
        yield return Case(new Softmax(1), x => x.Softmax(1));
        yield return Case(new LogSoftmax(0), x => x.LogSoftmax(0));
        yield return Case(new Heaviside(), x => x.Heaviside());
        yield return Case(new Rect(), x => x.Rect());
        yield return Case(new PRelu(), x => x.LeakyRelu(0.25));
        yield return Case(new Swish(), x => x.Silu());
    }

    [TestCaseSource(nameof(Modules))]
    public void ModulesComputeWhatTheirFunctionDoes(Module<Tensor, Tensor> module, Func<Tensor, Tensor> function)
    {
        var x = Tensor.RandN([3, 5], generator: new Generator(1));
        Assert.That(module.Call(x).ToDoubles(), Is.EqualTo(function(x).ToDoubles()).Within(1e-6));
    }

    [Test]
    public void RandomSlopesAreDrawnInTrainingOnly()
    {
        var module = new RRelu(0.25, 0.75, new Generator(3));
        var x = Tensor.Full([100], -1);
        Assert.That(module.Call(x).ToDoubles().Distinct().Count(), Is.GreaterThan(50));
        module.Eval();
        Assert.That(module.Call(x).ToDoubles(), Is.All.EqualTo(-0.5));
    }

    [Test]
    public void EachChannelLearnsItsSlope()
    {
        var module = new PRelu(3, init: 0.5);
        var x = Tensor.From([1f, -2, -3, -4, 5, 6], [2, 3]);
        module.Call(x).Sum().Backward();
        Assert.That(module.Weight.Grad!.ToDoubles(), Is.EqualTo(new double[] { -4, -2, -3 }));
        Assert.That(module.NamedParameters().Single().Name, Is.EqualTo("weight"));
    }

    /// <summary>SELU's constants are the fixed point of mean 0 and variance 1 through a wide layer.</summary>
    [Test]
    public void SeluKeepsMeanAndVariance()
    {
        var x = Tensor.RandN([200_000], dtype: DType.Float64, generator: new Generator(4)).Selu().ToDoubles();
        var mean = x.Average();
        Assert.That(mean, Is.Zero.Within(0.015));
        Assert.That(x.Average(v => (v - mean) * (v - mean)), Is.EqualTo(1).Within(0.02));
    }
}
