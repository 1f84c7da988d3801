namespace CudaNet.Tests.Tensors;

using CudaNet;

[TestFixture]
public sealed class LifetimeTests
{
    [Test]
    public void AFrameReleasesWhatIsNeitherReturnedNorKept()
    {
        Tensor lost,
            kept,
            returned;
        using (var frame = Lifetime.Frame())
        {
            lost = Tensor.Ones([2]) + 1.0;
            kept = (Tensor.Ones([2]) + 2.0).Keep();
            returned = frame.Return(Tensor.Ones([2]) + 3.0);
        }
        Assert.Multiple(() =>
        {
            Assert.That(kept.ToDoubles(), Is.EqualTo(new double[] { 3, 3 }));
            Assert.That(returned.ToDoubles(), Is.EqualTo(new double[] { 4, 4 }));
            var error = Assert.Throws<TensorReleasedException>(() => lost.ToDoubles());
            Assert.That(error!.Message, Does.Contain("'affine'").And.Contain("Keep()").And.Contain("(2)"));
        });
    }

    [Test]
    public void AReturnedTensorBelongsToTheOuterFrame()
    {
        Tensor result;
        using (Lifetime.Frame())
        {
            result = Lifetime.Scope(() => Tensor.Ones([2]) * 2.0);
            Assert.That(result.ToDoubles(), Is.EqualTo(new double[] { 2, 2 }));
        }
        Assert.Throws<TensorReleasedException>(() => result.ToDoubles());
    }

    [Test]
    public void AFrameDoesNotReturnWhatAnOuterFrameOwns()
    {
        Tensor outer;
        using (Lifetime.Frame())
        {
            outer = Tensor.Ones([2]);
            using (var inner = Lifetime.Frame())
                inner.Return(outer);
        }
        Assert.Throws<TensorReleasedException>(() => outer.ToDoubles());
    }

    [Test]
    public void ViewsKeepTheStorageOfAReleasedTensor()
    {
        Tensor view;
        using (var frame = Lifetime.Frame())
            view = frame.Return((Tensor.Ones([2, 3]) * 5.0).Reshape(3, 2));
        Assert.That(view.ToDoubles(), Is.All.EqualTo(5));
    }

    [Test]
    public void TheGraphKeepsWhatItsBackwardNeedsThroughTheFrame()
    {
        var x = Tensor.Full([2], 3, DType.Float64);
        x.RequiresGrad = true;
        Tensor loss;
        using (var frame = Lifetime.Frame())
            loss = frame.Return((x * x * x).Sum());
        loss.Backward();
        Assert.That(x.Grad!.ToDoubles(), Is.All.EqualTo(27));
    }

    [Test]
    public void ATrainingStepInAFrameReturnsAllItsMemory()
    {
        var w = Tensor.Ones([64, 64]);
        w.RequiresGrad = true;
        var x = Tensor.Ones([8, 64]);
        void Step()
        {
            using var frame = Lifetime.Frame();
            x.MatMul(w).Tanh().MatMul(w).Sum().Backward();
            w.Grad = null;
        }
        Step();
        var before = Device.Cpu.MemoryStatistics.InUse;
        for (var i = 0; i < 20; i++)
            Step();
        Assert.That(Device.Cpu.MemoryStatistics.InUse, Is.EqualTo(before));
    }

    [Test]
    public void WithoutFramesTheCollectorGivesMemoryBack()
    {
        var before = Device.Cpu.MemoryStatistics.Reserved;
        for (var i = 0; i < 3000; i++)
            _ = Tensor.Zeros([256, 1024]) + 1.0; // 2 MiB a time, 6 GiB in all
        Assert.That(Device.Cpu.MemoryStatistics.Reserved - before, Is.LessThan(1L << 30));
    }

    [Test]
    public void AFrameEndsOnItsOwnThreadOnly() =>
        Assert.That(
            typeof(LifetimeFrame).IsByRefLike,
            "a ref struct cannot be carried across an await or to another thread"
        );
}
