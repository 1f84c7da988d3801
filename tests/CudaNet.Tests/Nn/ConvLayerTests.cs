namespace CudaNet.Tests.Nn;

using System.Text.Json;
using CudaNet;
using CudaNet.Nn;

/// <summary>Convolutional layers in each mode of padding, transposed ones, and layers that only pad or resize, against PyTorch.</summary>
[TestFixture]
public sealed class ConvLayerTests
{
    private static readonly JsonElement[] s_cases =
    [
        .. JsonDocument
            .Parse(File.ReadAllText(Path.Combine(RepositoryRoot.Find(), "tests/golden/conv_layers.json")))
            .RootElement.GetProperty("cases")
            .EnumerateArray(),
    ];

    private static IEnumerable<TestCaseData> Recorded =>
        from device in new[] { "cpu", "simt" }
        from i in Enumerable.Range(0, s_cases.Length)
        select new TestCaseData(device, i).SetArgDisplayNames(
            device,
            $"{s_cases[i].GetProperty("kind")}{s_cases[i].GetProperty("axes")}d {s_cases[i].GetProperty("mode")}"
        );

    /// <summary>Layers, tensors and numbers as tests/golden/make_conv_layers.py says.</summary>
    [TestCaseSource(nameof(Recorded))]
    public void AgreeWithPyTorch(string deviceName, int number)
    {
        using var frame = Lifetime.Frame();
        var (device, of) = (TestDevices.Open(deviceName), s_cases[number]);
        var axes = of.GetProperty("axes").GetInt32();
        var mode = of.GetProperty("mode").GetString() switch
        {
            "reflect" => PadMode.Reflect,
            "replicate" => PadMode.Replicate,
            "circular" => PadMode.Circular,
            _ => PadMode.Constant,
        };
        ConvLayer layer =
            of.GetProperty("kind").GetString() == "Conv" ? Convolution(axes, mode, device) : Transposed(axes, device);
        layer.LoadStateDict(
            new Dictionary<string, Tensor>
            {
                ["weight"] = Filled(layer.Weight.Shape, i => Math.Cos(0.6 * i), device),
                ["bias"] = Filled(layer.Bias!.Shape, i => 0.5 + 0.25 * i, device),
            }
        );
        var x = Filled(new Shape([2, 4, .. Cut([7, 6, 5], axes)]), i => Math.Sin(1.3 * i + 0.3), device);
        x.RequiresGrad = true;
        var y = layer.Call(x);
        var gradients = Autograd.Grad(
            [y],
            [x, layer.Weight, layer.Bias],
            [Filled(y.Shape, i => Math.Sin(0.8 * i), device)]
        );
        using var all = Assert.EnterMultipleScope();
        Assert.That(
            y.Shape.Dims.ToArray(),
            Is.EqualTo(of.GetProperty("shape").EnumerateArray().Select(extent => extent.GetInt64()))
        );
        Tensor[] results = [y, .. gradients];
        for (var i = 0; i < results.Length; i++)
        {
            var expected = of.GetProperty("results")[i].GetDouble();
            var inner = (results[i] * Filled(results[i].Shape, n => Math.Cos(0.9 * n), device)).Sum().Item();
            Assert.That(inner, Is.EqualTo(expected).Within(1e-11 * Math.Max(1, Math.Abs(expected))), $"result {i}");
        }
    }

    private static ForwardConvLayer Convolution(int axes, PadMode mode, Device device)
    {
        var (kernel, stride, padding, dilation) = Lists(axes);
        return axes switch
        {
            1 => new Conv1d(4, 6, kernel[0], stride[0], padding[0], dilation[0], 2, true, mode, DType.Float64, device),
            2 => new Conv2d(4, 6, kernel, stride, padding, dilation, 2, true, mode, DType.Float64, device),
            _ => new Conv3d(4, 6, kernel, stride, padding, dilation, 2, true, mode, DType.Float64, device),
        };
    }

    private static TransposedConvLayer Transposed(int axes, Device device)
    {
        var (kernel, stride, padding, dilation) = Lists(axes);
        var more = Cut([1, 0, 1], axes);
        return axes switch
        {
            1 => new ConvTranspose1d(
                4,
                6,
                kernel[0],
                stride[0],
                padding[0],
                more[0],
                2,
                true,
                dilation[0],
                DType.Float64,
                device
            ),
            2 => new ConvTranspose2d(4, 6, kernel, stride, padding, more, 2, true, dilation, DType.Float64, device),
            _ => new ConvTranspose3d(4, 6, kernel, stride, padding, more, 2, true, dilation, DType.Float64, device),
        };
    }

    private static (long[] Kernel, long[] Stride, long[] Padding, long[] Dilation) Lists(int axes) =>
        (Cut([3, 2, 3], axes), Cut([2, 1, 2], axes), Cut([1, 2, 3], axes), Cut([1, 2, 1], axes));

    private static long[] Cut(long[] values, int axes) => values[..axes];

    private static Tensor Filled(Shape shape, Func<int, double> formula, Device device) =>
        Tensor.From(Enumerable.Range(0, (int)shape.NumElements).Select(formula).ToArray(), shape, device);

