using System.Text.Json;
using CudaNet.Nn;

namespace CudaNet.Tests.Nn;

/// <summary>
/// Every loss module against recorded PyTorch results: loss and gradients for each reduction (tests/golden/make_losses.py says how tensors are
/// made from formulas and recorded as one number).
/// </summary>
[TestFixture]
public sealed class RecordedLossTests
{
    private static readonly JsonElement[] s_cases = RecordedCases.Read("losses.json");

    private static IEnumerable<TestCaseData> Recorded => RecordedCases.Everywhere(s_cases);

    [Test]
    public void EveryLossIsRecorded()
    {
        var losses = typeof(Loss)
            .Assembly.GetTypes()
            .Where(type =>
                !type.IsAbstract && (type.IsSubclassOf(typeof(Loss)) || type.IsSubclassOf(typeof(TernaryLoss)))
            )
            .Select(type => type.Name.ToLowerInvariant());
        var recorded = s_cases.Select(of => of.GetProperty("module").GetString()!.ToLowerInvariant()).Distinct();
        Assert.That(losses, Is.EquivalentTo(recorded.Where(name => name != "cosinesimilarity")));
    }

    [TestCaseSource(nameof(Recorded))]
    public void AgreesWithPyTorch(string deviceName, DType dtype, int number)
    {
        var (device, of) = (TestDevices.Open(deviceName), s_cases[number]);
        using var isDefault = device.AsDefault();
        using var frame = Lifetime.Frame();
        var inputs = of.GetProperty("inputs").EnumerateArray().Select((input, k) => Input(input, k, dtype)).ToArray();
        var loss = Run(of.GetProperty("module").GetString()!, new Options(of.GetProperty("options"), dtype), inputs);
        var wanted = inputs.Where(input => input.RequiresGrad).ToArray();
        var gradients = Autograd.Grad([loss], wanted, [Filled(loss.Shape, i => i + 1.0, dtype)]);
        using var all = Assert.EnterMultipleScope();
        Assert.That(
            loss.Shape.Dims.ToArray(),
            Is.EqualTo(of.GetProperty("shape").EnumerateArray().Select(n => n.GetInt64()))
        );
        Check("loss", loss, of.GetProperty("loss"), dtype);
        foreach (var (i, expected) in of.GetProperty("gradients").EnumerateArray().Index())
            Check($"gradient {i}", gradients[i]!, expected, dtype);
    }

    private static Tensor Run(string name, Options o, Tensor[] x)
    {
        var reduction = o.Reduction;
        return name switch
        {
            "MSELoss" => new MseLoss(reduction).Call(x[0], x[1]),
            "L1Loss" => new L1Loss(reduction).Call(x[0], x[1]),
            "SmoothL1Loss" => new SmoothL1Loss(o.Number("beta", 1), reduction).Call(x[0], x[1]),
            "HuberLoss" => new HuberLoss(o.Number("delta", 1), reduction).Call(x[0], x[1]),
            "CrossEntropyLoss" => new CrossEntropyLoss(
                o.Weight("weight"),
                (long)o.Number("ignore_index", -100),
                reduction,
                o.Number("label_smoothing", 0)
            ).Call(x[0], x[1]),
            "NLLLoss" => new NllLoss(o.Weight("weight"), (long)o.Number("ignore_index", -100), reduction).Call(
                x[0],
                x[1]
            ),
            "BCELoss" => new BceLoss(o.Weight("weight"), reduction).Call(x[0], x[1]),
            "BCEWithLogitsLoss" => new BceWithLogitsLoss(o.Weight("weight"), reduction, o.Weight("pos_weight")).Call(
                x[0],
                x[1]
            ),
            "KLDivLoss" => new KlDivLoss(reduction, o.Flag("log_target", false)).Call(x[0], x[1]),
            "PoissonNLLLoss" => new PoissonNllLoss(
                o.Flag("log_input", true),
                o.Flag("full", false),
                reduction: reduction
            ).Call(x[0], x[1]),
            "GaussianNLLLoss" => new GaussianNllLoss(o.Flag("full", false), o.Number("eps", 1e-6), reduction).Call(
                x[0],
                x[1],
                x[2]
            ),
            "SoftMarginLoss" => new SoftMarginLoss(reduction).Call(x[0], x[1]),
            "MultiLabelSoftMarginLoss" => new MultilabelSoftMarginLoss(reduction).Call(x[0], x[1]),
            "HingeEmbeddingLoss" => new HingeEmbeddingLoss(o.Number("margin", 1), reduction).Call(x[0], x[1]),
            "MarginRankingLoss" => new MarginRankingLoss(o.Number("margin", 0), reduction).Call(x[0], x[1], x[2]),
            "CosineEmbeddingLoss" => new CosineEmbeddingLoss(o.Number("margin", 0), reduction).Call(x[0], x[1], x[2]),
            "TripletMarginLoss" => new TripletMarginLoss(
                o.Number("margin", 1),
                o.Number("p", 2),
                o.Number("eps", 1e-6),
                o.Flag("swap", false),
                reduction
            ).Call(x[0], x[1], x[2]),
            "CosineSimilarity" => new CosineSimilarity((int)o.Number("dim", 1), o.Number("eps", 1e-8)).Call(x[0], x[1]),
            _ => throw new InvalidOperationException($"no loss '{name}'"),
        };
    }

