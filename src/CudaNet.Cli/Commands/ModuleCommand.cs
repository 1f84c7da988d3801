using System.CommandLine;
using System.Text.Json.Nodes;
using CudaNet.Nn;

namespace CudaNet.Cli.Commands;

/// <summary><c>cudanet module NAME</c>: one layer with given weights, for those who port a network from PyTorch and compare layer by layer.</summary>
internal static class ModuleCommand
{
    public static CliCommand Create(CliConsole console)
    {
        var name = new Argument<string?>("NAME")
        {
            Description = "The module by PyTorch's name, such as Conv2d; --list shows them all.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var config = new Option<string>("--config", "-c")
        {
            Description = "The constructor's arguments by PyTorch's names, as a JSON object.",
            HelpName = "JSON",
            DefaultValueFactory = _ => "{}",
        };
        var weights = new Option<string?>("--weights", "-w")
        {
            Description =
                "A .safetensors, .npz or PyTorch .pt file with parameters and buffers by PyTorch's names; drawn if left out.",
            HelpName = "FILE",
        };
        var input = new Option<string?>("--in", "-i")
        {
            Description = "An .npz file with the array 'input', and 'grad_output' if you like.",
            HelpName = "FILE",
        };
        var output = new Option<string?>("--out", "-o")
        {
            Description = "The .npz file to write 'output' and the buffers to.",
            HelpName = "FILE",
        };
        var grad = new Option<bool>("--grad")
        {
            Description =
                "Also write grad_input and grad_<parameter>, for the cotangent grad_output of the file, or a random one.",
        };
        var eval = new Option<bool>("--eval")
        {
            Description = "Evaluate instead of train: no dropout, running statistics.",
        };
        var seed = new Option<long>("--seed")
        {
            Description = "What weights and dropout are drawn from.",
            HelpName = "N",
        };
        var device = CliOptions.Device();
        var list = new Option<bool>("--list") { Description = "Print each module's arguments." };
        var json = CliOptions.Json();
        var command = new CliCommand("module", "Run one layer with given weights on an array from a NumPy file.")
        {
            Examples =
            [
                "cudanet module --list",
                "cudanet module Linear --config '{\"in_features\": 3, \"out_features\": 2}' --weights w.safetensors --in x.npz --out y.npz --grad",
            ],
        };
        command.Add(name);
        foreach (var option in new Option[] { config, weights, input, output, device, grad, eval, seed, list, json })
            command.Add(option);
        command.SetAction(parsed =>
        {
            var named = parsed.GetValue(name);
            if (parsed.GetValue(list))
                return List(console, named, parsed.GetValue(json));
            var registered = ModuleRegistry.Find(
                named ?? throw new UsageException("module: needs the NAME of a module, or --list")
            );
            string Required(Option<string?> option, string what) =>
                parsed.GetValue(option)
                ?? throw new UsageException($"module {registered.Name}: needs {option.Name} FILE, {what}");
            var run = new ModuleRun(registered)
            {
                Config = parsed.GetValue(config)!,
                Weights = parsed.GetValue(weights),
                InputPath = Required(input, "an .npz with the array 'input'"),
                OutputPath = Required(output, "the .npz to write"),
                DeviceName = parsed.GetValue(device)!,
                Seed = parsed.GetValue(seed),
                Evaluate = parsed.GetValue(eval),
                WithGradients = parsed.GetValue(grad),
            };
            WrittenArrays.Print(
                console,
                run.Execute(),
                run.OutputPath,
                parsed.GetValue(json),
                "module",
                registered.Name
            );
            return ExitCode.Ok;
        });
        return command;
    }

    private static int List(CliConsole console, string? name, bool json)
    {
        IReadOnlyList<RegisteredModule> modules = name is null ? ModuleRegistry.All : [ModuleRegistry.Find(name)];
        if (json)
        {
            Json.Print(
                console,
                Json.Array(
                    modules.Select(module => new JsonObject
                    {
                        ["name"] = module.Name,
                        ["arguments"] = Json.Array(module.Arguments.Select(a => (JsonNode)a.ToString())),
                    })
                )
            );
            return ExitCode.Ok;
        }
        var width = modules.Max(module => module.Name.Length);
        foreach (var module in modules)
            console.Out.WriteLine($"{module.Name.PadRight(width)}  {string.Join(", ", module.Arguments)}".TrimEnd());
        return ExitCode.Ok;
    }
}
