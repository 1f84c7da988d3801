using System.Text.Json;
using CudaNet.Optim;
using CudaNet.Training;

namespace CudaNet.Tests.Optim;

/// <summary>Optimisers against recorded PyTorch trajectories (tests/golden/make_optimizers.py), and their bookkeeping.</summary>
[TestFixture]
public sealed class OptimizerTests
{
    private static readonly JsonElement Golden = JsonDocument
        .Parse(File.ReadAllText(Path.Combine(RepositoryRoot.Find(), "tests/golden/optimizers.json")))
        .RootElement;

    private static IEnumerable<string> CaseNames =>
        Golden.GetProperty("cases").EnumerateArray().Select(c => c.GetProperty("name").GetString()!);

    private static Tensor Fill(Func<int, double> formula, Shape shape, DType dtype, Device device)
    {
        var values = Enumerable.Range(0, (int)shape.NumElements).Select(formula).ToArray();
        return Tensor.From(values, shape, device).Cast(dtype);
    }

    private static Tensor Leaf(Tensor tensor)
    {
        tensor.RequiresGrad = true;
        return tensor;
    }

    private static Optimizer Make(JsonElement of, IEnumerable<Tensor> parameters)
    {
        return of.GetProperty("kind").GetString() switch
        {
            "sgd" => new Sgd(
                parameters,
                Option("lr", 0),
                Option("momentum", 0),
                Option("dampening", 0),
                Option("weight_decay", 0),
                Flag("nesterov")
            ),
            "adam" => new Adam(
                parameters,
                Option("lr", 0),
                Option("beta1", 0.9),
                Option("beta2", 0.999),
                Option("eps", 1e-8),
                Option("weight_decay", 0),
                Flag("amsgrad")
            ),
            "adamw" => new AdamW(
                parameters,
                Option("lr", 0),
                Option("beta1", 0.9),
                Option("beta2", 0.999),
                Option("eps", 1e-8),
                Option("weight_decay", 0.01),
                Flag("amsgrad")
            ),
            "adagrad" => new Adagrad(
                parameters,
                Option("lr", 0),
                Option("lr_decay", 0),
                Option("weight_decay", 0),
                Option("initial_accumulator_value", 0),
                Option("eps", 1e-10)
            ),
            "rmsprop" => new RmsProp(
                parameters,
                Option("lr", 0),
                Option("alpha", 0.99),
                Option("eps", 1e-8),
                Option("weight_decay", 0),
                Option("momentum", 0),
                Flag("centered")
            ),
            "adadelta" => new Adadelta(
                parameters,
                Option("lr", 0),
                Option("rho", 0.9),
                Option("eps", 1e-6),
                Option("weight_decay", 0)
            ),
            "adamax" => new Adamax(
                parameters,
                Option("lr", 0),
                Option("beta1", 0.9),
                Option("beta2", 0.999),
                Option("eps", 1e-8),
                Option("weight_decay", 0)
            ),
            "radam" => new RAdam(
                parameters,
                Option("lr", 0),
                Option("beta1", 0.9),
                Option("beta2", 0.999),
                Option("eps", 1e-8),
                Option("weight_decay", 0)
            ),
            "nadam" => new NAdam(
                parameters,
                Option("lr", 0),
                Option("beta1", 0.9),
                Option("beta2", 0.999),
                Option("eps", 1e-8),
                Option("weight_decay", 0),
                Option("momentum_decay", 4e-3)
            ),
            var kind => throw new InvalidOperationException($"no optimiser '{kind}'"),
        };

        bool Flag(string name) => of.TryGetProperty(name, out var value) && value.GetBoolean();

        double Option(string name, double otherwise) =>
            of.TryGetProperty(name, out var value) ? value.GetDouble() : otherwise;
    }

