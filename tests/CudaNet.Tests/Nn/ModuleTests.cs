namespace CudaNet.Tests.Nn;

using CudaNet;
using CudaNet.Nn;

[TestFixture]
public sealed class ModuleTests
{
    private static Sequential Mlp() => new(new Linear(4, 3), new Relu(), new Linear(3, 2, bias: false));

    [Test]
    public void NamesAreThoseOfPyTorch()
    {
        var model = Mlp();
        Assert.Multiple(() =>
        {
            Assert.That(
                model.NamedParameters().Select(p => p.Name),
                Is.EqualTo(new[] { "0.weight", "0.bias", "2.weight" })
            );
            Assert.That(model.ParameterCount, Is.EqualTo(12 + 3 + 6));
        });
    }

    [Test]
    public void FlattenAndUnflattenUndoEachOther()
    {
        var x = Tensor.RandN([2, 3, 4, 5]);
        Assert.That(new Flatten().Call(x).Shape.ToString(), Is.EqualTo("(2, 60)"));
        var y = new Unflatten(1, [3, 4, 5]).Call(new Flatten().Call(x));
        Assert.That(y.Shape.ToString(), Is.EqualTo("(2, 3, 4, 5)"));
        Assert.That(y.ToDoubles(), Is.EqualTo(x.ToDoubles()));
        Assert.That(new Unflatten(-1, [5, 1]).Call(x).Shape.ToString(), Is.EqualTo("(2, 3, 4, 5, 1)"));
        Assert.Throws<ShapeException>(() => new Unflatten(1, [2, 2]).Call(x));
    }

    [Test]
    public void StateCanBeExchanged()
    {
        var (a, b) = (Mlp(), Mlp());
        var x = Tensor.RandN([5, 4]);
        Assert.That(a.Call(x).ToDoubles(), Is.Not.EqualTo(b.Call(x).ToDoubles()));
        b.LoadStateDict(a.StateDict());
        Assert.That(a.Call(x).ToDoubles(), Is.EqualTo(b.Call(x).ToDoubles()));
    }

    [Test]
    public void AStateThatDoesNotFitChangesNothing()
    {
        var model = Mlp();
        var before = model.StateDict().ToDictionary(p => p.Key, p => p.Value.ToDoubles());
        var wrong = model.StateDict().ToDictionary(p => p.Key, p => p.Value);
        wrong["2.weight"] = Tensor.Zeros([2, 4]);
        Assert.That(
            Assert.Throws<ShapeException>(() => model.LoadStateDict(wrong))!.Message,
            Does.Contain("2.weight").And.Contain("(2, 3)").And.Contain("(2, 4)")
        );
        wrong.Remove("2.weight");
        wrong["extra"] = Tensor.Zeros([1]);
        Assert.That(
            Assert.Throws<ShapeException>(() => model.LoadStateDict(wrong))!.Message,
            Does.Contain("missing: 2.weight").And.Contain("unknown: extra")
        );
        Assert.That(model.StateDict().ToDictionary(p => p.Key, p => p.Value.ToDoubles()), Is.EqualTo(before));
    }

    [Test]
    public void DropoutActsInTrainingOnly()
    {
        var model = new Sequential(new Dropout(0.5));
        var x = Tensor.Ones([1000]);
        Assert.That(model.Call(x).ToDoubles().Count(v => v == 0), Is.InRange(400, 600));
        model.Eval();
        Assert.That(model.Call(x).ToDoubles(), Is.All.EqualTo(1));
    }

    [Test]
    public void IntermediateTensorsOfACallAreReleased()
    {
        var model = Mlp();
        var x = Tensor.RandN([5, 4]);
        using (CudaNet.Autograd.NoGrad())
        {
            model.Call(x).Release();
            var before = Device.Cpu.MemoryStatistics.InUse;
            model.Call(x).Release();
            Assert.That(Device.Cpu.MemoryStatistics.InUse, Is.EqualTo(before));
        }
    }

    [Test, Category("Simt")]
    public void ModulesMoveBetweenDevicesWithTheirGradients()
    {
        var simt = TestDevices.Open("simt");
        var model = Mlp();
        var x = Tensor.RandN([5, 4]);
        var y = model.Call(x);
        y.Sum().Backward();
        var weight = model.Parameters().First();
        var gradient = weight.Grad!.ToDoubles();
        model.To(simt);
        Assert.Multiple(() =>
        {
            Assert.That(weight.Device.Name, Is.EqualTo("simt"));
            Assert.That(weight.Grad!.Device.Name, Is.EqualTo("simt"));
            Assert.That(weight.Grad!.ToDoubles(), Is.EqualTo(gradient));
            Assert.That(model.Call(x.To(simt)).ToDoubles(), Is.EqualTo(y.ToDoubles()).Within(1e-5));
        });
    }

