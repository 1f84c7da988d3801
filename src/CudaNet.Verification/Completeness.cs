using System.Globalization;
using System.Text.RegularExpressions;

namespace CudaNet.Verification;

/// <summary>What an op must bring along: its reference, kernel, backward or a reason for none, cost formulas and cases.</summary>
public static class Completeness
{
    /// <summary>What op lacks, a line each.</summary>
    /// <param name="op">The op.</param>
    /// <param name="kernels">The registered kernels: the signature by name.</param>
    public static IReadOnlyList<string> Check(Op op, IReadOnlyDictionary<string, string> kernels)
    {
        ArgumentNullException.ThrowIfNull(op);
        ArgumentNullException.ThrowIfNull(kernels);
        var lacks = new List<string>();
        var cases = op.Cases().ToList();
        CheckKernel(op, kernels, lacks);
        CheckCases(op, cases, lacks);
        if (op.ErrorConstant is <= 0 or > Tolerance.LargestConstant)
            lacks.Add($"the error constant {op.ErrorConstant} is not in (0, {Tolerance.LargestConstant}]");
        if (op.Kind == OpKind.HostOnly && string.IsNullOrWhiteSpace(op.HostOnlyReason))
            lacks.Add("is computed on the host and does not say why");
        if (op.NoBackwardReason is { } reason && reason.Trim().Length < 10)
            lacks.Add($"'{reason}' is no reason for having no gradient");
        if (cases.FirstOrDefault(c => !c.IsBenchmark) is { } first)
            CheckReference(op, first, lacks);
        CheckCosts(op, cases, lacks);
        CheckBackward(op, cases, lacks);
        return lacks;
    }

    private static void CheckKernel(Op op, IReadOnlyDictionary<string, string> kernels, List<string> lacks)
    {
        var expected = op.Kind == OpKind.Kernel;
        if (!kernels.TryGetValue(op.Name, out var signature))
        {
            if (expected)
                lacks.Add("has no kernel");
            return;
        }
        if (!expected)
            lacks.Add($"is of kind {op.Kind}, but there is a kernel of its name");
        else if (signature != op.Signature.Native())
            lacks.Add($"the kernel's signature is '{signature}', the op's '{op.Signature.Native()}'");
    }

    private static void CheckCases(Op op, List<OpCase> cases, List<string> lacks)
    {
        if (!cases.Any(c => !c.IsBenchmark))
            lacks.Add("has no cases");
        foreach (var twice in cases.GroupBy(c => c.Name).Where(g => g.Count() > 1))
            // The same name draws the same numbers; a gradient case may repeat the sizes of an ordinary one.
            if (twice.Count(c => !c.CheckGradient) > 1)
                lacks.Add($"{twice.Count()} cases have the name {twice.Key}");
        foreach (var foreign in cases.Where(c => !ReferenceEquals(c.Op, op)))
            lacks.Add($"has a case of another op: {foreign.Name}");
        var floating = cases.Where(c => c.DType.IsFloating && !c.IsBenchmark).Select(c => c.DType).ToHashSet();
        if (op.Kind == OpKind.Kernel && floating.Count > 0)
            foreach (var dtype in DTypes.All.Where(d => d.IsFloating && !floating.Contains(d)))
                if (Supports(op, cases, dtype))
                    lacks.Add($"takes {dtype.Name}, but has no case with it");
    }

    /// <summary>Whether the op's shape rule accepts a floating case's inputs in another dtype.</summary>
    private static bool Supports(Op op, List<OpCase> cases, DType dtype)
    {
        using var frame = Lifetime.Frame();
        var like = cases.First(c => c.DType.IsFloating && !c.IsBenchmark);
        try
        {
            var inputs = like
                .Inputs.Select(i =>
                    i is null
                        ? null
                        : Tensor.Empty(i.Shape, i.DType is { } own && own != like.DType.Accumulator ? own : dtype)
                )
                .ToArray();
            op.Infer(new OpCall(op, inputs, like.Attributes), new TensorSpec[op.Signature.Outputs.Count]);
            return true;
        }
        catch (CudaNetException)
        {
            return false;
        }
    }

    private static void CheckReference(Op op, OpCase first, List<string> lacks)
    {
        var result = Checker.Run(first, Device.Cpu, gradients: false);
        foreach (var failure in result.Failures)
            lacks.Add($"the reference of {first.Name}: {failure}");
    }

