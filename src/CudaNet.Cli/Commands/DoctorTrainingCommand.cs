using System.CommandLine;
using System.Text.Json.Nodes;
using CudaNet.Models;
using CudaNet.Training;

namespace CudaNet.Cli.Commands;

/// <summary><c>cudanet doctor-training RECIPE</c>: the training checklist.</summary>
internal static class DoctorTrainingCommand
{
    private const string Name = "doctor-training";

    public static CliCommand Create(CliConsole console)
    {
        var recipe = new Argument<string>("RECIPE") { Description = "The recipe whose training is examined." };
        var settings = new Option<string[]>("--set")
        {
            Description = "An option of the recipe, such as lr=0.1; repeat for several.",
            HelpName = "KEY=VALUE",
            DefaultValueFactory = _ => [],
            Arity = ArgumentArity.OneOrMore,
        };
        var defaults = new DoctorOptions();
        var steps = CliOptions.Number("--steps", "N", "Steps of each trial.", defaults.Steps, minimum: 5);
        var subset = CliOptions.Number(
            "--subset-steps",
            "N",
            "Steps in which a few items must be learnt by heart.",
            defaults.SubsetSteps,
            minimum: 1
        );
        var device = CliOptions.Device();
        var json = CliOptions.Json();
        var command = new CliCommand(
            Name,
            "Examine a training before it runs for long: first loss, a subset learnt by heart, explosion, learning rate and more. Exit code 1 when something is wrong."
        )
        {
            Examples =
            [
                "cudanet doctor-training cnn",
                "cudanet doctor-training mlp --set data=mnist --set lr=0.1",
                "cudanet doctor-training linear --steps 200 --json",
            ],
        };
        command.Add(recipe);
        foreach (var option in new Option[] { settings, steps, subset, device, json })
            command.Add(option);
        command.SetAction(parsed =>
        {
            using var isDefault = CliOptions.Open(parsed.GetValue(device)!).AsDefault();
            var given = CliOptions.Pairs(Name, "--set", parsed.GetValue(settings)!);
            var options = new DoctorOptions(parsed.GetValue(steps), parsed.GetValue(subset));
            return Run(console, parsed.GetValue(recipe)!, given, options, parsed.GetValue(json));
        });
        return command;
    }

    private static int Run(
        CliConsole console,
        string name,
        Dictionary<string, string> given,
        DoctorOptions options,
        bool json
    )
    {
        var recipe = RecipeRegistry.Find(name);
        var prepared = recipe.Prepare(new RecipeOptions(recipe, given));
        if (prepared is not IExaminable examinable)
            throw new UsageException(
                $"{Name} {name}: this recipe does not offer its network, batches and loss to be examined; try cnn, mlp or linear"
            );
        if (!json)
            console.Out.WriteLine(prepared.Description);
        var findings = new List<Finding>();
        foreach (var finding in new TrainingDoctor(examinable.Subject, options).Examine())
        {
            findings.Add(finding);
            if (!json)
                console.Out.WriteLine($"{Mark(finding.Verdict), -8} {finding.Item, -22} {finding.Text}");
        }
        var wrong = findings.Count(finding => finding.Verdict == Verdict.Wrong);
        if (json)
            Json.Print(
                console,
                new JsonObject
                {
                    ["recipe"] = name,
                    ["items"] = Json.Array(findings.Select(Describe)),
                    ["wrong"] = wrong,
                }
            );
        else
            console.Out.WriteLine(
                wrong == 0 ? "Nothing is wrong." : $"{wrong} of {findings.Count} items are wrong; see above."
            );
        return wrong == 0 ? ExitCode.Ok : ExitCode.FoundWrong;
    }

    private static string Mark(Verdict verdict) =>
        verdict switch
        {
            Verdict.Ok => "ok",
            Verdict.Wrong => "WRONG",
            _ => "skipped",
        };

    private static JsonObject Describe(Finding finding)
    {
        var numbers = new JsonObject();
        foreach (var (name, value) in finding.Numbers)
            numbers[name] = RunFolder.Number(value);
        return new JsonObject
        {
            ["item"] = finding.Item,
            ["verdict"] = Mark(finding.Verdict).ToLowerInvariant(),
            ["text"] = finding.Text,
            ["numbers"] = numbers,
        };
    }
}