    [Test, Combinatorial]
    public void FollowsPyTorch(
        [ValueSource(nameof(CaseNames))] string name,
        [Values("f32", "f64")] string dtypeName,
        [Values("cpu", "simt")] string deviceName
    )
    {
        var (device, dtype) = (TestDevices.Open(deviceName), DTypes.Parse(dtypeName));
        var of = Golden.GetProperty("cases").EnumerateArray().Single(c => c.GetProperty("name").GetString() == name);
        Shape[] shapes =
        [
            [3, 4],
            [5],
        ];
        var parameters = shapes
            .Select((s, p) => Leaf(Fill(i => Math.Sin(1 + 0.7 * i + 2.0 * p), s, dtype, device)))
            .ToList();
        var optimizer = Make(of, parameters);
        var recorded = of.GetProperty("trajectory")
            .EnumerateArray()
            .ToDictionary(r => r.GetProperty("step").GetInt32(), r => r.GetProperty("values"));
        using var all = Assert.EnterMultipleScope();
        for (var step = 0; step < Golden.GetProperty("steps").GetInt32(); step++)
        {
            for (var p = 0; p < shapes.Length; p++)
                parameters[p].Grad =
                    p == 1 && step is (7 or 20)
                        ? null
                        : Fill(
                            i => Math.Cos(0.3 * i + 0.9 * p + 0.45 * step) * (1 + 0.1 * p),
                            shapes[p],
                            dtype,
                            device
                        );
            optimizer.Step();
            if (!recorded.TryGetValue(step, out var expected))
                continue;
            for (var p = 0; p < shapes.Length; p++)
                Close(parameters[p], expected[p], dtype, $"step {step}, parameter {p}");
        }
    }

    private static void Close(Tensor parameter, JsonElement expected, DType dtype, string what)
    {
        var got = parameter.ToDoubles();
        var want = expected.EnumerateArray().Select(v => v.GetDouble()).ToArray();
        var relative = dtype == DType.Float32 ? 1e-5 : 1e-10;
        // Relative to the size of the weights: single ones pass through zero.
        var size = want.Max(Math.Abs);
        for (var i = 0; i < want.Length; i++)
            Assert.That(got[i], Is.EqualTo(want[i]).Within(relative * size), $"{what}, element {i}");
    }

    private static (List<Tensor> Parameters, AdamW Optimizer) Small(Device? device = null, int count = 3)
    {
        var parameters = Enumerable
            .Range(0, count)
            .Select(p => Leaf(Fill(i => p + 0.1 * i, [4], DType.Float32, device ?? Device.Cpu)))
            .ToList();
        return (parameters, new AdamW(parameters, 0.1));
    }

    private static void Gradients(IEnumerable<Tensor> parameters, double value)
    {
        foreach (var parameter in parameters)
            parameter.Grad = Tensor.Full(parameter.Shape, value, parameter.DType, parameter.Device);
    }

    [Test, Category("Simt")]
    public void AllParametersAreSteppedByOneLaunch()
    {
        var device = (NativeDevice)TestDevices.Open("simt");
        var (parameters, optimizer) = Small(device, 60);
        Gradients(parameters, 1);
        optimizer.Step();
        var before = device.LaunchCount;
        optimizer.Step();
        Assert.That(device.LaunchCount - before, Is.EqualTo(1));
        // NAdam has no kernel of its own.
        foreach (var make in Makers.Where(maker => maker.Key != "nadam").Select(maker => maker.Value))
        {
            var other = make(parameters);
            other.Step();
            before = device.LaunchCount;
            other.Step();
            Assert.That(device.LaunchCount - before, Is.EqualTo(1), other.GetType().Name);
        }
    }

    private static readonly Dictionary<string, Func<IEnumerable<Tensor>, Optimizer>> Makers = new()
    {
        ["sgd"] = p => new Sgd(p, 0.1, 0.9),
        ["momentum"] = p => new MomentumSgd(p, 0.1),
        ["adam"] = p => new Adam(p, amsgrad: true),
        ["adagrad"] = p => new Adagrad(p, learningRateDecay: 0.1),
        ["rmsprop"] = p => new RmsProp(p, momentum: 0.5, centered: true),
        ["rmsprop_plain"] = p => new RmsProp(p),
        ["adadelta"] = p => new Adadelta(p),
        ["adamax"] = p => new Adamax(p),
        ["radam"] = p => new RAdam(p),
        ["nadam"] = p => new NAdam(p),
    };

    private static IEnumerable<string> MakerNames => Makers.Keys;