    /// <summary>A kernel that takes the neighbour at the upper left shows what stands beyond the edge.</summary>
    [TestCase(PadMode.Constant, new double[] { 0, 0, 0, 0, 1, 2, 0, 4, 5 })]
    [TestCase(PadMode.Reflect, new double[] { 5, 4, 5, 2, 1, 2, 5, 4, 5 })]
    [TestCase(PadMode.Replicate, new double[] { 1, 1, 2, 1, 1, 2, 4, 4, 5 })]
    [TestCase(PadMode.Circular, new double[] { 9, 7, 8, 3, 1, 2, 6, 4, 5 })]
    public void ConvolutionsPadInEachMode(PadMode mode, double[] expected)
    {
        var layer = new Conv2d(1, 1, 3, padding: 1, bias: false, paddingMode: mode);
        layer.LoadStateDict(
            new Dictionary<string, Tensor>
            {
                ["weight"] = Tensor.From<float>([1, 0, 0, 0, 0, 0, 0, 0, 0], [1, 1, 3, 3]),
            }
        );
        var image = Tensor.From<float>([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 1, 3, 3]);
        Assert.That(layer.Call(image).ToDoubles(), Is.EqualTo(expected));
    }

    [Test]
    public void ConvolutionsHaveTheNamesAndTheInitialisationOfPyTorch()
    {
        var model = new Sequential(
            new Conv2d(6, 64, 3, padding: 1, groups: 2, generator: new Generator(5)),
            new Conv2d(64, 3, [1, 2], stride: [2, 1], bias: false)
        );
        var weight = model.NamedParameters().First().Tensor;
        var bound = 1 / Math.Sqrt(3 * 3 * 3);
        var largest = weight.Abs().Max().Item();
        Assert.Multiple(() =>
        {
            Assert.That(
                model.NamedParameters().Select(p => $"{p.Name} {p.Tensor.Shape}"),
                Is.EqualTo(new[] { "0.weight (64, 3, 3, 3)", "0.bias (64)", "1.weight (3, 64, 1, 2)" })
            );
            Assert.That(largest, Is.LessThanOrEqualTo(bound).And.GreaterThan(0.98 * bound));
            Assert.That(model.Call(Tensor.RandN([2, 6, 9, 8])).Shape, Is.EqualTo(new Shape(2, 3, 5, 7)));
        });
        Assert.Throws<AttributeException>(() => new Conv2d(5, 4, 3, groups: 2));
        Assert.Throws<AttributeException>(() => new Conv2d(4, 4, [3, 3, 3]));
    }

    [Test]
    public void HooksSeeAndReplaceInputsAndOutputs()
    {
        var model = new Sequential(new Identity());
        var x = Tensor.From([1f, 2]);
        using (((Identity)model.Children[0].Module).RegisterForwardPreHook(input => input * 10))
        using (model.RegisterForwardHook((input, output) => output + input))
            Assert.That(model.Call(x).ToDoubles(), Is.EqualTo(new double[] { 11, 22 }));
        Assert.That(model.Call(x).ToDoubles(), Is.EqualTo(new double[] { 1, 2 }));
    }

    [Test]
    public void AHookMayTakeItselfAway()
    {
        var model = new Identity();
        var calls = 0;
        IDisposable? hook = null;
        hook = model.RegisterForwardPreHook(input =>
        {
            calls++;
            hook!.Dispose();
            return input;
        });
        model.Call(Tensor.Ones([1]));
        model.Call(Tensor.Ones([1]));
        Assert.That(calls, Is.EqualTo(1));
    }

    [Test]
    public void FrozenParametersGetNoGradient()
    {
        var model = Mlp();
        model.Children[0].Module.Freeze();
        model.Call(Tensor.RandN([5, 4])).Sum().Backward();
        Assert.That(model.Parameters().Select(p => p.RequiresGrad), Is.EqualTo(new[] { false, false, true }));
        Assert.That(model.StateDict()["2.weight"].Grad, Is.Not.Null);
        model.Unfreeze();
        Assert.That(model.Parameters().All(p => p.RequiresGrad));
    }

    [Test]
    public void ApplyReachesChildrenBeforeTheirParents()
    {
        var model = new Sequential(new Sequential(new Relu()), new Tanh());
        var seen = new List<string>();
        model.Apply(module => seen.Add(module.GetType().Name));
        Assert.That(seen, Is.EqualTo(new[] { "Relu", "Sequential", "Tanh", "Sequential" }));
        Assert.That(model.NamedModules().Select(m => m.Name), Is.EqualTo(new[] { "", "0", "0.0", "1" }));
    }

    [Test]
    public void ListsAndDictionariesNameTheirModules()
    {
        var list = new ModuleList<Linear>(new Linear(1, 1), new Linear(1, 1, bias: false));
        var named = new ModuleDict<Module> { { "body", list }, { "act", new Relu() } };
        Assert.That(
            named.NamedParameters().Select(p => p.Name),
            Is.EqualTo(new[] { "body.0.weight", "body.0.bias", "body.1.weight" })
        );
        Assert.That(named["body"], Is.SameAs(list));
        Assert.That(list[1].Bias, Is.Null);
        Assert.That(
            Assert.Throws<KeyNotFoundException>(() => _ = named["head"])!.Message,
            Does.Contain("head").And.Contain("body, act")
        );
        Assert.Throws<ArgumentException>(() => named.Add("act", new Tanh()));
        Assert.That(named, Has.Count.EqualTo(2));
    }
}
