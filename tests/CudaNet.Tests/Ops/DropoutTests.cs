namespace CudaNet.Tests.Ops;

/// <summary>What dropout does to many elements, and to gradients.</summary>
[TestFixture]
public sealed class DropoutTests
{
    [TestCase("cpu", 0.1)]
    [TestCase("cpu", 0.75)]
    [TestCase("simt", 0.3)]
    public void DropsWithProbabilityAndScalesTheRest(string device, double p)
    {
        const int n = 40_000;
        var y = Tensor.Full([n], 2, device: TestDevices.Open(device)).Dropout(p, generator: new Generator(6));
        var values = y.ToDoubles();
        using var all = Assert.EnterMultipleScope();
        Assert.That(values.Count(v => v == 0) / (double)n, Is.EqualTo(p).Within(5 * Math.Sqrt(p * (1 - p) / n)));
        Assert.That(values.Where(v => v != 0), Is.All.EqualTo(2 / (1 - p)).Within(1e-6));
    }

    [Test]
    public void TheNextDrawDiffersAndARestoredOneDoesNot()
    {
        var generator = new Generator(2);
        var x = Tensor.Ones([64]);
        var first = x.Dropout(0.5, generator: generator).ToDoubles();
        var second = x.Dropout(0.5, generator: generator).ToDoubles();
        generator.Offset = 0;
        using var all = Assert.EnterMultipleScope();
        Assert.That(second, Is.Not.EqualTo(first));
        Assert.That(x.Dropout(0.5, generator: generator).ToDoubles(), Is.EqualTo(first));
    }

    [TestCase("cpu")]
    [TestCase("simt")]
    public void GradientsFlowWhereElementsWereKept(string device)
    {
        var x = Tensor.Ones([500], device: TestDevices.Open(device));
        x.RequiresGrad = true;
        var y = x.Dropout(0.4, generator: new Generator(8));
        y.Sum().Backward();
        Assert.That(x.Grad!.ToDoubles(), Is.EqualTo(y.ToDoubles()));
    }

    [Test]
    public void EverythingOrNothing()
    {
        var x = Tensor.Ones([9]);
        using var all = Assert.EnterMultipleScope();
        Assert.That(x.Dropout(1).ToDoubles(), Is.All.Zero);
        Assert.That(x.Dropout(0), Is.SameAs(x));
        Assert.That(x.Dropout(0.5, training: false), Is.SameAs(x));
    }
}