    /// <summary>Through a checkpoint's section, as a training run does.</summary>
    [TestCaseSource(nameof(MakerNames))]
    public void ACheckpointContinuesBitForBit(string name)
    {
        var (parameters, _) = Small();
        var optimizer = Makers[name](parameters);
        for (var step = 0; step < 4; step++)
        {
            Gradients(parameters, 1 - 0.4 * step);
            parameters[2].Grad = step == 1 ? null : parameters[2].Grad;
            optimizer.Step();
        }
        var saved = new TrainingState();
        new OptimizerState(optimizer).SaveState(saved);
        var others = parameters.Select(p => Leaf(p.Detach().Clone())).ToList();
        var restored = Makers[name](others);
        new OptimizerState(restored).LoadState(saved);
        for (var step = 0; step < 3; step++)
        {
            Gradients(parameters, 0.3 * step - 0.5);
            Gradients(others, 0.3 * step - 0.5);
            optimizer.Step();
            restored.Step();
        }
        for (var i = 0; i < others.Count; i++)
            Assert.That(others[i].ToDoubles(), Is.EqualTo(parameters[i].ToDoubles()));
    }

    /// <summary>Rate and count of steps are read from device memory, so that replays go on where the capture stood.</summary>
    [TestCaseSource(nameof(MakerNames)), Category("Simt")]
    public void ACapturedStepFollowsASchedule(string name)
    {
        var device = TestDevices.Open("simt");
        Assert.That(Train(isCaptured: true), Is.EqualTo(Train(isCaptured: false)));

        double[] Train(bool isCaptured)
        {
            using var frame = Lifetime.Frame();
            var weight = Leaf(Fill(i => 0.3 * i - 0.4, [5], DType.Float32, device));
            var optimizer = Makers[name]([weight]);
            var scheduler = new ExponentialLr(optimizer, 0.8);
            CudaGraph? graph = null;
            for (var step = 0; step < 8; step++)
            {
                if (isCaptured && step > 0)
                    (graph ??= CudaGraph.Capture(Step, device)).Replay();
                else
                    using (Lifetime.Frame())
                        Step();
                scheduler.Step();
            }
            graph?.Dispose();
            return weight.ToDoubles();

            void Step()
            {
                optimizer.ZeroGrad();
                weight.Square().Sum().Backward();
                optimizer.Step();
            }
        }
    }

    /// <summary>UDL 6.10: m ← βm + (1 − β)g weighs the gradient of k steps ago with (1 − β)βᵏ; a constant gradient gives m → g.</summary>
    [Test]
    public void Udl_6_10_DampedMomentumIsAMeanOfGradients()
    {
        const double Beta = 0.8;
        double[] gradients = [1, -2, 0.5, 3];
        var weight = Leaf(Tensor.Zeros([1], DType.Float64));
        var optimizer = new MomentumSgd([weight], 1, Beta);
        foreach (var gradient in gradients)
        {
            weight.Grad = Tensor.Full([1], gradient, DType.Float64);
            optimizer.Step();
        }
        var held = optimizer.StateDictionary()["0.momentum_buffer"].Item();
        var expected = gradients.Reverse().Select((g, k) => (1 - Beta) * Math.Pow(Beta, k) * g).Sum();
        Assert.That(held, Is.EqualTo(expected).Within(1e-15));
        for (var step = 0; step < 200; step++)
        {
            weight.Grad = Tensor.Full([1], 2, DType.Float64);
            optimizer.Step();
        }
        Assert.That(optimizer.StateDictionary()["0.momentum_buffer"].Item(), Is.EqualTo(2).Within(1e-12));
    }

    /// <summary>With one learning rate the classic form takes PyTorch's steps, and the damped one those of a rate 1/(1 − β) times as large.</summary>
    [TestCase(false)]
    [TestCase(true)]
    public void FormsOfMomentumAgreeAtAConstantRate(bool nesterov)
    {
        const double Beta = 0.7;
        var weights = Enumerable.Range(0, 3).Select(_ => Leaf(Tensor.Ones([4], DType.Float64))).ToList();
        Optimizer[] optimizers =
        [
            new Sgd([weights[0]], 0.1, Beta, weightDecay: 0.2, nesterov: nesterov),
            new MomentumSgd([weights[1]], 0.1, Beta, MomentumForm.Classic, 0.2, nesterov),
            new MomentumSgd([weights[2]], 0.1 / (1 - Beta), Beta, MomentumForm.Damped, 0.2, nesterov),
        ];
        for (var step = 0; step < 20; step++)
        {
            Gradients(weights, Math.Cos(step));
            foreach (var optimizer in optimizers)
                optimizer.Step();
        }
        Assert.That(weights[1].ToDoubles(), Is.EqualTo(weights[0].ToDoubles()).Within(1e-13));
        Assert.That(weights[2].ToDoubles(), Is.EqualTo(weights[0].ToDoubles()).Within(1e-13));
        optimizers[1].LearningRate = 0;
        var before = weights[1].ToDoubles();
        optimizers[1].Step();
        Assert.That(weights[1].ToDoubles(), Is.Not.EqualTo(before), "what has been added up still moves it");
    }

