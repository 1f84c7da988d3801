namespace CudaNet;

/// <summary>AdamW (Loshchilov and Hutter 2019), for many parameters at once; with <c>decoupled</c> false, Adam with an L2 penalty.</summary>
internal sealed class AdamWOp()
    : OptimizerOp(
        "adamw",
        "param!*, grad*, exp_avg!*, exp_avg_sq!*, lr, state!, found_inf?; beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, weight_decay: float = 0.01, decoupled: bool = true"
    )
{
    public static readonly AdamWOp Instance = new();

    protected override int Lists => 4;

    internal override CpuKernel? Cpu => CpuOptimizers.StepAdamW;

    public override double ErrorConstant => 8;

    public override void Reference(ReferenceCall call)
    {
        var count = (call.Inputs.Count - 3) / 4;
        if (Skips(call, count))
            return;
        var (rate, before) = Step(call, count);
        for (var t = 0; t < count; t++)
            Update(
                call.Input(t),
                call.Input(count + t),
                call.Input(2 * count + t),
                call.Input(3 * count + t),
                rate,
                before + 1,
                call.Attributes
            );
    }

    private static void Update(
        ReferenceTensor p,
        ReferenceTensor g,
        ReferenceTensor m,
        ReferenceTensor v,
        double rate,
        double step,
        Attributes attributes
    )
    {
        var (beta1, beta2) = (attributes.Float(0), attributes.Float(1));
        var (eps, decay, decoupled) = (attributes.Float(2), attributes.Float(3), attributes.Bool(4));
        var (correction1, correction2) = (1 - Math.Pow(beta1, step), 1 - Math.Pow(beta2, step));
        for (long i = 0; i < p.Shape.NumElements; i++)
        {
            var gradient = g[i] + (decoupled ? 0 : decay * p[i]);
            var size = Math.Abs(g[i]) + (decoupled ? 0 : Math.Abs(decay * p[i]));
            var held = beta1 * Math.Abs(m[i]) + (1 - beta1) * size;
            m[i] = beta1 * m[i] + (1 - beta1) * gradient;
            v[i] = beta2 * v[i] + (1 - beta2) * gradient * gradient;
            Note(m, i, held);
            Note(v, i, Math.Abs(v[i]) + (1 - beta2) * size * size);
            var denominator = Math.Sqrt(v[i]) / Math.Sqrt(correction2) + eps;
            Note(p, i, Math.Abs(p[i]) + rate / correction1 * held / denominator);
            p[i] = p[i] * (1 - (decoupled ? rate * decay : 0)) - rate / correction1 * m[i] / denominator;
        }
    }

    public override double Flops(in OpCall call) => 14.0 * call.List(0).ToArray().Sum(p => p!.NumElements);

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        foreach (var decoupled in new[] { true, false })
            yield return Case(
                dtype,
                [
                    [33],
                    [5, 7],
                    [1031],
                    [0],
                    [1],
                ],
                $"decoupled={decoupled}",
                decoupled
            );
        foreach (var found in new double[] { 0, 1 })
            yield return Case(
                DType.Float32,
                [
                    [33],
                    [1031],
                ],
                $"found_inf={found}",
                true,
                found
            );
        yield return Case(
            DType.Float32,
            [.. Enumerable.Range(0, 150).Select(i => new long[] { i % 5 })],
            "params=150",
            true
        );
        yield return Case(
            DType.Float32,
            [
                [1048576],
            ],
            "n=1048576",
            true
        ) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, long[][] shapes, string label, bool decoupled, double? foundInf = null) =>
        new(
            this,
            dtype,
            label,
            [
                .. shapes.Select(s => Draw.Normal(s)),
                .. shapes.Select(s => Draw.Normal(s)),
                .. shapes.Select(s => Draw.Normal(s)),
                .. shapes.Select(s => Draw.Uniform(0.1, 2, s)),
                Rate(0.05),
                State,
                foundInf is { } found ? Draw.Constant(found, DType.Float32, 1) : null,
            ],
            Attributes.Of(0.9, 0.99, 1e-8, 0.1, decoupled)
        );
}
