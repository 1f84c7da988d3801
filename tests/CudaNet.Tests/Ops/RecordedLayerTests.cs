namespace CudaNet.Tests.Ops;

using System.Text.Json;
using CudaNet;

/// <summary>Normalisations, convolutions, upsamplings and element-wise losses against recorded PyTorch results, with first and second gradients
/// (tests/golden/make_layers.py, which says how tensors are made from formulas and recorded as one number).</summary>
[TestFixture]
public sealed class RecordedLayerTests
{
    private static readonly JsonElement[] s_cases =
    [
        .. JsonDocument
            .Parse(File.ReadAllText(Path.Combine(RepositoryRoot.Find(), "tests/golden/layers.json")))
            .RootElement.GetProperty("cases")
            .EnumerateArray(),
    ];

    private static IEnumerable<TestCaseData> Recorded =>
        from device in new[] { "cpu", "simt" }
        from i in Enumerable.Range(0, s_cases.Length)
        select new TestCaseData(device, i).SetArgDisplayNames(
            device,
            $"{i}: {s_cases[i].GetProperty("op").GetString()}"
        );

    [TestCaseSource(nameof(Recorded))]
    public void AgreesWithPyTorch(string deviceName, int number)
    {
        using var frame = Lifetime.Frame();
        var (device, of) = (TestDevices.Open(deviceName), s_cases[number]);
        var op = Registry.Find(of.GetProperty("op").GetString()!);
        var attributes = op.Signature.ParseAttributes(
            op.Name,
            of.GetProperty("attributes").EnumerateObject().ToDictionary(a => a.Name, a => a.Value.GetString()!)
        );
        var inputs = new Tensor?[op.Signature.Inputs.Count];
        var wanted = new List<Tensor>();
        foreach (var (k, input) in of.GetProperty("inputs").EnumerateObject().Index())
        {
            var shape = new Shape([.. input.Value.EnumerateArray().Select(extent => extent.GetInt64())]);
            var form = of.GetProperty("forms").TryGetProperty(input.Name, out var given) ? given : (JsonElement?)null;
            var tensor = Filled(shape, i => Shaped(Math.Sin((1.3 + 0.2 * k) * i + 0.3 + k), form), device);
            if (
                !input.Name.StartsWith("running", StringComparison.Ordinal)
                && form is not { ValueKind: JsonValueKind.String }
            )
            {
                tensor.RequiresGrad = true;
                wanted.Add(tensor);
            }
            inputs[op.Signature.Inputs.Index().Single(p => p.Item.Name == input.Name).Index] = tensor;
        }
        var y = op.Apply(inputs, attributes);
        var cotangent = Filled(y.Shape, i => Math.Sin(0.8 * i), device);
        var first = Autograd.Grad([y], [.. wanted], [cotangent], createGraph: true);
        var sum = first.Select(g => (g * Wave(g, 0.7)).Sum()).Aggregate((a, b) => a + b);
        var second = sum.RequiresGrad
            ? Autograd.Grad([sum], [.. wanted], allowUnused: true)
            : new Tensor?[wanted.Count];
        using var all = Assert.EnterMultipleScope();
        Assert.That(
            y.Shape.Dims.ToArray(),
            Is.EqualTo(of.GetProperty("shape").EnumerateArray().Select(extent => extent.GetInt64()))
        );
        Check("output", y, of.GetProperty("output"));
        for (var i = 0; i < wanted.Count; i++)
        {
            Check($"gradient {i}", first[i], of.GetProperty("first")[i]);
            Check($"second gradient {i}", second[i], of.GetProperty("second")[i]);
        }
    }

    private static double Shaped(double wave, JsonElement? form) =>
        form switch
        {
            null => wave,
            { ValueKind: JsonValueKind.Array } line => line[0].GetDouble() + line[1].GetDouble() * wave,
            _ => Math.Sign(wave),
        };

    private static void Check(string what, Tensor? result, JsonElement expected) =>
        Assert.That(
            result is null ? 0 : (result * Wave(result, 0.9)).Sum().Item(),
            Is.EqualTo(expected.GetDouble()).Within(1e-10 * Math.Max(1, Math.Abs(expected.GetDouble()))),
            what
        );

    private static Tensor Wave(Tensor like, double rate) => Filled(like.Shape, i => Math.Cos(rate * i), like.Device);

    private static Tensor Filled(Shape shape, Func<int, double> formula, Device device) =>
        Tensor.From(Enumerable.Range(0, (int)shape.NumElements).Select(formula).ToArray(), shape, device);
}
