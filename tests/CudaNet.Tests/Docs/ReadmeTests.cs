namespace CudaNet.Tests.Docs;

using System.Text.RegularExpressions;
using CudaNet;
using CudaNet.Nn;
using CudaNet.Optim;

/// <summary>The README's samples: compiled and run here, and compared with the README's text.</summary>
[TestFixture]
public sealed partial class ReadmeTests
{
    [Test]
    public void TrainSomething()
    {
        Generator.Default.ManualSeed(1);
        // sample: train
        var model = new Sequential(new Linear(2, 32), new Tanh(), new Linear(32, 1));
        var optimizer = new AdamW(model.Parameters(), learningRate: 1e-2);
        for (var step = 0; step < 500; step++)
        {
            var x = Tensor.RandN([64, 2]);
            var product = x.Slice(1, 0, 1) * x.Slice(1, 1, 2);
            var loss = model.Call(x).MseLoss(product);
            optimizer.ZeroGrad();
            loss.Backward();
            optimizer.Step();
        }
        // end
        var test = Tensor.From(new[] { 0.5f, -1, 1, 1 }, [2, 2]);
        Assert.That(model.Call(test).ToDoubles(), Is.EqualTo(new[] { -0.5, 1 }).Within(0.25));
    }

    [TestCase("cpu")]
    [TestCase("simt", Category = "Simt")]
    public void RunAKernelOnAnArray(string name)
    {
        var device = TestDevices.Open(name);
        // sample: kernel
        float[] rows = [1, 2, 3, 4, 10, 20, 30, 40];
        var x = Tensor.From(rows, [2, 4]).To(device); // Device.Cpu, Device.Simt or Device.Cuda(0)
        var y = x.LayerNorm([4]);
        float[] normalised = y.ToArray<float>();
        // end
        double[] row = [-1.3416, -0.4472, 0.4472, 1.3416];
        Assert.That(normalised, Is.EqualTo(row.Concat(row)).Within(1e-4));
    }

    [Test]
    public void TheReadmeShowsExactlyTheseSamples()
    {
        var root = RepositoryRoot.Find();
        var readme = Blocks(File.ReadAllText(Path.Combine(root, "README.md")), ReadmeBlock());
        var here = Blocks(
            File.ReadAllText(Path.Combine(root, "tests/CudaNet.Tests/Docs/ReadmeTests.cs")),
            SourceBlock()
        );
        Assert.That(readme, Is.EqualTo(here).And.Count.EqualTo(2));
    }

    private static List<string> Blocks(string text, Regex pattern) =>
        [
            .. pattern
                .Matches(text)
                .Select(m =>
                    string.Join(
                        '\n',
                        m.Groups[1].Value.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)
                    )
                ),
        ];

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex ReadmeBlock();

    [GeneratedRegex("// sample: \\w+\n(.*?)// end\n", RegexOptions.Singleline)]
    private static partial Regex SourceBlock();
}
