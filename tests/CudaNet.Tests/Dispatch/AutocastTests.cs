using CudaNet.Nn;
using CudaNet.Optim;

namespace CudaNet.Tests.Dispatch;

using CudaNet;

[TestFixture]
public sealed class AutocastTests
{
    [Test]
    public void TheListsNameOps() =>
        Assert.That(Autocast.Lower.Concat(Autocast.Single).Select(name => Registry.Find(name).Name), Is.Unique);

    [Test]
    public void OpsRunInTheDtypesOfTheLists()
    {
        using var frame = Lifetime.Frame();
        var (x, w) = (Tensor.Ones([4, 4]), Tensor.Ones([4, 4]));
        using var scope = Autocast.Enter();
        var product = x.MatMul(w);
        Assert.Multiple(() =>
        {
            Assert.That(product.DType, Is.EqualTo(DType.BFloat16));
            Assert.That(x.Linear(w).DType, Is.EqualTo(DType.BFloat16));
            Assert.That(product.Softmax(-1).DType, Is.EqualTo(DType.Float32));
            Assert.That(product.Sum().DType, Is.EqualTo(DType.Float32));
            Assert.That(product.Relu().DType, Is.EqualTo(DType.BFloat16), "keeps what it is given");
            Assert.That((product + x).DType, Is.EqualTo(DType.Float32), "the widest operand decides");
            Assert.That(product.Transpose(0, 1).DType, Is.EqualTo(DType.BFloat16));
            Assert.That((x + w).DType, Is.EqualTo(DType.Float32));
            Assert.That(product.Cast(DType.Float16).DType, Is.EqualTo(DType.Float16));
        });
        using (Autocast.Disable())
            Assert.That(x.MatMul(w).DType, Is.EqualTo(DType.Float32));
        var wide = x.Cast(DType.Float64);
        Assert.That(wide.MatMul(wide).DType, Is.EqualTo(DType.Float64), "float64 is not narrowed");
        Assert.Throws<DTypeException>(() => wide.MatMul(x));
        Assert.Throws<DTypeException>(() => Autocast.Enter(DType.Float32));
    }

    [Test]
    public void EndsWithTheScope()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.Ones([2, 2]);
        using (Autocast.Enter(DType.Float16))
            Assert.That(x.MatMul(x).DType, Is.EqualTo(DType.Float16));
        Assert.That(Autocast.IsEnabled, Is.False);
        Assert.That(x.MatMul(x).DType, Is.EqualTo(DType.Float32));
    }

    [TestCase("cpu")]
    [TestCase("simt", Category = "Simt")]
    public void WeightsAndTheirGradientsStayF32(string name)
    {
        var device = TestDevices.Open(name);
        using var frame = Lifetime.Frame();
        var model = new Linear(8, 4, device: device);
        var x = Tensor.Rand([3, 8], device: device);
        Tensor loss;
        using (Autocast.Enter())
        {
            loss = model.Call(x).Square().Sum();
            loss.Backward();
        }
        Assert.That(loss.DType, Is.EqualTo(DType.Float32));
        foreach (var parameter in model.Parameters())
        {
            Assert.That(parameter.DType, Is.EqualTo(DType.Float32));
            Assert.That(parameter.Grad!.DType, Is.EqualTo(DType.Float32));
        }
    }

    /// <summary>As PyTorch computes it: the operands are rounded to bf16, the product too.</summary>
    [Test]
    public void ValuesAreThoseOfCastOperands()
    {
        using var frame = Lifetime.Frame();
        var generator = new Generator(1);
        var (x, w) = (Tensor.Rand([5, 7], generator: generator), Tensor.Rand([7, 3], generator: generator));
        w.RequiresGrad = true;
        var expected = x.Cast(DType.BFloat16).MatMul(w.Cast(DType.BFloat16));
        expected.Cast(DType.Float32).Sum().Backward();
        var gradient = w.Grad!.ToDoubles();
        w.Grad = null;
        using (Autocast.Enter())
        {
            var y = x.MatMul(w);
            Assert.That(y.ToDoubles(), Is.EqualTo(expected.ToDoubles()));
            y.Sum().Backward();
        }
        Assert.That(w.Grad!.ToDoubles(), Is.EqualTo(gradient));
    }

    [Test, Category("Simt")]
    public void AWeightIsCastOncePerScope()
    {
        var device = (NativeDevice)TestDevices.Open("simt");
        using var frame = Lifetime.Frame();
        var w = Tensor.Ones([4, 4], device: device);
        w.RequiresGrad = true;
        var x = Tensor.Ones([4, 4], DType.BFloat16, device);
        for (var i = 0; i < 2; i++)
        {
            using var scope = Autocast.Enter();
            var before = device.LaunchCount;
            x.MatMul(w);
            x.MatMul(w);
            Assert.That(device.LaunchCount - before, Is.EqualTo(3), "one cast and two products");
            using (Autograd.NoGrad())
                w.CopyFrom<float>([.. Enumerable.Repeat(2f, 16)]);
            Assert.That(x.MatMul(w).ToDoubles(), Is.All.EqualTo(8), "a changed weight is cast again");
        }
    }

    [Test]
    public void CheckpointsRunAgainInTheSameDtypes()
    {
        using var frame = Lifetime.Frame();
        var model = new Linear(6, 6, generator: new Generator(2));
        var x = Tensor.Rand([3, 6], generator: new Generator(3));
        var plain = Gradient(t => model.Call(t).Tanh());
        var checkpointed = Gradient(t => Autograd.Checkpoint(u => model.Call(u).Tanh(), t));
        Assert.That(checkpointed, Is.EqualTo(plain));

        double[] Gradient(Func<Tensor, Tensor> segment)
        {
            model.ZeroGrad();
            Tensor loss;
            using (Autocast.Enter())
                loss = segment(x).Sum();
            loss.Backward();
            return model.Parameters().First().Grad!.ToDoubles();
        }
    }

    [Test, Category("Simt")]
    public void AStepInBf16IsCapturedAndReplayed()
    {
        var device = TestDevices.Open("simt");
        using var frame = Lifetime.Frame();
        Assert.That(Losses(captured: true), Is.EqualTo(Losses(captured: false)));

        double[] Losses(bool captured)
        {
            var generator = new Generator(4);
            var model = new Linear(6, 3, device: device, generator: generator);
            var x = Tensor.Rand([5, 6], device: device, generator: generator);
            var optimizer = new AdamW(model.Parameters(), learningRate: 0.05);
            Tensor loss = null!;
            void Step()
            {
                optimizer.ZeroGrad();
                using (Autocast.Enter())
                    loss = model.Call(x).Square().Sum().Keep();
                loss.Backward();
                optimizer.Step();
            }
            var losses = new double[6];
            CudaGraph? graph = null;
            for (var i = 0; i < losses.Length; i++)
            {
                if (i == 0 || !captured)
                    Step();
                else
                    (graph ??= CudaGraph.Capture(Step, device)).Replay();
                losses[i] = loss.Item();
            }
            graph?.Dispose();
            return losses;
        }
    }
}
