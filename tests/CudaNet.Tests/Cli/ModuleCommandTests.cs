using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using CudaNet.IO;
using CudaNet.Tests.IO;

namespace CudaNet.Tests.Cli;

[TestFixture]
public sealed class ModuleCommandTests
{
    private const string LinearConfig = """{"in_features": 2, "out_features": 1}""";

    [TestCase("w.safetensors")]
    [TestCase("w.npz")]
    public void ALinearLayerAndItsGradientsAreTheKnownNumbers(string weights)
    {
        using var folder = new TemporaryFolder();
        Npz.Write(folder.File("x.npz"), [Floats("input", [2, 2], 1, 2, 3, 4), Floats("grad_output", [2, 1], 1, 10)]);
        NamedArray[] state = [Floats("weight", [1, 2], 5, 7), Floats("bias", [1], 100)];
        if (weights.EndsWith("npz", StringComparison.Ordinal))
            Npz.Write(folder.File(weights), state);
        else
            Safetensors.Write(folder.File(weights), state);
        Run(folder, "Linear", "--config", LinearConfig, "--weights", folder.File(weights), "--grad").IsFine();
        var written = Npz.Read(folder.File("y.npz")).ToDictionary(array => array.Name, Values);
        Assert.That(written["output"], Is.EqualTo(new[] { 119f, 143 }));
        Assert.That(written["grad_input"], Is.EqualTo(new[] { 5f, 7, 50, 70 }));
        Assert.That(written["grad_weight"], Is.EqualTo(new[] { 31f, 42 }));
        Assert.That(written["grad_bias"], Is.EqualTo(new[] { 11f }));
    }

    /// <summary>pytorch_batch_norm.pt is written by tests/golden/make_pt.py: each array is 1, 1.125, 1.25, 1.375.</summary>
    [Test]
    public void WeightsComeFromAPyTorchFile()
    {
        using var folder = new TemporaryFolder();
        var weights = Path.Combine(RepositoryRoot.Find(), "tests/golden/pytorch_batch_norm.pt");
        Npz.Write(folder.File("x.npz"), [Floats("input", [2, 4], 1, 2, 3, 4, -1, 0, 0.5f, 8)]);
        const string Config = """{"num_features": 4, "eps": 0}""";
        Run(folder, "BatchNorm1d", "--config", Config, "--eval", "--weights", weights).IsFine();
        float[] x = [1, 2, 3, 4, -1, 0, 0.5f, 8];
        Assert.That(
            Values(Npz.Read(folder.File("y.npz")).Single(array => array.Name == "output")),
            Is.EqualTo(
                    x.Select(
                        (value, i) =>
                            (value - (1 + i % 4 / 8f)) / MathF.Sqrt(1 + i % 4 / 8f) * (1 + i % 4 / 8f) + 1 + i % 4 / 8f
                    )
                )
                .Within(1e-6)
        );
    }

    [Test]
    public void DrawnWeightsDependOnTheSeedAlone()
    {
        using var folder = new TemporaryFolder();
        Npz.Write(folder.File("x.npz"), [Floats("input", [1, 2], 1, 2)]);
        float[] Draw(string seed)
        {
            Run(folder, "Linear", "--config", LinearConfig, "--seed", seed).IsFine();
            return Values(Npz.Read(folder.File("y.npz")).Single());
        }
        Assert.That(Draw("1"), Is.EqualTo(Draw("1")).And.Not.EqualTo(Draw("2")));
    }

    [Test]
    public void BuffersComeWithTheOutput()
    {
        using var folder = new TemporaryFolder();
        Npz.Write(folder.File("x.npz"), [Floats("input", [2, 1], 1, 3)]);
        Run(folder, "BatchNorm1d", "--config", """{"num_features": 1, "momentum": 0.5}""").IsFine();
        var written = Npz.Read(folder.File("y.npz")).ToDictionary(array => array.Name);
        Assert.That(Values(written["running_mean"]), Is.EqualTo(new[] { 1f }));
        Run(folder, "BatchNorm1d", "--eval", "--config", """{"num_features": 1, "eps": 0}""").IsFine();
        Assert.That(Values(Npz.Read(folder.File("y.npz"))[0]), Is.EqualTo(new[] { 1f, 3 }));
    }

    [Test]
    public void TheListNamesArguments()
    {
        Assert.That(
            CliRun.Of("module", "--list", "Linear").IsFine(),
            Does.Contain("Linear").And.Contain("in_features: int").And.Contain("bias: bool = true")
        );
        var all = JsonNode.Parse(CliRun.Of("module", "--list", "--json").IsFine())!.AsArray();
        Assert.That(all.Select(module => (string)module!["name"]!), Does.Contain("Conv2d").And.Contain("GELU"));
    }

    [TestCase("Linaer", "{}", "did you mean 'Linear'")]
    [TestCase("Linear", """{"in_features": 2}""", "out_features")]
    [TestCase("Linear", """{"in_features": 2, "out_features": 1, "width": 3}""", "width")]
    [TestCase("Linear", "{in", "no JSON")]
    [TestCase("Linear", "[1]", "JSON object")]
    [TestCase("Linear", """{"in_features": "two", "out_features": 1}""", "'two'")]
    public void WhatIsWrongIsOneLine(string module, string config, string expected)
    {
        using var folder = new TemporaryFolder();
        Npz.Write(folder.File("x.npz"), [Floats("input", [1, 2], 1, 2)]);
        Run(folder, module, "--config", config).IsRefusal(expected);
    }

    [Test]
    public void WeightsMustFit()
    {
        using var folder = new TemporaryFolder();
        Npz.Write(folder.File("x.npz"), [Floats("input", [1, 2], 1, 2)]);
        Npz.Write(folder.File("w.npz"), [Floats("weight", [1, 2], 1, 2)]);
        Run(folder, "Linear", "--config", LinearConfig, "--weights", folder.File("w.npz")).IsRefusal("missing: bias");
        Run(folder, "Linear", "--config", LinearConfig, "--weights", folder.File("none.npz")).IsRefusal("no such file");
    }

    private static CliRun Run(TemporaryFolder folder, string module, params string[] arguments) =>
        CliRun.Of(["module", module, "--in", folder.File("x.npz"), "--out", folder.File("y.npz"), .. arguments]);

    private static NamedArray Floats(string name, long[] shape, params float[] values) =>
        new(name, DType.Float32, shape, MemoryMarshal.AsBytes<float>(values).ToArray());

    private static float[] Values(NamedArray array) => MemoryMarshal.Cast<byte, float>(array.Bytes).ToArray();
}
