// The targets of ./build.sh, which installs what a target lacks and then runs this file.
//
//   Demo       train the cnn recipe on drawn digits and write its report (needs only the .NET SDK)
//   Build      compile every .NET project            (needs only the .NET SDK)
//   Native     compile the kernels for the CPU       --flavours=simt,simt-asan,simt-race
//   Test       Native, its tests and the Test tier   --filter="class =~ Layer" or any NUnit expression, for these alone
//   Verify     everything, shard by shard            --flavours, --filter on the names of shards, --all-mutants
//   Cuda       compile the kernels with nvcc, compare what they need of the GPU with the table   --fix writes it
//   Bench      `cudanet bench`                       --arguments="..."
//   Format     check the layout of the sources       --fix writes it
//   GpuBundle  one archive for a GPU machine that has nvcc but neither .NET nor a network
//   Pack       the NuGet packages, the native libraries that are built among them
//   Samples    Pack, and the programs of samples/ with these packages

using System.Diagnostics;
using System.Text.RegularExpressions;

const string AllFlavours = "simt,simt-asan,simt-race";
const string Solution = "CudaNet.sln";
const string TestAssembly = "tests/CudaNet.Tests/bin/Release/net10.0/CudaNet.Tests.dll";
const string CliAssembly = "src/CudaNet.Cli/bin/Release/net10.0/CudaNet.Cli.dll";
const string TestTier = "cat != Verify && cat != Bench && cat != Kernels"; // Kernels: on a GPU of whoever runs them
const long BundleLimit = 60L << 20;

// --- helpers ---------------------------------------------------------------------------------------------------------

// Cake's own logging is turned down to what fails; this is what a person is to read.
void Say(string line) => Console.WriteLine(line);

// Runs a program that shares this terminal; a status other than zero ends the target.
void Run(string program, string arguments)
{
    int status = Context.StartProcess(program, new ProcessSettings { Arguments = arguments });
    if (status != 0)
        throw new CakeException($"{program} {arguments}: exit status {status}");
}

string Capture(string program, string arguments)
{
    int status = Context.StartProcess(
        program,
        new ProcessSettings { Arguments = arguments, RedirectStandardOutput = true },
        out IEnumerable<string> lines
    );
    var text = string.Join("\n", lines);
    return status == 0 ? text : throw new CakeException($"{program} {arguments}: exit status {status}\n{text}");
}

void BuildNative(IEnumerable<string> presets)
{
    if (!System.IO.File.Exists("CMakePresets.json"))
        throw new CakeException("CMakePresets.json is missing: run this in the root of a whole checkout.");
    foreach (string preset in presets)
    {
        Run("cmake", $"--preset {preset}");
        Run("cmake", $"--build --preset {preset}");
    }
}

string[] Flavours(string otherwise)
{
    var chosen = Argument("flavours", otherwise).Split(',', StringSplitOptions.RemoveEmptyEntries);
    foreach (string flavour in chosen.Except(AllFlavours.Split(',')))
        throw new CakeException($"--flavours={flavour}: there are {AllFlavours}.");
    return chosen;
}

// What a test run needs to load one flavour of the simt library, as options of `dotnet test`.
string TestEnvironment(string flavour)
{
    string root = Context.Environment.WorkingDirectory.FullPath;
    var options = $" -e CUDANET_SIMT_LIBRARY={root}/build/{flavour}/libcudanet_simt.so -e CUDANET_REQUIRE_SIMT=1";
    if (HasArgument("all-mutants"))
        options += " -e CUDANET_ALL_MUTANTS=1";
    if (flavour == "simt-asan")
    {
        // .NET itself handles SIGSEGV (null references), and never frees what lives until the process ends.
        string runtime = Capture("g++", "-print-file-name=libasan.so").Trim();
        options += $" -e LD_PRELOAD={runtime}";
        options += " -e ASAN_OPTIONS=handle_segv=0:detect_leaks=0:use_sigaltstack=0:exitcode=99";
        options += " -e UBSAN_OPTIONS=print_stacktrace=1";
    }

    return options;
}

// The selection is an NUnit expression; one that selects nothing is a mistake.
string TestCommand(string flavour, string selection, string results, string part = null) =>
    $"test {TestAssembly} --nologo --logger \"trx;LogFileName={System.IO.Path.GetFullPath(results)}\""
    + $" --logger console;verbosity=minimal{TestEnvironment(flavour)}"
    + (part is null ? "" : $" -e CUDANET_TEST_PART={part}")
    + $" -- RunConfiguration.TreatNoTestsAsError=true NUnit.Where=\"{selection}\"";