    [TestCase("cpu")]
    [TestCase("simt")]
    public void StateRestoresATrajectory(string device)
    {
        var on = TestDevices.Open(device);
        var (parameters, optimizer) = Small(on);
        Gradients(parameters, 1);
        optimizer.Step();
        parameters[1].Grad = null;
        optimizer.LearningRate = 0.03;
        optimizer.Step();
        var state = optimizer.StateDictionary().ToDictionary(p => p.Key, p => p.Value.Clone());
        var (others, restored) = Small(on);
        using (Autograd.NoGrad())
            for (var i = 0; i < others.Count; i++)
                others[i].CopyFrom<float>(parameters[i].ToArray<float>());
        restored.LoadStateDictionary(state);
        for (var step = 0; step < 3; step++)
        {
            Gradients(parameters, -0.5 + step);
            Gradients(others, -0.5 + step);
            optimizer.Step();
            restored.Step();
        }
        using var all = Assert.EnterMultipleScope();
        Assert.That(state["0.step"].Item(), Is.EqualTo(2));
        Assert.That(state["1.step"].Item(), Is.EqualTo(1));
        Assert.That(restored.LearningRate, Is.EqualTo(0.03));
        for (var i = 0; i < others.Count; i++)
            Assert.That(others[i].ToDoubles(), Is.EqualTo(parameters[i].ToDoubles()));
        Assert.That(restored.StateDictionary()["1.step"].Item(), Is.EqualTo(4));
    }

    [Test]
    public void ParametersWithoutGradientsStay()
    {
        var (parameters, optimizer) = Small();
        var before = parameters[1].ToDoubles();
        Gradients(parameters, 1);
        parameters[1].Grad = null;
        optimizer.Step();
        using var all = Assert.EnterMultipleScope();
        Assert.That(parameters[1].ToDoubles(), Is.EqualTo(before));
        Assert.That(parameters[0].ToDoubles(), Is.Not.EqualTo(new double[] { 0, 0.1, 0.2, 0.3 }));
        optimizer.ZeroGrad();
        Assert.That(parameters.Select(p => p.Grad), Is.All.Null);
    }

    [Test]
    public void GroupsHaveTheirOwnOptions()
    {
        var (a, b) = (Leaf(Tensor.Ones([1])), Leaf(Tensor.Ones([1])));
        var optimizer = new Sgd([a], 0.5);
        var group = optimizer.AddGroup([b], 0.25, 1);
        Gradients([a, b], 1);
        optimizer.Step();
        using var all = Assert.EnterMultipleScope();
        Assert.That(a.Item(), Is.EqualTo(0.5));
        Assert.That(b.Item(), Is.EqualTo(1 - 0.25 * 2));
        optimizer.LearningRate = 0;
        optimizer.Step();
        Assert.That(group.LearningRate, Is.Zero);
        Assert.That(b.Item(), Is.EqualTo(0.5));
    }

    [Test]
    public void StepsInsideALifetimeFrameKeepTheirState()
    {
        var (parameters, optimizer) = Small();
        for (var step = 0; step < 3; step++)
        {
            using var frame = Lifetime.Frame();
            Gradients(parameters, 1);
            optimizer.Step();
        }
        Assert.That(optimizer.StateDictionary()["2.step"].Item(), Is.EqualTo(3));
    }

    private static Tensor One => Leaf(Tensor.Ones([1]));

