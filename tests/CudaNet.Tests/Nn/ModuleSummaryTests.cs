namespace CudaNet.Tests.Nn;

using CudaNet;
using CudaNet.Nn;

[TestFixture]
public sealed class ModuleSummaryTests
{
    private static Sequential Network() =>
        new(
            new Conv2d(1, 4, 3, padding: 1),
            new Sequential(new Relu(), new MaxPool2d(2)),
            new Flatten(),
            new Linear(16, 5)
        );

    [Test]
    public void CountsShapesParametersAndOperations()
    {
        var network = Network();
        network.Children[1].Module.Eval();
        var summary = network.Summary([2, 1, 4, 4]);
        using var all = Assert.EnterMultipleScope();
        Assert.That(
            summary.Rows.Select(row => (row.Name, row.Type, row.Output)),
            Is.EqualTo(
                new[]
                {
                    ("", "Sequential", "(2, 5)"),
                    ("0", "Conv2d", "(2, 4, 4, 4)"),
                    ("1", "Sequential", "(2, 4, 2, 2)"),
                    ("1.0", "Relu", "(2, 4, 4, 4)"),
                    ("1.1", "MaxPool2d", "(2, 4, 2, 2)"),
                    ("2", "Flatten", "(2, 16)"),
                    ("3", "Linear", "(2, 5)"),
                }
            )
        );
        Assert.That(summary.Parameters, Is.EqualTo(4 * 9 + 4 + 16 * 5 + 5));
        Assert.That(summary.ParameterBytes, Is.EqualTo(4 * summary.Parameters));
        // Each output of the convolution takes 9 multiply-adds, each of the linear layer 16; a bias is one addition or none.
        Assert.That(summary.Rows[1].Flops, Is.InRange(2 * 9 * 128, (2 * 9 + 1) * 128));
        Assert.That(summary.Rows[6].Flops, Is.InRange(2 * 16 * 10, (2 * 16 + 1) * 10));
        Assert.That(summary.Flops, Is.EqualTo(summary.Rows.Where(r => r.Name is "0" or "1" or "3").Sum(r => r.Flops)));
        Assert.That(network.IsTraining && !network.Children[1].Module.IsTraining);
        Assert.That(
            summary.ToString(),
            Does.Contain("  1: Sequential").And.Contain("    1: MaxPool2d").And.Contain("125 parameters")
        );
    }

    [Test]
    public void AModuleThatIsCalledTwiceHasTwoRowsButItsParametersOnce()
    {
        var shared = new Linear(3, 3);
        var twice = new Sequential(shared, shared).Summary([1, 3]);
        Assert.That(twice.Rows, Has.Count.EqualTo(3));
        Assert.That(twice.Rows[1].Parameters, Is.EqualTo(12));
    }

    [Test]
    public void FrozenParametersAreNotTrained()
    {
        var network = Network();
        network.Children[0].Module.Freeze();
        var summary = network.Summary([1, 1, 4, 4]);
        Assert.That(summary.Parameters - summary.TrainableParameters, Is.EqualTo(40));
    }

    [Test]
    public void CostsNestAndAreKeptByOp()
    {
        var (a, b) = (Tensor.Ones([2, 3]), Tensor.Ones([3, 4]));
        using var outer = CostCounter.Start();
        a.MatMul(b);
        using (var inner = CostCounter.Start())
        {
            a.Add(a);
            Assert.That(inner.Flops, Is.EqualTo(6));
            Assert.That(inner.Bytes, Is.EqualTo(3 * 6 * 4));
        }
        outer.Dispose();
        a.Add(a);
        Assert.That(outer.Flops, Is.EqualTo(2 * 2 * 3 * 4 + 6));
        Assert.That(outer.ByOp["add"], Is.EqualTo(new OpCost(1, 6, 72)));
        Assert.That(outer.ByOp["matmul"].Calls, Is.EqualTo(1));
    }

    [Test]
    public void ReceptiveFieldsOfAlexNet()
    {
        // Araujo, Norris, Sim 2019, table 1: AlexNet's last pooling sees 195 pixels, with 32 between neighbours.
        var field = ReceptiveField
            .Input.Through(11, 4)
            .Through(3, 2)
            .Through(5, 1, 2)
            .Through(3, 2)
            .Through(3, 1, 1)
            .Through(3, 1, 1)
            .Through(3, 1, 1)
            .Through(3, 2);
        Assert.That((field.Extent, field.Jump), Is.EqualTo((195L, 32L)));
        Assert.That(field.Start, Is.EqualTo(5.0 + 4 + 0 + 8 + 0 + 0 + 0 + 16));
        Assert.That(ReceptiveField.Input.Through(3, padding: 2, dilation: 2), Is.EqualTo(new ReceptiveField(5, 1, 0)));
        Assert.Throws<AttributeException>(() => ReceptiveField.Input.Through(0));
    }
}
