namespace CudaNet.Tests.Nn;

using System.Text.Json;
using CudaNet;
using CudaNet.Nn;
using CudaNet.Tests.Graphs;

/// <summary>Batch and instance normalisation against recorded PyTorch values (tests/golden/make_batch_norm.py), and its bookkeeping.</summary>
[TestFixture]
public sealed class BatchNormTests
{
    private static readonly JsonElement Golden = JsonDocument
        .Parse(File.ReadAllText(Path.Combine(RepositoryRoot.Find(), "tests/golden/batch_norm.json")))
        .RootElement;

    private static IEnumerable<TestCaseData> Recorded =>
        from device in new[] { "cpu", "simt" }
        from name in Golden.GetProperty("cases").EnumerateArray().Select(c => c.GetProperty("name").GetString())
        select new TestCaseData(device, name);

    private static Tensor Fill(Func<int, double> formula, Shape shape, Device device) =>
        Tensor.From(Enumerable.Range(0, (int)shape.NumElements).Select(formula).ToArray(), shape, device);

    private static Tensor Batch(int number, Shape shape, Device device) =>
        Fill(i => 0.4 * number + (1 + 0.5 * number) * Math.Sin(1.3 * i + number), shape, device);

    private static double[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(v => v.GetDouble())];

    [TestCaseSource(nameof(Recorded))]
    public void TrainsAndEvaluatesAsPyTorchDoes(string device, string name)
    {
        var on = TestDevices.Open(device);
        var of = Golden.GetProperty("cases").EnumerateArray().Single(c => c.GetProperty("name").GetString() == name);
        Shape shape = Numbers(of.GetProperty("shape")).Select(d => (long)d).ToArray();
        var (eps, momentum) = (of.GetProperty("eps").GetDouble(), of.GetProperty("momentum").GetDouble());
        ChannelNorm layer = (name.StartsWith("instances", StringComparison.Ordinal), shape.Rank) switch
        {
            (true, 4) => new InstanceNorm2d(shape[1], eps, momentum, true, true, DType.Float64, on),
            (true, _) => new InstanceNorm1d(shape[1], eps, momentum, true, true, DType.Float64, on),
            (_, 4) => new BatchNorm2d(shape[1], eps, momentum, dtype: DType.Float64, device: on),
            _ => new BatchNorm1d(shape[1], eps, momentum, dtype: DType.Float64, device: on),
        };
        using (CudaNet.Autograd.NoGrad())
        {
            layer.Weight!.CopyFrom<double>([.. Enumerable.Range(0, (int)shape[1]).Select(i => 1 + 0.3 * i)]);
            layer.Bias!.CopyFrom<double>([.. Enumerable.Range(0, (int)shape[1]).Select(i => 0.2 * i - 0.1)]);
        }
        var cotangent = Fill(i => Math.Cos(0.7 * i), shape, on);
        using var all = Assert.EnterMultipleScope();
        foreach (var (number, step) in of.GetProperty("steps").EnumerateArray().Index())
        {
            if (number == 2)
                layer.Eval();
            var x = Batch(number % 2, shape, on).Leaf();
            var y = layer.Call(x);
            var gradients = CudaNet.Autograd.Grad([y], [x, layer.Weight, layer.Bias], [cotangent]);
            Assert.That(y.ToDoubles(), Is.EqualTo(Numbers(step.GetProperty("output"))).Within(1e-12), $"step {number}");
            for (var i = 0; i < 3; i++)
                Assert.That(
                    gradients[i].ToDoubles(),
                    Is.EqualTo(Numbers(step.GetProperty("gradients")[i])).Within(1e-12),
                    $"step {number}, gradient {i}"
                );
        }
        foreach (var buffer in new[] { "running_mean", "running_var" })
            Assert.That(
                layer.StateDict()[buffer].ToDoubles(),
                Is.EqualTo(Numbers(of.GetProperty(buffer))).Within(1e-12),
                buffer
            );
        // PyTorch does not count the batches of instance normalisation.
        Assert.That(layer.BatchesTracked!.Item(), Is.EqualTo(2));
    }

    /// <summary>UDL problem 11.5, backwards: one channel of four values.</summary>
    [Test]
    public void Udl_11_5_Backward()
    {
        var x = Tensor.From([0.5, -1, 2, 0.3], [4, 1]).Leaf();
        var (weight, bias) = (Tensor.From([1.7]).Leaf(), Tensor.From([0.2]).Leaf());
        var y = x.BatchNorm(weight: weight, bias: bias);
        y.Backward(Tensor.From([0.3, -0.2, 0.9, 0.4], [4, 1]));
        using var all = Assert.EnterMultipleScope();
        Assert.That(y.ToDoubles(), Is.EqualTo(new[] { 0.279873, -2.116306, 2.676051, -0.039618 }).Within(5e-7));
        Assert.That(x.Grad!.ToDoubles(), Is.EqualTo(new[] { -0.108789, -0.040032, -0.017800, 0.166621 }).Within(5e-7));
        Assert.That(bias.Grad!.Item(), Is.EqualTo(1.4).Within(1e-12));
    }

