using System.Globalization;
using System.Text;

namespace CudaNet.Nn;

/// <summary>One call of one module in a <see cref="ModuleSummary"/>.</summary>
/// <param name="Name">The dotted name; empty for the whole.</param>
/// <param name="Type">The module's type.</param>
/// <param name="Output">The shapes that it gave.</param>
/// <param name="Parameters">Parameter elements, children's included.</param>
/// <param name="Flops">Floating operations of the call, children's included; a fused multiply-add counts 2.</param>
public sealed record ModuleSummaryRow(string Name, string Type, string Output, long Parameters, double Flops);

/// <summary>
/// What a network consists of: output shapes, parameters and floating operations of every module, from one call in evaluation mode.
/// </summary>
public sealed class ModuleSummary
{
    private ModuleSummary(IReadOnlyList<ModuleSummaryRow> rows, Module module)
    {
        Rows = rows;
        TrainableParameters = module.Parameters().Where(p => p.RequiresGrad).Sum(p => p.NumElements);
        ParameterBytes = module.Parameters().Sum(p => p.NumElements * p.DType.Size);
    }

    /// <summary>The calls in the order in which they began: the whole first. A module that is called twice has two rows.</summary>
    public IReadOnlyList<ModuleSummaryRow> Rows { get; }

    /// <summary>All parameter elements.</summary>
    public long Parameters => Rows[0].Parameters;

    /// <summary>Those that are not frozen.</summary>
    public long TrainableParameters { get; }

    /// <summary>What the parameters occupy.</summary>
    public long ParameterBytes { get; }

    /// <summary>Floating operations of the whole call.</summary>
    public double Flops => Rows[0].Flops;

    /// <summary>Calls a module on an input, without gradients and in evaluation mode, and writes down what happens. The modes are put back.</summary>
    public static ModuleSummary Of<TInput, TOutput>(Module<TInput, TOutput> module, TInput input)
    {
        var recorder = new Recorder(module);
        using var noGrad = Autograd.NoGrad();
        using var frame = Lifetime.Frame();
        using (recorder)
            module.Call(input);
        return new(recorder.Rows, module);
    }

    /// <summary>The table, with totals below.</summary>
    public override string ToString()
    {
        string[][] lines =
        [
            ["module", "output", "parameters", "MFLOP"],
            .. Rows.Select(Cells),
        ];
        var widths = Enumerable.Range(0, 4).Select(c => lines.Max(line => line[c].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var line in lines)
            text.Append($"{line[0].PadRight(widths[0])}  {line[1].PadRight(widths[1])}  ")
                .AppendLine($"{line[2].PadLeft(widths[2])}  {line[3].PadLeft(widths[3])}");
        text.Append(
            CultureInfo.InvariantCulture,
            $"{Parameters:N0} parameters, {TrainableParameters:N0} trained, {ParameterBytes / 1048576.0:N2} MiB"
        );
        return text.ToString();
    }

    private static string[] Cells(ModuleSummaryRow row)
    {
        var depth = row.Name.Length == 0 ? 0 : 1 + row.Name.Count(c => c == '.');
        var label = depth == 0 ? row.Type : $"{row.Name[(row.Name.LastIndexOf('.') + 1)..]}: {row.Type}";
        return
        [
            new string(' ', 2 * depth) + label,
            row.Output,
            row.Parameters.ToString("N0", CultureInfo.InvariantCulture),
            (row.Flops / 1e6).ToString("N3", CultureInfo.InvariantCulture),
        ];
    }

    /// <summary>Listens to every module of a tree until it is disposed.</summary>
    private sealed class Recorder : IDisposable
    {
        private readonly CostCounter _cost = CostCounter.Start();
        private readonly Dictionary<Module, string> _names = [];
        private readonly List<(Module Module, bool WasTraining)> _modes = [];
        private readonly Stack<(int Row, double Flops)> _open = new();

        public Recorder(Module root)
        {
            foreach (var (name, module) in root.NamedModules())
            {
                _modes.Add((module, module.IsTraining));
                if (!_names.TryAdd(module, name))
                    continue;
                module.Entered += Enter;
                module.Left += Leave;
            }
            root.Eval();
        }

        public List<ModuleSummaryRow> Rows { get; } = [];

        public void Dispose()
        {
            _cost.Dispose();
            foreach (var module in _names.Keys)
            {
                module.Entered -= Enter;
                module.Left -= Leave;
            }
            // Parents come first, so a child that had another mode gets it back.
            foreach (var (module, wasTraining) in _modes)
                module.SetTraining(wasTraining);
        }

        private void Enter(Module module)
        {
            _open.Push((Rows.Count, _cost.Flops));
            Rows.Add(new(_names[module], TypeName(module.GetType()), "", module.ParameterCount, 0));
        }

        private void Leave(Module module, object? output)
        {
            var (row, flops) = _open.Pop();
            Rows[row] = Rows[row] with { Output = Shapes(output), Flops = _cost.Flops - flops };
        }

        private static string TypeName(Type type) => type.Name.Split('`')[0];

        private static string Shapes(object? output) =>
            output switch
            {
                Tensor tensor => tensor.Shape.ToString(),
                IEnumerable<Tensor?> tensors => string.Join(", ", tensors.Select(Shapes)),
                System.Runtime.CompilerServices.ITuple tuple => string.Join(
                    ", ",
                    Enumerable.Range(0, tuple.Length).Select(i => Shapes(tuple[i]))
                ),
                _ => "",
            };
    }
}

/// <summary>Summaries of networks from tensors to tensors.</summary>
public static class ModuleSummaryExtensions
{
    /// <summary>A table of the network's modules for an input of zeros of this shape, made where the parameters are and of their dtype.</summary>
    public static ModuleSummary Summary(this Module<Tensor, Tensor> module, Shape input)
    {
        using var frame = Lifetime.Frame();
        var like = module.Parameters().FirstOrDefault();
        return ModuleSummary.Of(module, Tensor.Zeros(input, like?.DType ?? DType.Float32, like?.Device));
    }
}