    /// <summary>The square layers are the ones with lists; a kernel of two and a stride of one tell them apart from their defaults.</summary>
    [Test]
    public void OneNumberStandsForEveryAxis()
    {
        using var frame = Lifetime.Frame();
        var x = Filled([1, 2, 4, 5, 6], i => Math.Sin(i), Device.Cpu);
        var (one, lists) = (
            new Conv3d(2, 3, 2, padding: 1, dtype: DType.Float64),
            new Conv3d(2, 3, [2, 2, 2], padding: [1, 1, 1], dtype: DType.Float64)
        );
        lists.LoadStateDict(one.StateDict());
        var (up, upLists) = (
            new ConvTranspose3d(2, 3, 2, stride: 2, dtype: DType.Float64),
            new ConvTranspose3d(2, 3, [2, 2, 2], stride: [2, 2, 2], dtype: DType.Float64)
        );
        upLists.LoadStateDict(up.StateDict());
        using var all = Assert.EnterMultipleScope();
        Assert.That(one.Call(x).ToDoubles(), Is.EqualTo(lists.Call(x).ToDoubles()));
        Assert.That(up.Call(x).ToDoubles(), Is.EqualTo(upLists.Call(x).ToDoubles()));
        Assert.That(
            new MaxPool3d(2, 1).Call(x).ToDoubles(),
            Is.EqualTo(new MaxPool3d([2, 2, 2], [1, 1, 1]).Call(x).ToDoubles())
        );
        Assert.That(
            new AvgPool3d(2, 1).Call(x).ToDoubles(),
            Is.EqualTo(new AvgPool3d([2, 2, 2], [1, 1, 1]).Call(x).ToDoubles())
        );
    }

    [Test]
    public void LayersPadSequencesImagesAndVolumes()
    {
        using var frame = Lifetime.Frame();
        var (line, cube) = (Filled([1, 1, 3], i => i, Device.Cpu), Filled([1, 1, 2, 2, 2], i => i, Device.Cpu));
        using var all = Assert.EnterMultipleScope();
        Assert.That(new ZeroPad1d(1, 0).Call(line).ToDoubles(), Is.EqualTo(new double[] { 0, 0, 1, 2 }));
        Assert.That(new ReflectionPad1d(2).Call(line).ToDoubles(), Is.EqualTo(new double[] { 2, 1, 0, 1, 2, 1, 0 }));
        Assert.That(new ReplicationPad1d(0, 2).Call(line).ToDoubles(), Is.EqualTo(new double[] { 0, 1, 2, 2, 2 }));
        Assert.That(new CircularPad1d(1, 2).Call(line).ToDoubles(), Is.EqualTo(new double[] { 2, 0, 1, 2, 0, 1 }));
        Assert.That(
            new CircularPad3d(1, 0, 0, 0, 0, 1).Call(cube).ToDoubles(),
            Is.EqualTo(new double[] { 1, 0, 1, 3, 2, 3, 5, 4, 5, 7, 6, 7, 1, 0, 1, 3, 2, 3 })
        );
        foreach (
            var layer in new Module<Tensor, Tensor>[]
            {
                new ZeroPad3d(1),
                new ReflectionPad3d(1),
                new ReplicationPad3d(1),
            }
        )
            Assert.That(layer.Call(cube).Shape, Is.EqualTo(new Shape(1, 1, 4, 4, 4)));
        foreach (var layer in new Module<Tensor, Tensor>[] { new ReplicationPad2d(1), new CircularPad2d(1) })
            Assert.That(layer.Call(cube).Shape, Is.EqualTo(new Shape(1, 1, 2, 4, 4)));
        Assert.That(
            () => new CircularPad3d(1, 2),
            Throws
                .TypeOf<AttributeException>()
                .With.Message.Contains("or six: left, right, top, bottom, front, back; got 2")
        );
    }

    /// <summary>Values of PyTorch 1.13.</summary>
    [Test]
    public void UpsampleEnlargesSequencesImagesAndVolumes()
    {
        using var frame = Lifetime.Frame();
        var line = Filled([1, 1, 3], i => i, Device.Cpu);
        using var all = Assert.EnterMultipleScope();
        Assert.That(new Upsample(2).Call(line).ToDoubles(), Is.EqualTo(new double[] { 0, 0, 1, 1, 2, 2 }));
        Assert.That(
            new Upsample(2, UpsampleMode.Linear).Call(line).ToDoubles(),
            Is.EqualTo(new[] { 0, 0.25, 0.75, 1.25, 1.75, 2 })
        );
        Assert.That(
            new Upsample(2, UpsampleMode.Linear, alignCorners: true).Call(line).ToDoubles(),
            Is.EqualTo(new[] { 0, 0.4, 0.8, 1.2, 1.6, 2 }).Within(1e-15)
        );
        foreach (var mode in Enum.GetValues<UpsampleMode>())
        foreach (var shape in new[] { new Shape(1, 2, 3, 4), new Shape(1, 2, 3, 4, 5) })
        {
            var x = Filled(shape, i => Math.Sin(i), Device.Cpu);
            var size = shape.Dims[2..].ToArray().Select(n => 3 * n).ToArray();
            var expected = (shape.Rank, mode) switch
            {
                (4, UpsampleMode.Nearest) => x.UpsampleNearest2d(size),
                (4, _) => x.UpsampleBilinear2d(size),
                (_, UpsampleMode.Nearest) => x.UpsampleNearest3d(size),
                _ => x.UpsampleTrilinear3d(size),
            };
            Assert.That(new Upsample(3, mode).Call(x).ToDoubles(), Is.EqualTo(expected.ToDoubles()));
        }
        Assert.That(
            () => new Upsample(2).Call(line.Reshape(3)),
            Throws.TypeOf<ShapeException>().With.Message.Contains("(N, C, L)")
        );
    }
}