    /// <summary>Deep-learning notes 2.5: the printed examples.</summary>
    [Test]
    public void DeepLearningNotes_2_5_BatchNorm()
    {
        static double[] Of(BatchNorm layer, params long[] shape) =>
            layer.Call(Tensor.Arange(new Shape(shape).NumElements, DType.Float32).Reshape(shape)).ToDoubles();
        double[] rows = [-1.1267, -0.9941, -0.8616];
        using var all = Assert.EnterMultipleScope();
        Assert.That(
            Of(new BatchNorm1d(5), 2, 5),
            Is.EqualTo(new[] { -1, -1, -1, -1, -1, 1, 1, 1, 1, 1.0 }).Within(5e-5)
        );
        Assert.That(Of(new BatchNorm1d(5), 2, 5, 3)[..6], Is.EqualTo(rows.Concat(rows)).Within(5e-5));
        Assert.That(
            Of(new BatchNorm2d(5), 2, 5, 3, 2)[..6],
            Is.EqualTo(new[] { -1.1592, -1.0929, -1.0267, -0.9605, -0.8942, -0.8280 }).Within(5e-5)
        );
    }

    [Test]
    public void CheckpointingCountsABatchOnce()
    {
        var x = Batch(1, [6, 3], Device.Cpu);
        double[][] Run(bool checkpointed)
        {
            var layer = new BatchNorm1d(3, dtype: DType.Float64);
            var input = x.Clone().Leaf();
            var y = checkpointed ? CudaNet.Autograd.Checkpoint(layer.Call, input) : layer.Call(input);
            var gradient = CudaNet.Autograd.Grad([(y * y * y).Sum()], [input], createGraph: true);
            var second = CudaNet.Autograd.Grad([(gradient[0] * gradient[0]).Sum()], [input]);
            Assert.That(layer.BatchesTracked!.Item(), Is.EqualTo(1));
            return
            [
                gradient[0].ToDoubles(),
                second[0].ToDoubles(),
                .. layer.NamedBuffers().Select(b => b.Tensor.ToDoubles()),
            ];
        }
        Assert.That(Run(checkpointed: true), Is.EqualTo(Run(checkpointed: false)));
    }

    [Test]
    public void TheStateHoldsTheRunningStatistics()
    {
        var (a, b) = (new BatchNorm1d(2), new BatchNorm1d(2));
        a.Call(Tensor.From<float>([1, 2, 3, 4, 5, 9], [3, 2]));
        b.LoadStateDict(a.StateDict());
        a.Eval();
        b.Eval();
        var x = Tensor.From<float>([1, -1], [1, 2]);
        using var all = Assert.EnterMultipleScope();
        Assert.That(
            a.StateDict().Keys,
            Is.EqualTo(new[] { "weight", "bias", "running_mean", "running_var", "num_batches_tracked" })
        );
        Assert.That(b.RunningMean!.ToDoubles(), Is.EqualTo(new[] { 0.3, 0.5 }).Within(1e-6));
        Assert.That(b.Call(x).ToDoubles(), Is.EqualTo(a.Call(x).ToDoubles()));
    }

    [Test]
    public void WithoutRunningStatisticsTheBatchDecidesInEvaluationToo()
    {
        var layer = new BatchNorm1d(1, affine: false, trackRunningStats: false, eps: 0);
        layer.Eval();
        using var all = Assert.EnterMultipleScope();
        Assert.That(layer.StateDict(), Is.Empty);
        Assert.That(layer.Call(Tensor.From<float>([3, 5], [2, 1])).ToDoubles(), Is.EqualTo(new double[] { -1, 1 }));
    }

    private static readonly (string Message, Action Call)[] Refused =
    [
        (
            "(N, C) or (N, C, L) with 3 channels; got (2, 3, 4, 4)",
            () => new BatchNorm1d(3).Call(Tensor.Ones([2, 3, 4, 4]))
        ),
        ("(N, C, H, W) with 3 channels; got (2, 3)", () => new BatchNorm2d(3).Call(Tensor.Ones([2, 3]))),
        ("with 3 channels; got (2, 4)", () => new BatchNorm1d(3).Call(Tensor.Ones([2, 4]))),
        ("more than one value per channel", () => new BatchNorm1d(3).Call(Tensor.Ones([1, 3]))),
        ("expected an input (N, C)", () => Tensor.Ones([3]).BatchNorm()),
        ("a bias needs a weight", () => Tensor.Ones([2, 3]).BatchNorm(bias: Tensor.Ones([3]))),
        ("come together", () => Tensor.Ones([2, 3]).BatchNorm(Tensor.Ones([3]))),
        (
            "weight must hold one value for each of 3 channels",
            () => Tensor.Ones([2, 3]).BatchNorm(weight: Tensor.Ones([2]))
        ),
        (
            "running_var must hold one value for each of 3 channels, f32",
            () => Tensor.Ones([2, 3]).BatchNorm(Tensor.Ones([3]), Tensor.Ones([3], DType.Float64))
        ),
    ];

    [TestCaseSource(nameof(RefusedNames))]
    public void Refuses(int which)
    {
        var (message, call) = Refused[which];
        Assert.That(call, Throws.InstanceOf<CudaNetException>().With.Message.Contains(message));
    }

    private static IEnumerable<TestCaseData> RefusedNames =>
        Refused.Select((refused, i) => new TestCaseData(i).SetArgDisplayNames($"{i}: {refused.Message}"));
}
