using System.Diagnostics;

namespace CudaNet.Verification;

/// <summary>
/// Checks one case on one device: outputs and in-place results against the op's textbook loop by <see cref="Tolerance"/>, in
/// guarded memory, so that a write outside a tensor and an element that is never written both show; then the gradients by
/// <see cref="GradientComparison"/>.
/// </summary>
public static class Checker
{
    /// <summary>Runs one case.</summary>
    /// <param name="opCase">The case.</param>
    /// <param name="device">The device under test.</param>
    /// <param name="variant">The numbered variant of the kernel; 0 is the one meant for use.</param>
    /// <param name="seed">The seed of the inputs.</param>
    /// <param name="gradients">Whether gradients are compared too; those of the variant meant for use only, since a backward pass runs
    /// other kernels, which have other variants.</param>
    /// <param name="repeats">How many times more the op runs on the same inputs; every run has to give the same bits.</param>
    public static CaseResult Run(
        OpCase opCase,
        Device device,
        int variant = 0,
        long seed = 0,
        bool gradients = true,
        int repeats = 0
    )
    {
        ArgumentNullException.ThrowIfNull(opCase);
        ArgumentNullException.ThrowIfNull(device);
        return Run(new CaseExpectation(opCase, seed), device, variant, gradients, repeats);
    }

    internal static CaseResult Run(
        CaseExpectation expectation,
        Device device,
        int variant,
        bool gradients,
        int repeats = 0
    )
    {
        var (opCase, seed) = (expectation.Case, expectation.Seed);
        var watch = Stopwatch.StartNew();
        var failures = new List<string>();
        double worst = 0;
        string? refused = null;
        try
        {
            CheckForward(expectation, device, variant, repeats, failures, ref worst);
            if (gradients && variant == 0 && failures.Count == 0)
                GradientComparison.Check(opCase, expectation.Drawn, device, seed, failures, ref worst);
        }
        catch (DTypeException e) when (variant != 0 && e.Message.Contains($"[{CnStatus.Unsupported}"))
        {
            refused = e.Message;
        }
        // Whatever a kernel, a shape rule or a reference throws is what this case has found.
        catch (Exception e)
        {
            failures.Add($"threw {e.GetType().Name}: {e.Message}");
            if (e is not CudaNetException)
                failures.Add(e.StackTrace?.Split('\n')[0].Trim() ?? "without a stack trace");
        }
        return new(opCase.Name, opCase.Op.Name, device.Name, variant, seed, worst, watch.Elapsed.TotalSeconds, failures)
        {
            Refused = refused,
        };
    }

    private static void CheckForward(
        CaseExpectation expectation,
        Device device,
        int variant,
        int repeats,
        List<string> failures,
        ref double worst
    )
    {
        var (opCase, drawn) = (expectation.Case, expectation.Drawn);
        var op = opCase.Op;
        if (op.ErrorConstant > Tolerance.LargestConstant)
            failures.Add($"the error constant {op.ErrorConstant} is over {Tolerance.LargestConstant}");
        var run = Execute(opCase, drawn, device, variant, failures);
        var (inputs, outputs) = expectation.Evaluate(run.Outputs);
        var isTf32 = opCase.DType == DType.Float32 && op.Tf32Variants.Contains(variant);
        var accumulator = op.Kind == OpKind.Composition ? opCase.DType : opCase.DType.Accumulator;
        CompareWithReference(run);
        worst = Math.Max(worst, run.Worst);
        for (var i = 0; i < repeats && failures.Count == 0; i++)
        {
            var again = Execute(opCase, drawn, device, variant, failures);
            if (op.NondeterministicVariants.Contains(variant))
                CompareWithReference(again);
            else
                CompareBits(op, run, again, failures);
            worst = Math.Max(worst, again.Worst);
        }

        void CompareWithReference(Execution run)
        {
            for (var i = 0; i < outputs.Length; i++)
                if (outputs[i] is { } output)
                    Compare(op.Signature.Outputs[i].Name, run.Outputs[i]!.Values, output, null, ref run.Worst);
            for (var i = 0; i < inputs.Length; i++)
            {
                if (drawn[i] is not { } input)
                    continue;
                var name = $"input {i}";
                if (input.IsMutated)
                    Compare($"{name}, written in place", run.Inputs[i]!, inputs[i]!, input.Values, ref run.Worst);
                else if (!run.Inputs[i]!.AsSpan().SequenceEqual(input.Values))
                    failures.Add($"{name} was changed, but is not declared to be written in place");
            }
        }

        void Compare(string name, double[] got, ReferenceTensor expected, double[]? before, ref double worst)
        {
            var exact = opCase.IsExact || op.IsExact || op.Kind == OpKind.View || !expected.DType.IsFloating;
            var error = exact
                ? Tolerance.CompareExactly(name, got, expected)
                : Tolerance.Compare(
                    name,
                    got,
                    expected,
                    accumulator,
                    op.ErrorConstant,
                    before,
                    ref worst,
                    isTf32 ? Precision.Tf32UnitRoundoff : 0
                );
            if (error is not null)
                failures.Add(error);
        }
    }