// The checkers of the host execution layer against planted bugs, and the kernels through the C ABI.
string NativeTests(string flavour) => $"--preset {flavour}";

// --- the daily targets -----------------------------------------------------------------------------------------------

Task("Help")
    .Does(() =>
    {
        foreach (string line in System.IO.File.ReadLines("build.cake").TakeWhile(line => line.StartsWith("//")))
            Say(line.TrimStart('/').TrimEnd());
    });

// ./cudanet builds when a source is newer than this file.
void BuildManaged(string project)
{
    const string Stamp = "build/cudanet.stamp";
    System.IO.Directory.CreateDirectory("build");
    var begun = DateTime.UtcNow;
    Run("dotnet", $"build {project} -c Release -nologo -v quiet");
    System.IO.File.WriteAllText(Stamp, "");
    System.IO.File.SetLastWriteTimeUtc(Stamp, begun); // an edit made meanwhile counts as newer
}

Task("Build").Does(() => BuildManaged(Solution));

// build.sh starts the program itself once this has built it, so that it owns the terminal.
Task("Demo").Does(() => BuildManaged("src/CudaNet.Cli"));

Task("Native").Does(() => BuildNative(Flavours("simt")));

Task("Test")
    .IsDependentOn("Native")
    .IsDependentOn("Build")
    .Does(() =>
    {
        string filter = Argument("filter", "");
        if (filter.Length == 0)
            foreach (string flavour in Flavours("simt"))
                Run("ctest", NativeTests(flavour));
        filter = filter.Length == 0 ? TestTier : $"({TestTier}) && ({filter})";
        Run("dotnet", TestCommand("simt", filter, "build/test/results.trx"));
    });

Task("Cuda")
    .IsDependentOn("Build")
    .Does(() =>
    {
        BuildNative(["cuda"]);
        string write = HasArgument("fix") ? " --write" : "";
        Run("dotnet", $"{CliAssembly} check --resources build/cuda/libcudanet_cuda.so{write}");
    });

Task("Bench").IsDependentOn("Build").Does(() => Run("dotnet", $"{CliAssembly} bench {Argument("arguments", "")}"));

Task("Format")
    .Does(() =>
    {
        bool fix = HasArgument("fix");
        var native = Capture("git", "ls-files -co --exclude-standard kernels native samples")
            .Split('\n')
            .Where(path => Regex.IsMatch(path, @"\.(cu|cuh|h|hpp|c|cpp)$") && System.IO.File.Exists(path))
            .ToArray();
        Run("dotnet", fix ? "csharpier format ." : "csharpier check .");
        if (native.Length > 0)
            Run("clang-format", (fix ? "-i " : "--dry-run -Werror ") + string.Join(' ', native));
    });

const string Packages = "artifacts/packages";
const long PackageLimit = 100L << 20;

void Pack()
{
    CleanDirectory(Packages);
    Run("dotnet", $"pack {Solution} -c Release -nologo -v quiet -o {Packages}");
    foreach (var package in new System.IO.DirectoryInfo(Packages).GetFiles("*.nupkg"))
    {
        Say($"{package.Name}: {package.Length / 1048576.0:F1} MB");
        if (package.Length > PackageLimit)
            throw new CakeException($"{package.Name} is over {PackageLimit >> 20} MB.");
    }
}

Task("Pack").IsDependentOn("Native").Does(Pack);

// The programs that a user would begin with: the C one is among the native tests; the C# one restores our packages.
Task("Samples")
    .IsDependentOn("Pack")
    .Does(() =>
    {
        CleanDirectory("samples/csharp/obj");
        Run("dotnet", "run --project samples/csharp -c Release");
    });

// --- Verify: shards that are not run again for the same sources ---------------------------------------------------

// Selection: an NUnit expression, or null for the native tests. Part: of the ops, as "2/4", for a fixture with a test per op.
record Shard(string Name, string Flavour, string Selection, string Part = null);

// How many parts such a fixture is run in: two at a time, and one that was interrupted is begun again.
const int CaseParts = 4;

// The class in a test's full name, Namespace.Class(arguments).Method(arguments).
string FixtureOf(string fullName)
{
    string name = Regex.Replace(fullName, @"""(\\.|[^""\\])*""", "");
    while (name != (name = Regex.Replace(name, @"\([^()]*\)", ""))) { }

    return name[..name.LastIndexOf('.')];
}