    private static void CheckCosts(Op op, List<OpCase> cases, List<string> lacks)
    {
        if (op.Kind is OpKind.View)
            return;
        if (cases.FirstOrDefault(c => c.IsBenchmark) is not { } benchmark)
        {
            lacks.Add("has no benchmark case");
            return;
        }
        using var frame = Lifetime.Frame();
        using var noGrad = Autograd.NoGrad();
        // Costs follow from shapes: nothing needs to be computed, nor any values drawn.
        var inputs = benchmark
            .Inputs.Select(i => i is null ? null : Tensor.Empty(i.Shape, i.DType ?? benchmark.DType))
            .ToArray();
        var outputs = new Tensor?[op.Signature.Outputs.Count];
        var specs = new TensorSpec[outputs.Length];
        op.Infer(new OpCall(op, inputs, benchmark.Attributes), specs);
        for (var i = 0; i < outputs.Length; i++)
            if (specs[i].Shape is { } shape)
                outputs[i] = Tensor.Empty(shape, specs[i].DType);
        var call = new OpCall(op, inputs, benchmark.Attributes, outputs);
        if (op.Bytes(call) is not > 0)
            lacks.Add(string.Create(CultureInfo.InvariantCulture, $"Bytes of {benchmark.Name} is {op.Bytes(call)}"));
        if (op.Flops(call) is not (>= 0 and < double.PositiveInfinity))
            lacks.Add(string.Create(CultureInfo.InvariantCulture, $"Flops of {benchmark.Name} is {op.Flops(call)}"));
    }

    private static void CheckBackward(Op op, List<OpCase> cases, List<string> lacks)
    {
        if (op.NoBackwardReason is not null || !HasGradient(op, cases))
            return;
        if (!op.HasComposition && !OverridesBackward(op))
            lacks.Add("has neither a backward nor a composition nor a reason for having no gradient");
        if (!cases.Any(c => c.CheckGradient))
            lacks.Add("is differentiable, but no case has CheckGradient");
        foreach (var wide in cases.Where(c => c.CheckGradient && c.DType != DType.Float64))
            lacks.Add($"{wide.Name} has CheckGradient, which needs f64");
    }

    /// <summary>Whether some case turns floating inputs into floating outputs.</summary>
    private static bool HasGradient(Op op, List<OpCase> cases)
    {
        using var frame = Lifetime.Frame();
        foreach (var opCase in cases.Where(c => !c.IsBenchmark && c.Inputs.Any(i => i is { Differentiate: true })))
        {
            var inputs = opCase
                .Inputs.Select(i => i is null ? null : Tensor.Empty(i.Shape, i.DType ?? opCase.DType))
                .ToArray();
            if (op.Kind == OpKind.Composition || !inputs.Any(t => t is { DType.IsFloating: true }))
                continue;
            var specs = new TensorSpec[op.Signature.Outputs.Count];
            op.Infer(new OpCall(op, inputs, opCase.Attributes), specs);
            if (specs.Any(s => s.Shape is not null && s.DType.IsFloating))
                return true;
        }
        return op.Kind == OpKind.Composition;
    }

    private static bool OverridesBackward(Op op)
    {
        Action<BackwardCall> backward = op.Backward;
        return backward.Method.DeclaringType != typeof(Op);
    }

    /// <summary>The kernels that a folder of .cu files registers, by reading their CN_KERNEL lines: for checks without a built library.</summary>
    public static IReadOnlyDictionary<string, string> ReadKernels(string folder)
    {
        var kernels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var file in Directory.EnumerateFiles(folder, "*.cu", SearchOption.AllDirectories))
        foreach (Match match in Registration().Matches(File.ReadAllText(file)))
            kernels[match.Groups["name"].Value] = string.Concat(
                match.Groups["part"].Captures.Select(part => part.Value)
            );
        return kernels;
    }

    private static Regex Registration() =>
        new(@"\bCN_KERNEL\(\s*(?<name>\w+)\s*,\s*(?:""(?<part>[^""]*)""\s*)+,", RegexOptions.CultureInvariant);

    /// <summary>The kernels that a native device has.</summary>
    public static IReadOnlyDictionary<string, string> KernelsOf(Device device)
    {
        if (device is not NativeDevice native)
            throw new DeviceException($"{device} has no native kernels; expected simt or cuda");
        return native.KernelNames.ToDictionary(name => name, name => native.SignatureOf(name)!);
    }
}