    private static void CompareBits(Op op, Execution first, Execution again, List<string> failures)
    {
        for (var i = 0; i < first.Outputs.Length; i++)
            if (first.Outputs[i] is { } output)
                Compare(op.Signature.Outputs[i].Name, output.Values, again.Outputs[i]!.Values);
        for (var i = 0; i < first.Inputs.Length; i++)
            if (first.Inputs[i] is { } input)
                Compare($"input {i}", input, again.Inputs[i]!);

        void Compare(string name, double[] one, double[] other)
        {
            var at = one.AsSpan().CommonPrefixLength(other);
            if (at < one.Length)
                failures.Add($"{name} depends on the run: [{at}] is {one[at]:R} and then {other[at]:R}");
        }
    }

    private static Execution Execute(
        OpCase opCase,
        DrawnInput?[] drawn,
        Device device,
        int variant,
        List<string> failures
    )
    {
        using var frame = Lifetime.Frame();
        using var state = EngineState.Enter(
            EngineState.Current with
            {
                GradEnabled = false,
                UseReference = false,
                KernelVariant = variant,
            }
        );
        device.Memory.BeginGuarded();
        try
        {
            var placed = Array.ConvertAll(drawn, d => d is null ? null : CaseInputs.Place(d, device));
            var outputs = opCase.Op.ApplyAll(placed, opCase.Attributes, device);
            if (opCase.Op.Kind == OpKind.View)
                for (var i = 0; i < outputs.Length; i++)
                    if (outputs[i] is { } view && !view.SharesStorageWith(placed[0]!))
                        failures.Add($"output {i} of a view does not share the storage of its input");
            return new(
                Array.ConvertAll(outputs, t => t is null ? null : ReferenceRunner.ToReference(t)),
                Array.ConvertAll(placed, t => t?.ToDoubles())
            );
        }
        finally
        {
            failures.AddRange(device.Memory.EndGuarded());
        }
    }

    /// <summary>Evaluates the textbook loop in float64 over the rounded inputs, with magnitudes.</summary>
    internal static (ReferenceTensor?[] Inputs, ReferenceTensor?[] Outputs) Evaluate(
        Op op,
        Attributes attributes,
        DrawnInput?[] drawn,
        ReferenceTensor?[] like
    )
    {
        using var frame = Lifetime.Frame();
        var outputs = Array.ConvertAll(like, t => t is null ? null : ReferenceRunner.Empty(t.Shape, t.DType));
        var inputs = new ReferenceTensor?[drawn.Length];
        for (var i = 0; i < inputs.Length; i++)
        {
            if (drawn[i] is not { } input)
                continue;
            var (shape, values) = (input.Input.Shape, input.Values);
            if (op.Broadcasts && outputs[0] is { } output && !shape.Equals(output.Shape))
            {
                var wide = CaseInputs.Upload(shape, DType.Float64, values, Device.Cpu);
                (shape, values) = (output.Shape, ReferenceRunner.Expand(wide, output.Shape).ToDoubles());
            }
            inputs[i] = new(shape, input.DType, (double[])values.Clone()) { Magnitude = new double[values.Length] };
        }
        ReferenceRunner.Run(op, inputs, outputs, attributes);
        return (inputs, outputs);
    }

    private sealed record Execution(ReferenceTensor?[] Outputs, double[]?[] Inputs)
    {
        public double Worst;
    }
}