// The Test tier is one shard, and so are the native tests of each flavour. Every fixture of Category "Verify" is a shard
// per flavour: plain simt, unless it carries the categories "Asan" or "Race", which name the sanitizer builds it is meant
// for.
List<Shard> FindShards(string[] flavours)
{
    var shards = new List<Shard>();
    if (flavours.Contains("simt"))
        shards.Add(new("test-tier", "simt", TestTier));
    foreach (string flavour in flavours)
    {
        shards.Add(new($"native-{flavour}", flavour, null));
        var (with, without) = flavour switch
        {
            "simt-asan" => (new[] { "Verify", "Asan" }, new string[0]),
            "simt-race" => (new[] { "Verify", "Race" }, new string[0]),
            _ => (new[] { "Verify" }, new[] { "Asan", "Race" }),
        };
        // A listing heeds only the runner's own filter; a run can also name a class exactly, which takes NUnit's.
        string filter = string.Join(
            '&',
            with.Select(c => $"TestCategory={c}").Concat(without.Select(c => $"TestCategory!={c}"))
        );
        string category = string.Join(
            " && ",
            with.Select(c => $"cat == {c}").Concat(without.Select(c => $"cat != {c}"))
        );
        var listing = Capture(
            "dotnet",
            $"test {TestAssembly} --nologo --list-tests --filter \"{filter}\" -- NUnit.DisplayName=FullName"
        );
        var fixtures = listing
            .Split('\n')
            .Where(line => line.StartsWith("    "))
            .Select(line => FixtureOf(line.Trim()))
            .Distinct()
            .Order(StringComparer.Ordinal);
        foreach (string fixture in fixtures)
        {
            string name = fixture.Replace("CudaNet.Tests.", "");
            string selection = $"class == {fixture} && {category}";
            if (!name.StartsWith("Verification.OpCases"))
                shards.Add(new($"{name}-{flavour}", flavour, selection));
            else
                for (int part = 1; part <= CaseParts; part++)
                    shards.Add(new($"{name}-{flavour}-{part}", flavour, selection, $"{part}/{CaseParts}"));
        }
    }

    string only = Argument("filter", "");
    return shards.Where(shard => shard.Name.Contains(only, StringComparison.OrdinalIgnoreCase)).ToList();
}

// What a shard's outcome depends on, as paths for git. Cases of ops know nothing of what is built on ops.
string[] SourcesOf(Shard shard)
{
    string[] native = ["kernels", "native", "CMakeLists.txt", "CMakePresets.json"];
    if (shard.Selection is null)
        return [.. native, "samples/c", "build.cake"];
    string[] cases = ["Verification.OpCases", "Verification.KernelMutation", "Verification.PlantedKernelBugs"];
    if (!cases.Any(shard.Name.StartsWith))
        return ["."];
    var others = new[] { "Data", "Distributions", "Nn", "Optim", "Reporting", "Training" };
    return
    [
        .. native,
        "Directory.*",
        "global.json",
        "src/CudaNet",
        "src/CudaNet.Verification",
        "tests/CudaNet.Tests/Support",
        "tests/CudaNet.Tests/Verification",
        .. shard.Part is null ? new[] { "src/CudaNet.Cli/Commands/MutateCommand.cs", "tests/mutation" } : [],
        .. others.Select(room => $":(exclude)src/CudaNet/{room}"),
    ];
}

string Paths(string[] sources) => string.Join(' ', sources.Select(path => $"\"{path}\""));

bool IsCommitted(string[] sources) => Capture("git", $"status --porcelain -- {Paths(sources)}").Length == 0;

// A name for what the sources hold: stamps are kept under it, so that a shard is not run again before something that it depends on changes.
string ContentOf(string[] sources)
{
    byte[] listing = System.Text.Encoding.UTF8.GetBytes(Capture("git", $"ls-files -s -- {Paths(sources)}"));
    return Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(listing))[..16].ToLowerInvariant();
}