    private static double Value(string formula, int i, int k) =>
        formula switch
        {
            "number" => 1.5 * Math.Sin(1.3 * i + 0.7 * k + 0.3),
            "log" => -0.1 - (1 + Math.Sin(1.7 * i + k)),
            "probability" => 0.5 + 0.45 * Math.Sin(1.1 * i + 0.9 * k + 0.2),
            "positive" => 1.7 + 1.4 * Math.Cos(0.7 * i + 0.4 * k),
            "sign" => Math.Sin(2.1 * i + 0.4) > 0 ? 1 : -1,
            "class" => (7 * i * i + 2 * i + 2) % 5,
            _ => throw new InvalidOperationException($"no formula '{formula}'"),
        };

    private static Tensor Input(JsonElement of, int k, DType dtype)
    {
        var formula = of.GetProperty("formula").GetString()!;
        var shape = new Shape([.. of.GetProperty("shape").EnumerateArray().Select(n => n.GetInt64())]);
        var name = formula.TrimEnd('*');
        var tensor = Filled(shape, i => Value(name, i, k), name == "class" ? DType.Int64 : dtype);
        if (formula.EndsWith('*'))
            tensor.RequiresGrad = true;
        return tensor;
    }

    private static void Check(string what, Tensor result, JsonElement expected, DType dtype)
    {
        var (tolerance, value) = (dtype == DType.Float64 ? 1e-10 : 1e-5, expected.GetDouble());
        // Of the terms that are added up, which may cancel.
        var terms = result.ToDoubles().Select((element, i) => element * Math.Cos(0.9 * i)).ToArray();
        Assert.That(
            terms.Sum(),
            Is.EqualTo(value).Within(tolerance * Math.Max(Math.Abs(value), terms.Sum(Math.Abs))),
            what
        );
    }

    private static Tensor Filled(Shape shape, Func<int, double> formula, DType dtype) =>
        Tensor.From(Enumerable.Range(0, (int)shape.NumElements).Select(formula).ToArray(), shape).Cast(dtype);

    private sealed class Options(JsonElement of, DType dtype)
    {
        public Reduction Reduction =>
            of.TryGetProperty("reduction", out var value)
                ? Enum.Parse<Reduction>(value.GetString()!, ignoreCase: true)
                : Reduction.None;

        public double Number(string name, double otherwise) =>
            of.TryGetProperty(name, out var value) ? value.GetDouble() : otherwise;

        public bool Flag(string name, bool otherwise) =>
            of.TryGetProperty(name, out var value) ? value.GetBoolean() : otherwise;

        public Tensor? Weight(string name) =>
            of.TryGetProperty(name, out var count) ? Filled([count.GetInt64()], c => 0.5 + 0.25 * c, dtype) : null;
    }
}
