using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using CudaNet.IO;
using CudaNet.Tests.IO;

namespace CudaNet.Tests.Cli;

[TestFixture]
public sealed class OpCommandTests
{
    [Test]
    public void Mul_and_its_gradients_are_the_known_numbers()
    {
        using var folder = new TemporaryFolder();
        Npz.Write(
            folder.File("x.npz"),
            [
                Floats("input", [2, 2], 1, 2, 3, 4),
                Floats("other", [2], 10, 100),
                Floats("grad_output", [2, 2], 1, 0.5f, 2, -1),
            ]
        );
        CliRun.Of("op", "mul", "--in", folder.File("x.npz"), "--out", folder.File("y.npz"), "--grad").IsFine();
        var written = Read(folder.File("y.npz"));
        Assert.That(Values(written["output"]), Is.EqualTo(new[] { 10f, 200, 30, 400 }));
        Assert.That(written["output"].Shape, Is.EqualTo(new long[] { 2, 2 }));
        Assert.That(Values(written["grad_input"]), Is.EqualTo(new[] { 10f, 50, 20, -100 }));
        Assert.That(Values(written["grad_other"]), Is.EqualTo(new[] { 1f * 1 + 3 * 2, 2 * 0.5f + 4 * -1 }));
        Assert.That(Values(written["grad_output"]), Is.EqualTo(new[] { 1f, 0.5f, 2, -1 }));
    }

    [Test]
    public void A_random_cotangent_is_written_too()
    {
        using var folder = new TemporaryFolder();
        Npz.Write(folder.File("x.npz"), [Floats("input", [3], 1, 2, 3), Floats("other", [3], 4, 5, 6)]);
        CliRun.Of("op", "mul", "--in", folder.File("x.npz"), "--out", folder.File("y.npz"), "--grad").IsFine();
        var written = Read(folder.File("y.npz"));
        var cotangent = Values(written["grad_output"]);
        Assert.That(cotangent.Distinct().Count(), Is.EqualTo(3));
        Assert.That(
            Values(written["grad_input"]),
            Is.EqualTo(new[] { cotangent[0] * 4, cotangent[1] * 5, cotangent[2] * 6 })
        );
    }

    [Test]
    public void Statistics_keep_their_own_names()
    {
        using var folder = new TemporaryFolder();
        Npz.Write(folder.File("x.npz"), [Floats("input", [1, 4], 1, 2, 3, 4)]);
        CliRun
            .Of(
                "op",
                "layer_norm",
                "--in",
                folder.File("x.npz"),
                "--out",
                folder.File("y.npz"),
                "--attr",
                "normalized_shape=4"
            )
            .IsFine();
        var written = Read(folder.File("y.npz"));
        Assert.That(written.Keys, Is.EquivalentTo(new[] { "output", "mean", "rstd" }));
        Assert.That(Values(written["mean"])[0], Is.EqualTo(2.5f));
        Assert.That(Values(written["output"])[3], Is.EqualTo(1.5 / Math.Sqrt(1.25 + 1e-5)).Within(1e-6));
    }

    [Test]
    public void Json_names_the_arrays()
    {
        using var folder = new TemporaryFolder();
        Npz.Write(folder.File("x.npz"), [Floats("input", [3], 1, 2, 3), Floats("other", [3], 4, 5, 6)]);
        var run = CliRun
            .Of("op", "add", "--in", folder.File("x.npz"), "--out", folder.File("y.npz"), "--json")
            .IsFine();
        var array = JsonNode.Parse(run)!["arrays"]![0]!;
        Assert.That(array["name"]!.GetValue<string>(), Is.EqualTo("output"));
        Assert.That(array["dtype"]!.GetValue<string>(), Is.EqualTo("f32"));
    }

    [Test]
    public void The_list_names_every_op_with_defaults()
    {
        var list = CliRun.Of("op", "--list").IsFine();
        foreach (var op in Registry.All)
            Assert.That(list, Does.Contain(op.Name + "\n"));
        Assert.That(CliRun.Of("op", "layer_norm", "--list").IsFine(), Does.Contain("eps: float = 1e-5"));
        Assert.That(
            JsonNode.Parse(CliRun.Of("op", "--list", "--json").IsFine())!.AsArray(),
            Has.Count.EqualTo(Registry.All.Count)
        );
    }

    [Test]
    public void Inputs_that_do_not_fit_are_named()
    {
        using var folder = new TemporaryFolder();
        var (x, y) = (folder.File("x.npz"), folder.File("y.npz"));
        Npz.Write(x, [Floats("input", [3], 1, 2, 3), Floats("othr", [3], 1, 2, 3)]);
        CliRun.Of("op", "add", "--in", x, "--out", y).IsRefusal("no array 'other'");
        Npz.Write(x, [Floats("input", [3], 1, 2, 3), Floats("other", [3], 1, 2, 3), Floats("third", [1], 1)]);
        CliRun.Of("op", "add", "--in", x, "--out", y).IsRefusal("third", "no input");
        Npz.Write(x, [Floats("input", [3], 1, 2, 3), Floats("other", [2], 1, 2)]);
        CliRun.Of("op", "add", "--in", x, "--out", y).IsRefusal("(3)", "(2)");
        Npz.Write(x, [Floats("input", [3], 1, 2, 3), Floats("other", [3], 1, 2, 3), Floats("grad_output", [2], 1, 1)]);
        CliRun.Of("op", "add", "--in", x, "--out", y).IsRefusal("grad_output", "--grad");
        CliRun.Of("op", "add", "--in", x, "--out", y, "--grad").IsRefusal("grad_output is (2) f32", "(3) f32");
        Npz.Write(x, [Floats("input", [1, 4], 1, 2, 3, 4)]);
        CliRun.Of("op", "layer_norm", "--in", x, "--out", y).IsRefusal("normalized_shape");
        CliRun.Of("op", "layer_norm", "--in", x, "--out", y, "--attr", "shape=4").IsRefusal("no attribute 'shape'");
        CliRun.Of("op", "layer_norm", "--in", x, "--out", y, "--attr", "normalized_shape=a").IsRefusal("'a'");
        File.WriteAllBytes(x, File.ReadAllBytes(x)[..40]);
        CliRun.Of("op", "layer_norm", "--in", x, "--out", y, "--attr", "normalized_shape=4").IsRefusal(x);
        Assert.That(File.Exists(y), Is.False);
    }

    [TestCase("huber_loss", "delta")]
    [TestCase("smooth_l1_loss", "beta")]
    public void A_loss_without_a_quadratic_part_is_refused(string op, string bound)
    {
        using var folder = new TemporaryFolder();
        var (x, y) = (folder.File("x.npz"), folder.File("y.npz"));
        Npz.Write(x, [Floats("input", [1], 1), Floats("target", [1], 2)]);
        CliRun.Of("op", op, "--in", x, "--out", y, "--attr", $"{bound}=0").IsRefusal(op, $"{bound} must be above 0");
    }

    private static NamedArray Floats(string name, long[] shape, params float[] values) =>
        new(name, DType.Float32, shape, MemoryMarshal.AsBytes<float>(values).ToArray());

    private static float[] Values(NamedArray array) => MemoryMarshal.Cast<byte, float>(array.Bytes).ToArray();

    private static Dictionary<string, NamedArray> Read(string path) => Npz.Read(path).ToDictionary(array => array.Name);
}
