using System.Globalization;
using CudaNet.IO;

namespace CudaNet.Cli;

/// <summary>One op, from the arrays of a file to those of another.</summary>
internal sealed class OpRun(
    Op op,
    string? inputPath,
    string outputPath,
    Dictionary<string, string> attributes,
    string deviceName,
    bool withGradients
)
{
    private const string GradientPrefix = "grad_";
    private const string RandomState = "state";
    private const string Seed = "seed";

    public Op Op => op;

    public string DeviceName => deviceName;

    public string OutputPath => outputPath;

    /// <summary>
    /// What the outputs are called in files: <c>output</c>, and further ones by their own names (a statistic, say); when all are
    /// called output…, <c>output0</c>, <c>output1</c>, ….
    /// </summary>
    public static IReadOnlyList<string> OutputNames(Op op)
    {
        var outputs = op.Signature.Outputs;
        if (outputs.Count > 1 && outputs.All(output => output.Name.StartsWith("output", StringComparison.Ordinal)))
            return [.. outputs.Select((_, i) => string.Create(CultureInfo.InvariantCulture, $"output{i}"))];
        return [.. outputs.Select((output, i) => i == 0 ? "output" : output.Name)];
    }

    /// <summary>Runs the op and writes the file; the arrays that it holds.</summary>
    public IReadOnlyList<NamedArray> Execute()
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(outputPath));
        if (!Directory.Exists(folder))
            throw new UsageException($"--out {outputPath}: there is no folder {folder}; make it first");
        var device = CliOptions.Open(deviceName);
        var arrays = ReadInputs();
        using var isDefault = device.AsDefault();
        using var frame = Lifetime.Frame();
        var seed = TakeSeed(arrays);
        var values = op.Signature.ParseAttributes(op.Name, attributes);
        var cotangents = TakeCotangents(arrays);
        var (inputs, names) = Bind(arrays, device, seed);
        var written = Run(inputs, names, values, cotangents, device);
        Npz.Write(outputPath, written);
        return written;
    }

    private Dictionary<string, NamedArray> ReadInputs()
    {
        if (inputPath is null)
            return op.Signature.Inputs.All(input => input.IsOptional || input.Name == RandomState)
                ? []
                : throw new UsageException($"op {op.Name}: needs --in FILE, an .npz with {InputNames()}");
        if (!File.Exists(inputPath))
            throw new UsageException($"--in {inputPath}: there is no such file; expected an .npz with {InputNames()}");
        return Npz.Read(inputPath).ToDictionary(array => array.Name, StringComparer.Ordinal);
    }

    private string InputNames() =>
        string.Join(", ", op.Signature.Inputs.Select(i => i.IsList ? $"{i.Name}0, {i.Name}1, …" : i.ToString()));

    /// <summary>Ops that draw take their random state as an input; from the command line a seed is enough.</summary>
    private long? TakeSeed(Dictionary<string, NamedArray> arrays)
    {
        if (
            !op.Signature.Inputs.Any(input => input.Name == RandomState)
            || arrays.ContainsKey(RandomState)
            || op.Signature.Attributes.Any(attribute => attribute.Name == Seed)
        )
            return null;
        if (!attributes.Remove(Seed, out var text))
            return 0;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seed)
            ? seed
            : throw new UsageException($"op {op.Name}: --attr seed={text}: expected a whole number of at least 0");
    }

    private Dictionary<string, NamedArray> TakeCotangents(Dictionary<string, NamedArray> arrays)
    {
        var taken = new Dictionary<string, NamedArray>(StringComparer.Ordinal);
        foreach (var name in OutputNames(op).Select(output => GradientPrefix + output))
        {
            if (op.Signature.Inputs.Any(input => input.Name == name) || !arrays.Remove(name, out var array))
                continue;
            if (!withGradients)
                throw new UsageException($"op {op.Name}: '{name}' in {inputPath} is used only with --grad");
            taken[name] = array;
        }
        return taken;
    }

    private (Tensor?[] Inputs, string[] Names) Bind(Dictionary<string, NamedArray> arrays, Device device, long? seed)
    {
        var (inputs, names) = (new List<Tensor?>(), new List<string>());
        foreach (var parameter in op.Signature.Inputs)
        {
            if (parameter.IsList)
            {
                var items = new List<Tensor?>();
                for (var i = 0; TakeItem(parameter, i, items.Count) is { } item; i++)
                {
                    names.Add(item.Name);
                    items.Add(item.ToTensor(device));
                }
                inputs.AddRange(items);
                continue;
            }
            names.Add(parameter.Name);
            if (arrays.Remove(parameter.Name, out var array))
                inputs.Add(array.ToTensor(device));
            else if (parameter.Name == RandomState && seed is { } value)
                inputs.Add(Tensor.From<long>([value, 0], device: device));
            else if (parameter.IsOptional)
                inputs.Add(null);
            else
                throw new UsageException(
                    $"op {op.Name}: {inputPath} has no array '{parameter.Name}'; expected {InputNames()}"
                );
        }
        if (arrays.Count > 0)
            throw new UsageException(
                $"op {op.Name}: {inputPath} also holds {string.Join(", ", arrays.Keys.Order(StringComparer.Ordinal))}, "
                    + $"which is no input; expected {InputNames()}"
            );
        return (inputs.ToArray(), names.ToArray());

        NamedArray? TakeItem(Parameter parameter, int index, int found)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"{parameter.Name}{index}");
            if (arrays.Remove(name, out var array))
                return array;
            return found == 0 && !parameter.IsOptional
                ? throw new UsageException($"op {op.Name}: {inputPath} has no array '{name}'; expected {InputNames()}")
                : null;
        }
    }

    private List<NamedArray> Run(
        Tensor?[] inputs,
        string[] names,
        Attributes values,
        Dictionary<string, NamedArray> cotangents,
        Device device
    )
    {
        if (withGradients)
            foreach (var input in inputs)
                if (input is { DType.IsFloating: true })
                    input.RequiresGrad = true;
        using var mode = Autograd.SetEnabled(withGradients);
        var outputs = op.ApplyAll(inputs, values, device);
        var written = new List<NamedArray>();
        var outputNames = OutputNames(op);
        for (var i = 0; i < outputNames.Count; i++)
            if (outputs[i] is { } output)
                written.Add(output.ToNamedArray(outputNames[i]));
        AddInPlace(inputs, written);
        if (withGradients)
            AddGradients(inputs, names, outputs, outputNames, cotangents, written, device);
        return written;
    }

    /// <summary>An op that writes in place gives what it has written.</summary>
    private void AddInPlace(Tensor?[] inputs, List<NamedArray> written)
    {
        var lists = op.Signature.Inputs.Count(input => input.IsList);
        var length = lists == 0 ? 0 : (inputs.Length - (op.Signature.Inputs.Count - lists)) / lists;
        var at = 0;
        foreach (var parameter in op.Signature.Inputs)
        {
            for (var i = 0; i < (parameter.IsList ? length : 1); i++, at++)
                if (parameter.IsMutated && inputs[at] is { } tensor)
                    written.Add(tensor.ToNamedArray(parameter.IsList ? $"{parameter.Name}{i}" : parameter.Name));
        }
    }

    private void AddGradients(
        Tensor?[] inputs,
        string[] names,
        Tensor?[] outputs,
        IReadOnlyList<string> outputNames,
        Dictionary<string, NamedArray> cotangents,
        List<NamedArray> written,
        Device device
    )
    {
        var (wanted, wantedNames) = (new List<Tensor>(), new List<string>());
        for (var i = 0; i < inputs.Length; i++)
        {
            if (inputs[i] is not { RequiresGrad: true } input)
                continue;
            wanted.Add(input);
            wantedNames.Add(GradientPrefix + names[i]);
        }
        if (wanted.Count == 0)
            throw new UsageException($"op {op.Name}: --grad needs a floating input; all given ones are integers");
        var (from, gradients) = (new List<Tensor>(), new List<Tensor?>());
        for (var i = 0; i < outputNames.Count; i++)
        {
            var name = GradientPrefix + outputNames[i];
            // Statistics that come with the result take part only when the file asks for it.
            var isResult = outputNames[i].StartsWith("output", StringComparison.Ordinal);
            if (outputs[i] is not { DType.IsFloating: true } output || !(isResult || cotangents.ContainsKey(name)))
                continue;
            if (!output.RequiresGrad)
                throw new UsageException(
                    $"op {op.Name}: {op.NoBackwardReason ?? "no gradient flows through its outputs"}"
                );
            from.Add(output);
            gradients.Add(Cotangents.Take($"op {op.Name}", name, output, cotangents));
            written.Add(gradients[^1]!.ToNamedArray(name));
        }
        if (from.Count == 0)
            throw new UsageException($"op {op.Name}: --grad needs a floating output; it has none");
        var results = Autograd.Grad(from.ToArray(), wanted.ToArray(), gradients.ToArray(), allowUnused: true);
        for (var i = 0; i < results.Length; i++)
            written.Add(results[i].ToNamedArray(wantedNames[i]));
    }
}
