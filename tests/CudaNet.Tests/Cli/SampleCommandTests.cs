using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using CudaNet.Data;
using CudaNet.IO;
using CudaNet.Tests.IO;

namespace CudaNet.Tests.Cli;

[TestFixture]
public sealed class SampleCommandTests
{
    private const int Tests = 200;

    private readonly TemporaryFolder _folder = new();

    private string Run => _folder.File("run");

    [OneTimeSetUp]
    public void Train()
    {
        var data = _folder.File("data");
        CliRun.Of("data", "draw", "--out", data, "--train", "3000", "--test", $"{Tests}").IsFine();
        CliRun.Of("train", "mlp", "--data", data, "--out", Run, "--epochs", "4").IsFine();
    }

    [OneTimeTearDown]
    public void Remove() => _folder.Dispose();

    [Test]
    public void Training_leaves_a_sheet_of_sixteen()
    {
        var sheet = PngReader.Read(Path.Combine(Run, "samples.png"));
        // Digits of 28 × 28, four times as large, in frames of 6, two pixels apart.
        const int side = 2 + 4 * (4 * 28 + 12 + 2);
        Assert.That((sheet.Width, sheet.Height, sheet.Channels), Is.EqualTo((side, side, 3)));
    }

    [Test]
    public void Test_images_are_judged_and_shown()
    {
        var png = _folder.File("sheet.png");
        var output = CliRun.Of("sample", Run, "--count", "9", "--out", png).IsFine().Split('\n');
        Assert.That(output.Count(line => line.StartsWith("test image") && line.Contains('%')), Is.EqualTo(9));
        Assert.That(output[9], Does.Contain("sheet.png"));
        Assert.That(PngReader.Read(png).Width, Is.EqualTo(2 + 3 * 126));
        Assert.That(CliRun.Of("sample", Run, "--count", "9", "--out", png).IsFine().Split('\n'), Is.EqualTo(output));
        Assert.That(
            CliRun.Of("sample", Run, "--count", "9", "--out", png, "--seed", "2").IsFine().Split('\n'),
            Is.Not.EqualTo(output)
        );
    }

    [Test]
    public void All_test_images_are_recognised_as_the_summary_says()
    {
        var report = Json("sample", Run, "--count", $"{Tests}", "--out", _folder.File("all.png"));
        var samples = report["samples"]!.AsArray();
        Assert.That(
            samples.Select(sample => sample!["image"]!.GetValue<int>()),
            Is.EqualTo(Enumerable.Range(0, Tests))
        );
        var right = samples.Count(sample => sample!["label"]!.GetValue<int>() == sample["predicted"]!.GetValue<int>());
        var summary = JsonNode.Parse(File.ReadAllText(Path.Combine(Run, "summary.json")))!;
        Assert.That((double)right / Tests, Is.EqualTo(summary["test_accuracy"]!.GetValue<double>()).Within(1e-9));
        foreach (var sample in samples)
            Assert.That(
                sample!["probabilities"]!.AsArray().Sum(value => value!.GetValue<double>()),
                Is.EqualTo(1).Within(1e-4)
            );
    }

    [Test]
    public void Given_arrays_are_judged_alike_in_every_form()
    {
        var images = DrawnDigits.Load(1, 1, 20).Test;
        var expected = Predictions(Json("sample", Run, "--count", $"{Tests}", "--out", _folder.File("x.png")))[..20];
        var file = _folder.File("images.npz");
        Npz.Write(
            file,
            [new("other", DType.Float32, [1], new byte[4]), new("images", DType.UInt8, [20, 28, 28], images.Images)]
        );
        Assert.That(Predictions(Json("sample", Run, "--in", file)), Is.EqualTo(expected));
        float[] floats = [.. images.Images.Select(value => value / 255f)];
        var npy = _folder.File("images.npy");
        Npy.Write(npy, new NamedArray("", DType.Float32, [20, 784], MemoryMarshal.AsBytes<float>(floats).ToArray()));
        Assert.That(Predictions(Json("sample", Run, "--in", npy)), Is.EqualTo(expected));
        Assert.That(Predictions(Json("sample", Run, "--in", npy, "--count", "3")), Is.EqualTo(expected[..3]));
        Assert.That(Json("sample", Run, "--in", npy)["out"], Is.Null);
        Assert.That(CliRun.Of("sample", Run, "--in", npy).IsFine(), Does.Contain("image 0").And.Not.Contain("right"));
    }

    [Test]
    public void The_size_place_and_paper_of_a_drawing_do_not_matter()
    {
        var images = DrawnDigits.Load(1, 1, 60).Test;
        var itself = Predictions(Json("sample", Run, "--count", $"{Tests}", "--out", _folder.File("x.png")));
        var (alike, right) = (0, 0);
        for (var i = 0; i < images.Count; i++)
        {
            var chalk = images.Picture(i);
            var ink = chalk with { Pixels = [.. chalk.Pixels.Select(value => (byte)(240 - value * 0.8))] };
            var small = Predict(Margin(chalk.Enlarge(3), 5, 0), $"{i}-small.png");
            var large = Predict(Margin(ink.Enlarge(8), 60, 240).Frame(0, 0, 0, 0), $"{i}-large.png");
            alike += small == large ? 1 : 0;
            right += large == itself[i] ? 1 : 0;
        }
        Assert.That(alike, Is.GreaterThanOrEqualTo(58));
        // Stray marks of the drawn digits are scaled and centred with them, so some are seen otherwise.
        Assert.That(right, Is.GreaterThanOrEqualTo(42));

        int Predict(Picture picture, string name)
        {
            picture.WritePng(_folder.File(name));
            return Predictions(Json("sample", Run, "--in", _folder.File(name)))[0];
        }
    }

