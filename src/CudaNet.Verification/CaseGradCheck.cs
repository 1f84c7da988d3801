namespace CudaNet.Verification;

/// <summary>Proofs about an op's definition, which need no device: its gradients, and the composition that it equals.</summary>
public static class CaseGradCheck
{
    /// <summary>Proves the gradients of a case, first and second, against differences of the op's textbook loop.</summary>
    public static GradCheckResult Run(OpCase opCase, long seed = 0)
    {
        ArgumentNullException.ThrowIfNull(opCase);
        using var frame = Lifetime.Frame();
        using var reference = EngineState.Enter(
            EngineState.Current with
            {
                UseReference = true,
                GradEnabled = true,
                DefaultDevice = Device.Cpu,
            }
        );
        var drawn = CaseInputs.Draw(opCase, seed);
        var inputs = Array.ConvertAll(drawn, d => d is null ? null : CaseInputs.Place(d, Device.Cpu));
        var wanted = Enumerable.Range(0, inputs.Length).Where(i => drawn[i] is { IsDifferentiated: true }).ToArray();
        return GradCheck.Run(
            leaves =>
            {
                var all = (Tensor?[])inputs.Clone();
                for (var i = 0; i < wanted.Length; i++)
                    all[wanted[i]] = leaves[i];
                return
                [
                    .. opCase
                        .Op.ApplyAll(all, opCase.Attributes, Device.Cpu)
                        .OfType<Tensor>()
                        .Where(t => t.DType.IsFloating),
                ];
            },
            Array.ConvertAll(wanted, i => inputs[i]!),
            seed: seed
        );
    }

    /// <summary>Compares a fused op with the composition that it states, both in float64. The composition rounds after each of its
    /// steps, so it is given 64 for the c of the tolerance rule.</summary>
    /// <returns>A line for each output that differs.</returns>
    public static IReadOnlyList<string> CompareWithComposition(OpCase opCase, long seed = 0)
    {
        ArgumentNullException.ThrowIfNull(opCase);
        const double Constant = 64;
        using var frame = Lifetime.Frame();
        using var reference = EngineState.Enter(
            EngineState.Current with
            {
                UseReference = true,
                GradEnabled = false,
                DefaultDevice = Device.Cpu,
            }
        );
        var drawn = CaseInputs.Draw(opCase, seed);
        var inputs = Array.ConvertAll(drawn, d => d is null ? null : CaseInputs.Place(d, Device.Cpu));
        var composed = opCase.Op.Compose(inputs, opCase.Attributes);
        var like = opCase
            .Op.ApplyAll(inputs, opCase.Attributes, Device.Cpu)
            .Select(t => t is null ? null : ReferenceRunner.ToReference(t))
            .ToArray();
        var (_, outputs) = Checker.Evaluate(opCase.Op, opCase.Attributes, drawn, like);
        var failures = new List<string>();
        for (var i = 0; i < outputs.Length; i++)
        {
            var name = opCase.Op.Signature.Outputs[i].Name;
            if (outputs[i] is not { } output)
                continue;
            if (composed.Length <= i || composed[i] is not { } part)
            {
                failures.Add($"{opCase.Name}: the composition gives no {name}");
                continue;
            }
            if (!part.Shape.Equals(output.Shape) || part.DType != output.DType)
            {
                failures.Add(
                    $"{opCase.Name}: the composition's {name} is {part.Shape} {part.DType.Name}, the op's {output.Shape} {output.DType.Name}"
                );
                continue;
            }
            double worst = 0;
            var error = output.DType.IsFloating
                ? Tolerance.Compare(name, part.ToDoubles(), output, DType.Float64, Constant, null, ref worst)
                : Tolerance.CompareExactly(name, part.ToDoubles(), output);
            if (error is not null)
                failures.Add($"{opCase.Name}: {error}");
        }
        return failures;
    }
}
