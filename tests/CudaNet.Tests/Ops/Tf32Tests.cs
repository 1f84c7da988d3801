namespace CudaNet.Tests.Ops;

/// <summary>TF32 is used where it was asked for, and nowhere else.</summary>
[TestFixture, Category("Simt")]
public sealed class Tf32Tests
{
    /// <summary>1 + 2⁻¹² is no number of TF32, and rounds to 1.</summary>
    private static Tensor Fine(DType dtype, Device device) =>
        Tensor.Full([40, 40], 1 + 1.0 / 4096, dtype, device: device);

    private static double Product(DType dtype, Device device)
    {
        using var frame = Lifetime.Frame();
        var result = Fine(dtype, device).MatMul(Tensor.Ones([40, 40], dtype, device: device)).ToDoubles();
        Assert.That(result, Is.All.EqualTo(result[0]));
        return result[0] / 40;
    }

    [Test]
    public void IsOffUntilItIsAllowed()
    {
        var device = TestDevices.Open("simt");
        Assert.That(Precision.IsTf32Allowed, Is.False);
        Assert.That(Product(DType.Float32, device), Is.EqualTo(1 + 1.0 / 4096));
        using (Precision.AllowTf32())
        {
            Assert.That(Product(DType.Float32, device), Is.EqualTo(1));
            using (Precision.AllowTf32(false))
                Assert.That(Product(DType.Float32, device), Is.EqualTo(1 + 1.0 / 4096));
        }
        Assert.That(Product(DType.Float32, device), Is.EqualTo(1 + 1.0 / 4096));
    }

    [Test]
    public void ChangesNeitherOtherDtypesNorTheCpu()
    {
        var device = TestDevices.Open("simt");
        using var scope = Precision.AllowTf32();
        Assert.That(Product(DType.Float64, device), Is.EqualTo(1 + 1.0 / 4096));
        Assert.That(Product(DType.Float16, device), Is.EqualTo(1));
        Assert.That(Product(DType.Float32, Device.Cpu), Is.EqualTo(1 + 1.0 / 4096));
    }

    [Test]
    public void ServesLinearLayersToo()
    {
        var device = TestDevices.Open("simt");
        using var frame = Lifetime.Frame();
        var (x, weight) = (Fine(DType.Float32, device), Tensor.Ones([40, 40], device: device));
        using var scope = Precision.AllowTf32();
        Assert.That(x.Linear(weight).ToDoubles(), Is.All.EqualTo(40));
        Assert.That(x.Linear(weight, null, Activation.Relu).ToDoubles(), Is.All.EqualTo(40));
    }

    /// <summary>What the ops say about their variants is what the kernels say.</summary>
    [Test]
    public void OpsKnowWhichVariantsRoundToTf32()
    {
        var device = (NativeDevice)TestDevices.Open("simt");
        foreach (var op in Registry.All)
        {
            var variants = device.VariantsOf(op.Name);
            var said = Enumerable.Range(1, variants.Count).Where(i => variants[i - 1].Contains("TF32"));
            Assert.That(said, Is.EquivalentTo(op.Tf32Variants.ToArray()), op.Name);
        }
        Assert.That(MatMulOp.Instance.Tf32Variants.IsEmpty, Is.False);
    }
}
