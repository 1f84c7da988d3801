namespace CudaNet.Verification;

/// <summary>
/// Compares the first and second gradients of a case on a device with those of the textbook loops in float64.
/// </summary>
/// <remarks>
/// <para>
/// A gradient is made by several ops, whose intermediate results are rounded to the case's dtype, so the rule for one kernel
/// does not apply. How far such errors carry is measured: the same graph is run on the textbook loops in the case's dtype, each op's
/// outputs moved at random within √n·u_acc·S of its own rule, and e is the largest distance from float64, over several draws where the
/// tensors are small (after flash-attention's hopper/test_flash_attn.py, whose second opinion is the same computation in the lower
/// precision). Allowed is
/// |err| ≤ 4·e + 8·u·(|g| + rms(g)) + 16·√N·u_acc·(|g| + rms(g)), where N, the number of elements of the largest tensor, bounds
/// the length of any reduction.
/// </para>
/// <para>
/// Cotangents are random, for the gradients that the first order gives as well; second gradients are taken with respect to the
/// inputs and to the cotangents, in f32 and f64. In f16 and bf16 only the first order is compared: e there would be as large as the
/// second gradients themselves.
/// </para>
/// </remarks>
internal static class GradientComparison
{
    private const long LargestFirst = 32 * 1024;
    private const long LargestSecond = 2 * 1024;
    private const long NoiseSeed = 20_080_923;

    /// <summary>A gradient of a few elements shows by chance how far errors carry, so small cases are drawn several times.</summary>
    private const int FewestSamples = 256;
    private const int MostDraws = 16;

    public static void Check(
        OpCase opCase,
        DrawnInput?[] drawn,
        Device device,
        long seed,
        List<string> failures,
        ref double worst
    )
    {
        var elements = drawn.Select(d => d?.Values.Length ?? 0).DefaultIfEmpty().Max();
        if (
            opCase.Op.NoBackwardReason is not null
            || opCase.IsBenchmark
            || !drawn.Any(d => d is { IsDifferentiated: true })
            || elements > LargestFirst
        )
            return;
        var second = opCase.DType is DType.Float32 or DType.Float64 && elements <= LargestSecond;
        Gradients? got;
        device.Memory.BeginGuarded();
        try
        {
            got = Compute(opCase, drawn, device, seed, second, reference: false, widen: false, noise: null);
        }
        finally
        {
            failures.AddRange(device.Memory.EndGuarded());
        }
        if (got is null)
            return;
        var exact = Compute(opCase, drawn, Device.Cpu, seed, second, reference: true, widen: true, noise: null)!;
        var rounded = Enumerable
            .Range(0, (int)Math.Clamp(FewestSamples / Math.Max(elements, 1), 1, MostDraws))
            .Select(draw =>
                Compute(
                    opCase,
                    drawn,
                    Device.Cpu,
                    seed,
                    second,
                    reference: true,
                    widen: false,
                    noise: NoiseSeed + draw
                )!
            )
            .ToArray();
        for (var i = 0; i < got.All.Count; i++)
        {
            var samples = rounded.Select(gradients => gradients.All[i].Values).ToArray();
            if (Compare(got.All[i], exact.All[i].Values, samples, opCase.DType, ref worst) is { } error)
                failures.Add(error);
        }
    }

    private static string? Compare(Gradient got, double[] exact, double[][] samples, DType dtype, ref double worst)
    {
        double spread = 0;
        foreach (var rounded in samples)
            for (var i = 0; i < exact.Length; i++)
                if (double.IsFinite(rounded[i]) && double.IsFinite(exact[i]))
                    spread = Math.Max(spread, Math.Abs(rounded[i] - exact[i]));
        var rms = Tolerance.RootMeanSquare([.. exact.Where(double.IsFinite)]);
        var unit = 8 * dtype.UnitRoundoff + 16 * Math.Sqrt(got.LongestSum) * dtype.Accumulator.UnitRoundoff;
        var rule = new Tolerance.Rule(dtype, dtype.Accumulator, 0, 1);
        var bad = new Tolerance.Mismatches(got.Name, got.Shape);
        for (var i = 0; i < exact.Length; i++)
        {
            // Where the textbook loops overflow in this dtype as well, there is nothing to compare with.
            if (double.IsFinite(exact[i]) && samples.Any(rounded => !double.IsFinite(rounded[i])))
                continue;
            var allowed = 4 * spread + unit * (Math.Abs(exact[i]) + rms) + rule.Allowed(0, 0, 0);
            var ratio = rule.Ratio(got.Values[i], exact[i], allowed);
            worst = Math.Max(worst, ratio);
            if (!(ratio <= 1))
                bad.Add(i, got.Values[i], exact[i], allowed, ratio);
        }
        return bad.ToString();
    }

