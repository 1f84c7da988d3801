using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;

namespace CudaNet.Cli.Commands;

/// <summary><c>cudanet op NAME</c>: one op on the caller's arrays, as Python and NumPy users compare.</summary>
internal static class OpCommand
{
    public static CliCommand Create(CliConsole console)
    {
        var name = new Argument<string?>("NAME")
        {
            Description = "The op; --list shows them all.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var input = new Option<string?>("--in", "-i")
        {
            Description = "An .npz file with the inputs by parameter name (of a list: tensors0, tensors1, …).",
            HelpName = "FILE",
        };
        var output = new Option<string?>("--out", "-o")
        {
            Description = "The .npz file to write the outputs to.",
            HelpName = "FILE",
        };
        var attributes = new Option<string[]>("--attr", "-a")
        {
            Description = "An attribute; repeat for several. Lists are written 2,3.",
            HelpName = "KEY=VALUE",
            DefaultValueFactory = _ => [],
            Arity = ArgumentArity.OneOrMore,
        };
        var device = CliOptions.Device();
        var grad = new Option<bool>("--grad")
        {
            Description =
                "Also write grad_<input> of every floating input, for the cotangent grad_output of the file, or a random one.",
        };
        var list = new Option<bool>("--list") { Description = "Print each op's inputs, attributes and outputs." };
        var json = CliOptions.Json();
        var command = new CliCommand("op", "Run one op on arrays from a NumPy file.")
        {
            Examples =
            [
                "cudanet op --list",
                "cudanet op layer_norm --in x.npz --attr normalized_shape=64 --out y.npz --grad",
                "cudanet op matmul --in ab.npz --device simt --out c.npz",
            ],
        };
        command.Add(name);
        foreach (var option in new Option[] { input, output, attributes, device, grad, list, json })
            command.Add(option);
        command.SetAction(parsed =>
        {
            var named = parsed.GetValue(name);
            if (parsed.GetValue(list))
                return List(console, named, parsed.GetValue(json));
            var op = Registry.Find(named ?? throw new UsageException("op: needs the NAME of an op, or --list"));
            var run = new OpRun(
                op,
                parsed.GetValue(input),
                parsed.GetValue(output)
                    ?? throw new UsageException($"op {op.Name}: needs --out FILE, the .npz to write"),
                CliOptions.Pairs($"op {op.Name}", "--attr", parsed.GetValue(attributes)!),
                parsed.GetValue(device)!,
                parsed.GetValue(grad)
            );
            return Run(console, run, parsed.GetValue(json));
        });
        return command;
    }

    private static int Run(CliConsole console, OpRun run, bool json)
    {
        var clock = Stopwatch.StartNew();
        var written = run.Execute();
        var milliseconds = clock.Elapsed.TotalMilliseconds;
        WrittenArrays.Print(
            console,
            written,
            run.OutputPath,
            json,
            "op",
            run.Op.Name,
            ("device", run.DeviceName),
            ("milliseconds", milliseconds)
        );
        return ExitCode.Ok;
    }

    private static int List(CliConsole console, string? name, bool json)
    {
        IReadOnlyList<Op> ops = name is null ? Registry.All : [Registry.Find(name)];
        if (json)
        {
            Json.Print(console, Json.Array(ops.Select(Describe)));
            return ExitCode.Ok;
        }
        foreach (var op in ops)
        {
            console.Out.WriteLine(op.Name);
            console.Out.WriteLine($"    inputs      {Words(op.Signature.Inputs)}");
            if (op.Signature.Attributes.Count > 0)
                console.Out.WriteLine($"    attributes  {Words(op.Signature.Attributes)}");
            console.Out.WriteLine($"    outputs     {string.Join(", ", OpRun.OutputNames(op))}");
        }
        console.Out.WriteLine();
        console.Out.WriteLine(
            "?: may be absent   *: a list (name0, name1, …)   !: written in place, and to the output file"
        );
        return ExitCode.Ok;
    }

    private static string Words<T>(IReadOnlyList<T> items) => items.Count == 0 ? "none" : string.Join(", ", items);

    private static JsonObject Describe(Op op) =>
        new()
        {
            ["name"] = op.Name,
            ["inputs"] = Json.Array(
                op.Signature.Inputs.Select(input => new JsonObject
                {
                    ["name"] = input.Name,
                    ["optional"] = input.IsOptional,
                    ["list"] = input.IsList,
                    ["in_place"] = input.IsMutated,
                })
            ),
            ["attributes"] = Json.Array(
                op.Signature.Attributes.Select(attribute => new JsonObject
                {
                    ["name"] = attribute.Name,
                    ["kind"] = attribute.Kind.ToString().ToLowerInvariant(),
                    ["choices"] = Json.Array(attribute.Choices),
                    ["default"] = attribute.Default,
                })
            ),
            ["outputs"] = Json.Array(OpRun.OutputNames(op)),
        };
}
