using System.Text.Json;
using System.Text.Json.Nodes;
using CudaNet.IO;
using CudaNet.Nn;

namespace CudaNet.Cli;

/// <summary>One module with given weights, from the array <c>input</c> of a file to the array <c>output</c> of another.</summary>
internal sealed record ModuleRun(RegisteredModule Registered)
{
    private const string Input = "input";
    private const string Output = "output";
    private const string GradientPrefix = "grad_";

    /// <summary>The constructor's arguments as a JSON object.</summary>
    public string Config { get; init; } = "{}";

    /// <summary>Parameters and buffers by PyTorch's names, .safetensors, .npz or .pt; null keeps the drawn ones.</summary>
    public string? Weights { get; init; }

    /// <summary>The .npz with the input, and perhaps <c>grad_output</c>.</summary>
    public required string InputPath { get; init; }

    /// <summary>The .npz to write.</summary>
    public required string OutputPath { get; init; }

    /// <summary>Where it runs.</summary>
    public string DeviceName { get; init; } = "cpu";

    /// <summary>What random weights and dropout are drawn from.</summary>
    public long Seed { get; init; }

    /// <summary>Whether the module is in evaluation mode instead of training.</summary>
    public bool Evaluate { get; init; }

    /// <summary>Whether the gradients of the input and of every parameter are written, too.</summary>
    public bool WithGradients { get; init; }

    private string Command => $"module {Registered.Name}";

    /// <summary>Runs the module and writes the file; the arrays that it holds.</summary>
    public IReadOnlyList<NamedArray> Execute()
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(OutputPath));
        if (!Directory.Exists(folder))
            throw new UsageException($"--out {OutputPath}: there is no folder {folder}; make it first");
        var device = CliOptions.Open(DeviceName);
        using var isDefault = device.AsDefault();
        using var frame = Lifetime.Frame();
        var arrays = Read("--in", InputPath).ToDictionary(array => array.Name, StringComparer.Ordinal);
        if (!arrays.Remove(Input, out var given))
            throw new UsageException($"{Command}: {InputPath} has no array '{Input}'");
        var unknown = arrays.Keys.Where(name => !(WithGradients && name == GradientPrefix + Output)).ToList();
        if (unknown.Count > 0)
            throw new UsageException(
                $"{Command}: {InputPath} also holds {string.Join(", ", unknown)}; expected '{Input}'"
                    + $" and, with --grad, '{GradientPrefix}{Output}'"
            );
        Generator.Default.ManualSeed(Seed);
        var module = Registered.Create(ParseConfig());
        if (Weights is not null)
            Load(module, device);
        if (Evaluate)
            module.Eval();
        var written = Run(module, given.ToTensor(device), arrays);
        Npz.Write(OutputPath, written);
        return written;
    }

    private List<NamedArray> Run(
        Module<Tensor, Tensor> module,
        Tensor input,
        IReadOnlyDictionary<string, NamedArray> arrays
    )
    {
        using var mode = Autograd.SetEnabled(WithGradients);
        if (WithGradients && input.DType.IsFloating)
            input.RequiresGrad = true;
        var output = module.Call(input);
        var written = new List<NamedArray> { output.ToNamedArray(Output) };
        // In training, running statistics have moved.
        written.AddRange(module.NamedBuffers().Select(buffer => buffer.Tensor.ToNamedArray(buffer.Name)));
        if (!WithGradients)
            return written;
        (string Name, Tensor Tensor)[] wanted =
        [
            .. input.RequiresGrad ? [(Input, input)] : Array.Empty<(string, Tensor)>(),
            .. module.NamedParameters(),
        ];
        if (wanted.Length == 0 || !output.RequiresGrad)
            throw new UsageException($"{Command}: --grad needs a floating input or parameters; there are none");
        var cotangent = Cotangents.Take(Command, GradientPrefix + Output, output, arrays);
        var gradients = Autograd.Grad([output], [.. wanted.Select(w => w.Tensor)], [cotangent], allowUnused: true);
        written.Add(cotangent.ToNamedArray(GradientPrefix + Output));
        for (var i = 0; i < wanted.Length; i++)
            if (gradients[i] is { } gradient)
                written.Add(gradient.ToNamedArray(GradientPrefix + wanted[i].Name));
        return written;
    }

    private void Load(Module module, Device device)
    {
        var arrays = Read("--weights", Weights!);
        module.LoadStateDict(
            arrays.ToDictionary(array => array.Name, array => array.ToTensor(device), StringComparer.Ordinal)
        );
    }

    private static IEnumerable<NamedArray> Read(string option, string path)
    {
        if (!File.Exists(path))
            throw new UsageException($"{option} {path}: there is no such file");
        return Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".pt" or ".pth" => PyTorchFile.Read(path).Arrays,
            ".safetensors" => Safetensors.Read(path).Arrays,
            _ => Npz.Read(path),
        };
    }

    private Dictionary<string, string> ParseConfig()
    {
        const string Expected = "expected a JSON object such as {\"in_features\": 3, \"bias\": false}";
        JsonNode? root;
        try
        {
            root = JsonNode.Parse(Config);
        }
        catch (JsonException error)
        {
            throw new UsageException($"{Command}: --config is no JSON ({error.Message.TrimEnd('.')}); {Expected}");
        }
        if (root is not JsonObject values)
            throw new UsageException($"{Command}: --config {Config}: {Expected}");
        return values
            // PyTorch's None is what leaving an argument out means.
            .Where(entry => entry.Value is not null)
            .ToDictionary(entry => entry.Key, entry => Text(entry.Value!), StringComparer.Ordinal);
    }

    private static string Text(JsonNode value) =>
        value switch
        {
            JsonArray list => string.Join(',', list.Select(item => item is null ? "" : Text(item))),
            JsonValue when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
            _ => value.ToJsonString(),
        };
}