    /// <summary>The gradients of one run; null when no output depends differentiably on an input.</summary>
    private static Gradients? Compute(
        OpCase opCase,
        DrawnInput?[] drawn,
        Device device,
        long seed,
        bool second,
        bool reference,
        bool widen,
        long? noise
    )
    {
        using var frame = Lifetime.Frame();
        using var state = EngineState.Enter(
            EngineState.Current with
            {
                GradEnabled = true,
                UseReference = reference,
                ReferenceNoise = noise is { } number ? new ReferenceNoise(number) : null,
                KernelVariant = 0,
            }
        );
        var inputs = new Tensor?[drawn.Length];
        var leaves = new List<Tensor>();
        var names = new List<string>();
        for (var i = 0; i < inputs.Length; i++)
        {
            if (drawn[i] is not { } input)
                continue;
            if (reference)
                input = input with { Input = input.Input with { Layout = CaseLayout.Contiguous } };
            if (widen && input.DType.IsFloating)
                input = input with { DType = DType.Float64 };
            var tensor = inputs[i] = CaseInputs.Place(input, device);
            if (!input.IsDifferentiated)
                continue;
            tensor.RequiresGrad = true;
            leaves.Add(tensor);
            names.Add($"input {i}");
        }
        var outputs = opCase
            .Op.ApplyAll(inputs, opCase.Attributes, device)
            .OfType<Tensor>()
            .Where(t => t is { DType.IsFloating: true, RequiresGrad: true })
            .ToArray();
        if (outputs.Length == 0)
            return null;
        var longest = outputs.Concat(leaves).Max(t => (double)t.NumElements);
        var cotangents = Cotangents(opCase, seed, 0, outputs);
        foreach (var cotangent in cotangents)
            cotangent.RequiresGrad = second;
        var first = Autograd.Grad(outputs, leaves.ToArray(), cotangents, createGraph: second, allowUnused: true);
        var all = new List<Gradient>();
        for (var i = 0; i < first.Length; i++)
            all.Add(new($"gradient of {names[i]}", first[i].Shape, first[i].ToDoubles(), longest));
        var live = first.Where(t => t.RequiresGrad).ToArray();
        if (second && live.Length > 0)
        {
            var wanted = leaves.Concat(cotangents).ToArray();
            var weights = Cotangents(opCase, seed, cotangents.Length, live);
            var seconds = Autograd.Grad(live, wanted, weights, allowUnused: true);
            for (var i = 0; i < seconds.Length; i++)
            {
                var of = i < names.Count ? names[i] : $"the cotangent of output {i - names.Count}";
                all.Add(new($"second gradient of {of}", seconds[i].Shape, seconds[i].ToDoubles(), longest));
            }
        }
        return new(all);
    }

    private static Tensor[] Cotangents(OpCase opCase, long seed, int first, Tensor[] like)
    {
        var cotangents = new Tensor[like.Length];
        for (var i = 0; i < like.Length; i++)
        {
            var values = CaseInputs.Cotangent(opCase, seed, first + i, like[i].NumElements);
            cotangents[i] = CaseInputs.Upload(like[i].Shape, like[i].DType, values, like[i].Device);
        }
        return cotangents;
    }

    private sealed record Gradient(string Name, Shape Shape, double[] Values, double LongestSum);

    private sealed record Gradients(IReadOnlyList<Gradient> All);
}
