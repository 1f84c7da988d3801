namespace CudaNet.Tests.Architecture;

[TestFixture]
public sealed class ArchitectureTests
{
    [Test]
    public void ProjectsPointOneWay()
    {
        var violations = Directory
            .EnumerateFiles(Path.Combine(RepositoryRoot.Find(), "src"), "*.csproj", SearchOption.AllDirectories)
            .SelectMany(path =>
                ArchitectureRules.CheckProject(Path.GetFileNameWithoutExtension(path), File.ReadAllText(path))
            );
        Assert.That(violations, Is.Empty);
    }

    [Test]
    public void SourcesPointOneWay()
    {
        var files = SourceFile.ReadAll(RepositoryRoot.Find());
        Assert.That(files, Is.Not.Empty);
        Assert.That(ArchitectureRules.CheckSources(files), Is.Empty);
    }

    [TestCase("src/CudaNet/Tensors/A.cs", "using CudaNet.Nn;", "refers to Nn")]
    [TestCase("src/CudaNet/Tensors/A.cs", "using static CudaNet.Optim.Sgd;", "refers to Optim")]
    [TestCase("src/CudaNet/Tensors/A.cs", "var x = new Nn.Linear(1, 1);", "refers to Nn")]
    [TestCase("src/CudaNet/Tensors/A.cs", "var x = new Planted(1, 1);", "refers to Nn")]
    [TestCase("src/CudaNet/Tensors/A.cs", "void Use(Planted layer) { }", "refers to Nn")]
    [TestCase("src/CudaNet/Tensors/A.cs", "List<Planted> layers;", "refers to Nn")]
    [TestCase("src/CudaNet/Ops/A.cs", "using CudaNet.Training;", "refers to Training")]
    [TestCase("src/CudaNet/Devices/Cpu/A.cs", "using CudaNet.Data;", "refers to Data")]
    [TestCase("src/CudaNet/Nn/A.cs", "var x = CudaNet.Devices.Cuda.Pool.Shared;", "refers to Devices.Cuda")]
    [TestCase("src/CudaNet/Optim/A.cs", "var x = Devices.Cpu.Kernels.Add;", "refers to Devices.Cpu")]
    [TestCase("src/CudaNet/Training/A.cs", "using CudaNet.Reporting;", "refers to Reporting")]
    [TestCase("src/CudaNet/Reporting/A.cs", "var x = new Planted(1, 1);", "refers to Nn")]
    [TestCase("src/CudaNet.Models/Gpt/A.cs", "using CudaNet.Devices;", "refers to Devices")]
    [TestCase("src/CudaNet/Tensors/A.cs", "[LibraryImport(\"cudart\")]", "imports native functions")]
    [TestCase("src/CudaNet.Cli/A.cs", "[DllImport(\"cudart\")]", "imports native functions")]
    [TestCase("src/CudaNet/GlobalUsings.cs", "global using CudaNet.Tensors;", "global using")]
    public void FindsAPlantedViolation(string path, string text, string rule)
    {
        var violations = Check(path, text);
        Assert.That(violations, Has.Count.EqualTo(1));
        Assert.That(violations[0], Does.StartWith(path).And.Contain(rule));
    }

    [TestCase(
        "src/CudaNet/Tensors/A.cs",
        "// see CudaNet.Nn.Linear\n/* new Planted() */ var s = \"using CudaNet.Nn;\";"
    )]
    [TestCase(
        "src/CudaNet/Tensors/A.cs",
        "var s = $@\"\"\"CudaNet.Nn.X\"\"\"; var c = '\"'; x.Planted(1); x.Data.Length();"
    )]
    [TestCase("src/CudaNet/Ops/A.cs", "public static Tensor Planted(Tensor x) => Add(Planted(x), x);")]
    [TestCase("src/CudaNet/Nn/A.cs", "using CudaNet.Devices;\nusing CudaNet.Ops;")]
    [TestCase("src/CudaNet/Devices/Cuda/A.cs", "[LibraryImport(\"cudart\")]")]
    [TestCase("src/CudaNet.Models/A.cs", "new Planted(1);")]
    public void LetsPassWhatIsAllowed(string path, string text) => Assert.That(Check(path, text), Is.Empty);

    [TestCase("kernels/a.cu")]
    [TestCase("native/a.h")]
    [TestCase("src/CudaNet/A.cs")]
    public void FindsAFileThatIsTooLong(string path)
    {
        string longest = string.Concat(Enumerable.Repeat("\n", ArchitectureRules.MaximumLines));
        Assert.That(Check(path, longest), Is.Empty);
        Assert.That(Check(path, longest + "x"), Has.Count.EqualTo(1).And.One.StartsWith(path));
    }

    [TestCase("CudaNet", "CudaNet.Models", 1)]
    [TestCase("CudaNet.Models", "CudaNet.Verification", 1)]
    [TestCase("CudaNet.Verification", "CudaNet.Models", 1)]
    [TestCase("CudaNet.Elsewhere", "CudaNet", 1)]
    [TestCase("CudaNet.Cli", "CudaNet.Models", 0)]
    public void FindsAPlantedProjectReference(string name, string reference, int expected)
    {
        string text =
            $"""<Project><ItemGroup><ProjectReference Include="..\{reference}\{reference}.csproj" /></ItemGroup></Project>""";
        Assert.That(ArchitectureRules.CheckProject(name, text).Count(), Is.EqualTo(expected));
    }

    private static List<string> Check(string path, string text) =>
        [
            .. ArchitectureRules.CheckSources([
                new SourceFile(path, text),
                new SourceFile("src/CudaNet/Nn/Planted.cs", "namespace CudaNet;\n\npublic sealed class Planted { }\n"),
            ]),
        ];
}
