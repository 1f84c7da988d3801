namespace CudaNet.Tests.Nn;

using System.Text.Json;
using CudaNet;
using CudaNet.Nn;

/// <summary>
/// Every registered layer against recorded PyTorch results: output, gradients, 50 steps of training, buffers (tests/golden/make_modules.py
/// says how tensors are made from formulas and recorded as one number).
/// </summary>
[TestFixture]
public sealed class RecordedModuleTests
{
    // PyTorch 1.13 has no RMSNorm, whose formula RecordedLayerTests has, and not all paddings; the slopes of RReLU are random.
    private static readonly string[] s_unrecorded =
    [
        "CircularPad1d",
        "CircularPad2d",
        "CircularPad3d",
        "RMSNorm",
        "RReLU",
        "ZeroPad1d",
        "ZeroPad3d",
    ];

    private static readonly JsonElement[] s_cases = RecordedCases.Read("modules.json");

    private static IEnumerable<TestCaseData> Recorded => RecordedCases.Everywhere(s_cases);

    [Test]
    public void EveryModuleIsRecorded() =>
        Assert.That(
            s_cases.Select(of => of.GetProperty("module").GetString()).Concat(s_unrecorded).Distinct().Order(),
            Is.EqualTo(ModuleRegistry.All.Select(module => module.Name).Order())
        );

    [TestCaseSource(nameof(Recorded))]
    public void AgreesWithPyTorch(string deviceName, DType dtype, int number)
    {
        var (device, of) = (TestDevices.Open(deviceName), s_cases[number]);
        using var isDefault = device.AsDefault();
        using var frame = Lifetime.Frame();
        var tolerance = dtype == DType.Float64 ? 1e-10 : 1e-5;
        var module = Make(of, dtype);
        foreach (var (k, parameter) in module.Parameters().Index())
            parameter.Assign(Filled(parameter.Shape, i => 0.4 * Math.Sin((0.7 + 0.1 * k) * i + k) + 0.2, dtype));
        var x = Input(of, dtype);
        var y = module.Call(x);
        var wanted = x.RequiresGrad ? [x, .. module.Parameters()] : module.Parameters().ToArray();
        var gradients = Autograd.Grad([y], wanted, [Filled(y.Shape, i => Math.Sin(0.8 * i), dtype)]);
        using var all = Assert.EnterMultipleScope();
        Assert.That(y.Shape.Dims.ToArray(), Is.EqualTo(Longs(of.GetProperty("shape"))));
        Check("output", y, of.GetProperty("output"), tolerance);
        foreach (var (i, expected) in of.GetProperty("gradients").EnumerateObject().Index())
            Check($"the gradient of {expected.Name}", gradients[i], expected.Value, tolerance);
        var losses = Train(module, x, dtype);
        Assert.That(
            losses,
            Is.EqualTo(of.GetProperty("losses").EnumerateArray().Select(loss => loss.GetDouble())).Within(tolerance)
        );
        var buffers = module.NamedBuffers().ToDictionary(buffer => buffer.Name, buffer => buffer.Tensor);
        foreach (var expected in of.GetProperty("buffers").EnumerateObject())
            Check(expected.Name, buffers[expected.Name], expected.Value, tolerance);
    }

    /// <summary>The losses before the steps 0, 10, …, 40 and 49.</summary>
    private static List<double> Train(Module<Tensor, Tensor> module, Tensor x, DType dtype)
    {
        var trained = module.Parameters().ToArray() is { Length: > 0 } parameters ? parameters : [x];
        var losses = new List<double>();
        for (var step = 0; step < 50; step++)
        {
            using var frame = Lifetime.Frame();
            var y = module.Call(x);
            var loss = (y - Filled(y.Shape, i => Math.Cos(0.5 * i), dtype)).Square().Mean();
            if (step % 10 == 0 || step == 49)
                losses.Add(loss.Item());
            var gradients = Autograd.Grad([loss], trained);
            using var noGrad = Autograd.NoGrad();
            for (var i = 0; i < trained.Length; i++)
                trained[i].Assign(trained[i] - gradients[i]! * 0.1);
        }
        return losses;
    }

    private static Module<Tensor, Tensor> Make(JsonElement of, DType dtype)
    {
        var registered = ModuleRegistry.Find(of.GetProperty("module").GetString()!);
        var arguments = of.GetProperty("config").EnumerateObject().ToDictionary(a => a.Name, a => Text(a.Value));
        if (registered.Arguments.Any(argument => argument.Name == "dtype"))
            arguments["dtype"] = dtype.Name;
        return registered.Create(arguments);
    }

    private static Tensor Input(JsonElement of, DType dtype)
    {
        var shape = new Shape(Longs(of.GetProperty("input")));
        if (of.GetProperty("config").TryGetProperty("num_embeddings", out var count))
        {
            var n = count.GetInt64();
            return Tensor.From(
                Enumerable.Range(0, (int)shape.NumElements).Select(i => (7L * i * i + 2 * i + 2) % n).ToArray(),
                shape
            );
        }
        var x = Filled(shape, i => Math.Sin(1.3 * i + 0.3), dtype);
        x.RequiresGrad = true;
        return x;
    }

    private static string Text(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array ? string.Join(',', Longs(value)) : value.ToString();

    private static long[] Longs(JsonElement list) => [.. list.EnumerateArray().Select(item => item.GetInt64())];

    private static void Check(string what, Tensor? result, JsonElement expected, double tolerance) =>
        Assert.That(
            result is null ? 0 : result.ToDoubles().Select((value, i) => value * Math.Cos(0.9 * i)).Sum(),
            Is.EqualTo(expected.GetDouble()).Within(tolerance * Math.Max(1, Math.Abs(expected.GetDouble()))),
            what
        );

    private static Tensor Filled(Shape shape, Func<int, double> formula, DType dtype) =>
        Tensor.From(Enumerable.Range(0, (int)shape.NumElements).Select(formula).ToArray(), shape).Cast(dtype);
}