    [Test]
    public void A_picture_of_an_image_itself_is_taken_as_it_is()
    {
        var images = DrawnDigits.Load(1, 1, 10).Test;
        var all = Json("sample", Run, "--count", $"{Tests}", "--out", _folder.File("x.png"));
        for (var i = 0; i < images.Count; i++)
        {
            var file = _folder.File("same.png");
            images.Picture(i).WritePng(file);
            var sample = Json("sample", Run, "--in", file)["samples"]![0]!;
            var (given, test) = (sample["probabilities"]!.AsArray(), all["samples"]![i]!["probabilities"]!.AsArray());
            Assert.That(
                given.Select(value => value!.GetValue<double>()),
                Is.EqualTo(test.Select(value => value!.GetValue<double>())).Within(1e-5)
            );
        }
    }

    [Test]
    public void Given_images_need_no_training_data()
    {
        var moved = _folder.File("moved");
        Directory.CreateDirectory(Path.Combine(moved, "checkpoint"));
        foreach (var file in Directory.GetFiles(Path.Combine(Run, "checkpoint")))
            File.Copy(file, Path.Combine(moved, "checkpoint", Path.GetFileName(file)));
        var config = File.ReadAllText(Path.Combine(Run, "config.json"));
        File.WriteAllText(Path.Combine(moved, "config.json"), config.Replace(_folder.File("data"), "/no/such/data"));
        var png = _folder.File("one.png");
        DrawnDigits.Load(1, 1, 1).Test.Picture(0).WritePng(png);
        CliRun.Of("sample", moved, "--in", png).IsFine();
        CliRun.Of("sample", moved).IsRefusal("/no/such/data");
    }

    [Test]
    public void What_cannot_be_judged_is_refused()
    {
        var file = _folder.File("bad");
        CliRun.Of("sample", Run, "--in", "/no/such.png").IsRefusal("/no/such.png", "no such file", "PNG");
        File.WriteAllText(file, "text");
        CliRun.Of("sample", Run, "--in", file).IsRefusal(file, "a PNG picture");
        File.WriteAllText(file, "");
        CliRun.Of("sample", Run, "--in", file).IsRefusal(file, "a PNG picture");
        new Picture(new byte[100 * 90], 100, 90).WritePng(file);
        CliRun.Of("sample", Run, "--in", file).IsRefusal(file, "nothing is drawn");
        File.WriteAllBytes(file, File.ReadAllBytes(file)[..^20]);
        CliRun.Of("sample", Run, "--in", file).IsRefusal(file, "found");
        Npz.Write(file, [new("images", DType.UInt8, [3, 27, 28], new byte[3 * 27 * 28])]);
        CliRun.Of("sample", Run, "--in", file).IsRefusal("(3, 27, 28)", "(N, 784)");
        Npz.Write(
            file,
            [new("a", DType.UInt8, [1, 784], new byte[784]), new("b", DType.UInt8, [1, 784], new byte[784])]
        );
        CliRun.Of("sample", Run, "--in", file).IsRefusal("2 arrays", "images");
        Npz.Write(file, [new("images", DType.UInt8, [0, 784], [])]);
        CliRun.Of("sample", Run, "--in", file).IsRefusal("(0, 784)");
        var bright = MemoryMarshal.AsBytes<float>(Enumerable.Repeat(2f, 784).ToArray()).ToArray();
        Npz.Write(file, [new("images", DType.Float32, [784], bright)]);
        CliRun.Of("sample", Run, "--in", file).IsRefusal("outside 0", "store u1");
        CliRun.Of("sample", Run, "--count", $"{Tests + 1}").IsRefusal($"there are {Tests} test images");
        CliRun.Of("sample", Run, "--out", "/no/such/folder/a.png").IsRefusal("/no/such/folder");
        CliRun.Of("sample", _folder.Path).IsRefusal("config.json");
    }

    private static JsonNode Json(params string[] command) =>
        JsonNode.Parse(CliRun.Of([.. command, "--json"]).IsFine())!;

    private static List<int> Predictions(JsonNode report) =>
        [.. report["samples"]!.AsArray().Select(sample => sample!["predicted"]!.GetValue<int>())];

    /// <summary>Paper to the left of and above a greyscale picture, and a little on the other sides.</summary>
    private static Picture Margin(Picture picture, int margin, byte paper)
    {
        var (width, height) = (picture.Width + margin + 10, picture.Height + margin + 10);
        var pixels = new byte[width * height];
        Array.Fill(pixels, paper);
        for (var y = 0; y < picture.Height; y++)
            picture
                .Pixels.AsSpan(y * picture.Width, picture.Width)
                .CopyTo(pixels.AsSpan((y + margin) * width + margin));
        return new Picture(pixels, width, height);
    }
}