    private static readonly (string Message, Action Call)[] Refused =
    [
        ("no leaf", () => _ = new Sgd([Tensor.Ones([1])], 0.1)),
        ("learning rate", () => _ = new Sgd([One], -0.1)),
        ("momentum of at least 0", () => _ = new Sgd([One], 0.1, -1)),
        ("Nesterov", () => _ = new Sgd([One], 0.1, nesterov: true)),
        ("weight decay", () => _ = new AdamW([One], weightDecay: -1)),
        ("beta1", () => _ = new Adam([One], beta1: 1)),
        ("beta2", () => _ = new Adam([One], beta2: -0.1)),
        ("eps", () => _ = new Adam([One], eps: double.NaN)),
        ("alpha", () => _ = new RmsProp([One], alpha: 1)),
        ("rho", () => _ = new Adadelta([One], rho: -1)),
        ("initial accumulator", () => _ = new Adagrad([One], initialAccumulatorValue: -1)),
        ("momentum from 0", () => _ = new MomentumSgd([One], 0.1, 1)),
        (
            "only then, takes a grad_avg",
            () =>
                Step(
                    RmsPropOp.Instance,
                    [Tensor.Ones([1]), Tensor.Ones([1]), Tensor.Ones([1]), null, null, Rate, Count],
                    Attributes.Of(0.9, 1e-8, 0.0, 0.0, true)
                )
        ),
        (
            "rmsprop: momentum needs a momentum_buffer",
            () =>
                Step(
                    RmsPropOp.Instance,
                    [Tensor.Ones([1]), Tensor.Ones([1]), Tensor.Ones([1]), null, null, Rate, Count],
                    Attributes.Of(0.9, 1e-8, 0.0, 0.5, false)
                )
        ),
        (
            "twice",
            () =>
            {
                var one = One;
                _ = new Adam([one, one]);
            }
        ),
        ("lacks 'group.0.lr'", () => new Adam([One]).LoadStateDictionary(new Dictionary<string, Tensor>())),
        (
            "does not know",
            () =>
                new Adam([One]).LoadStateDictionary(
                    new Dictionary<string, Tensor> { ["group.0.lr"] = Tensor.Scalar(1), ["9.step"] = Tensor.Scalar(1) }
                )
        ),
        (
            "'0.exp_avg' is (2)",
            () =>
                new Adam([One]).LoadStateDictionary(
                    new Dictionary<string, Tensor>
                    {
                        ["group.0.lr"] = Tensor.Scalar(1),
                        ["0.step"] = Tensor.Scalar(1),
                        ["0.exp_avg"] = Tensor.Ones([2]),
                    }
                )
        ),
        ("at least one parameter", () => Step(SgdOp.Instance, [Rate, Count], Attributes.Of(0.0, 0.0, 0.0, false))),
        (
            "needs a momentum_buffer",
            () =>
                Step(
                    SgdOp.Instance,
                    [Tensor.Ones([1]), Tensor.Ones([1]), null, Rate, Count],
                    Attributes.Of(0.9, 0.0, 0.0, false)
                )
        ),
        (
            "expected the same",
            () =>
                Step(
                    SgdOp.Instance,
                    [Tensor.Ones([1]), Tensor.Ones([2]), null, Rate, Count],
                    Attributes.Of(0.0, 0.0, 0.0, false)
                )
        ),
        (
            "lr to be one f64",
            () =>
                Step(
                    SgdOp.Instance,
                    [Tensor.Ones([1]), Tensor.Ones([1]), null, Tensor.Ones([1]), Count],
                    Attributes.Of(0.0, 0.0, 0.0, false)
                )
        ),
        (
            "two i64 values",
            () =>
                Step(
                    SgdOp.Instance,
                    [Tensor.Ones([1]), Tensor.Ones([1]), null, Rate, Rate],
                    Attributes.Of(0.0, 0.0, 0.0, false)
                )
        ),
        (
            "requires gradients",
            () => Step(SgdOp.Instance, [One, Tensor.Ones([1]), null, Rate, Count], Attributes.Of(0.0, 0.0, 0.0, false))
        ),
    ];

    private static Tensor Rate => Tensor.Full([1], 0.1, DType.Float64);

    private static Tensor Count => Tensor.Zeros([2], DType.Int64);

    private static void Step(Op op, Tensor?[] inputs, Attributes attributes) =>
        op.ApplyAll(op.Signature.Inputs[^1].Name == "found_inf" ? [.. inputs, null] : inputs, attributes);

    [TestCaseSource(nameof(RefusedNames))]
    public void Refuses(int which) =>
        Assert.That(
            () => Refused[which].Call(),
            Throws.InstanceOf<CudaNetException>().With.Message.Contains(Refused[which].Message)
        );

    private static IEnumerable<TestCaseData> RefusedNames =>
        Refused.Select((refused, i) => new TestCaseData(i).SetArgDisplayNames($"{i}: {refused.Message}"));
}