Task("Verify")
    .IsDependentOn("Build")
    .Does(() =>
    {
        var flavours = Flavours(AllFlavours);
        BuildNative(flavours);

        var shards = FindShards(flavours);
        var rows = new (string Name, string Outcome, string Time)[shards.Count];
        object terminal = new();

        void RunShard(int number)
        {
            var shard = shards[number];
            string[] sources = SourcesOf(shard);
            bool clean = IsCommitted(sources);
            string folder = "build/verify/" + (clean ? ContentOf(sources) : "uncommitted");
            System.IO.Directory.CreateDirectory(folder);
            string stamp = $"{folder}/{shard.Name}.ok";
            string log = $"{folder}/{shard.Name}.log";
            bool isMutation = shard.Name.Contains("KernelMutation");
            if (clean && System.IO.File.Exists(stamp) && !(isMutation && HasArgument("all-mutants")))
            {
                rows[number] = (shard.Name, "kept", System.IO.File.ReadLines(stamp).First());
                return;
            }

            lock (terminal)
                Say($"{shard.Name} ...");
            var watch = Stopwatch.StartNew();
            bool isNative = shard.Selection is null;
            int status = Context.StartProcess(
                isNative ? "ctest" : "dotnet",
                new ProcessSettings
                {
                    Arguments = isNative
                        ? NativeTests(shard.Flavour)
                        : TestCommand(shard.Flavour, shard.Selection, $"{folder}/{shard.Name}.trx", shard.Part),
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                },
                out IEnumerable<string> output,
                out IEnumerable<string> errors
            );
            string time = $"{watch.Elapsed.TotalSeconds:F1} s";
            System.IO.File.WriteAllLines(log, output.Concat(errors));
            if (status == 0 && clean)
                System.IO.File.WriteAllText(stamp, $"{time}\n{System.IO.Path.GetFileName(log)}\n");
            rows[number] = (shard.Name, status == 0 ? "ok" : "FAILED", time);
            lock (terminal)
            {
                if (status != 0)
                    Say(string.Join("\n", System.IO.File.ReadLines(log).TakeLast(60)));
                if (isMutation && System.IO.Directory.Exists("build/verify/mutation")) // a line for each kernel file: its score
                    foreach (string file in System.IO.Directory.GetFiles("build/verify/mutation", "*.txt").Order())
                        Say(System.IO.File.ReadLines(file).First());
            }
        }

        // What measures memory or time, or runs processes of its own, runs alone; cases use one core, so two of their parts share the machine.
        foreach (int number in Enumerable.Range(0, shards.Count).Where(i => shards[i].Part is null))
            RunShard(number);
        Parallel.ForEach(
            Enumerable.Range(0, shards.Count).Where(i => shards[i].Part is not null),
            new ParallelOptions { MaxDegreeOfParallelism = 2 },
            RunShard
        );

        int width = rows.Select(row => row.Name.Length).Append(5).Max();
        Say($"{"shard".PadRight(width)}  outcome  {"time",9}");
        foreach (var row in rows)
            Say($"{row.Name.PadRight(width)}  {row.Outcome.PadRight(7)}  {row.Time,9}");
        if (rows.Any(row => row.Outcome == "FAILED"))
            throw new CakeException("Shards failed; their logs are in build/verify.");
    });

// --- GpuBundle -------------------------------------------------------------------------------------------------------

Task("GpuBundle")
    .Does(() =>
    {
        const string Name = "cudanet-gpu-bundle";
        string bundle = $"build/gpu-bundle/{Name}";
        CleanDirectory("build/gpu-bundle");

        // NUnit's runner makes a program of the tests, and the command is among what they refer to: one folder holds both, with one runtime.
        // It is not trimmed, because tests are found by reflection. Its own artifacts folder leaves the ordinary build's restore alone.
        Run(
            "dotnet",
            "publish tests/CudaNet.Tests -c Release -r linux-x64 --self-contained -nologo -v quiet"
                + " --artifacts-path build/gpu-bundle/artifacts"
                + " -p:StandaloneTests=true -p:PackAsTool=false"
                + " -p:DebugType=none -p:GenerateDocumentationFile=false"
                + $" -o {bundle}/bin"
        );
        System.IO.File.CreateSymbolicLink($"{bundle}/cudanet", "bin/CudaNet.Cli");
        var sources = Capture("git", "ls-files -co --exclude-standard kernels native CMakeLists.txt CMakePresets.json bench/gpu bench/peer")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(System.IO.File.Exists);
        foreach (string path in sources)
        {
            EnsureDirectoryExists($"{bundle}/{System.IO.Path.GetDirectoryName(path)}");
            CopyFile(path, $"{bundle}/{path}");
        }

        EnsureDirectoryExists("artifacts");
        string archive = $"artifacts/{Name}.tar.gz";
        Run("tar", $"-C build/gpu-bundle -czf {archive} {Name}");
        long size = new System.IO.FileInfo(archive).Length;
        Say($"{archive}: {size / 1048576.0:F1} MB");
        if (size > BundleLimit)
            throw new CakeException($"{archive} is over {BundleLimit >> 20} MB.");
    });

RunTarget(Argument("target", "Build"));
