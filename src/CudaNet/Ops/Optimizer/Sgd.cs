namespace CudaNet;

/// <summary>Stochastic gradient descent with momentum (Sutskever et al. 2013, in PyTorch's form), for many parameters at once.</summary>
internal sealed class SgdOp()
    : OptimizerOp(
        "sgd",
        "param!*, grad*, momentum_buffer!?*, lr, state!, found_inf?; momentum: float = 0, dampening: float = 0, weight_decay: float = 0, nesterov: bool = false"
    )
{
    public static readonly SgdOp Instance = new();

    protected override int Lists => 3;

    internal override CpuKernel? Cpu => CpuOptimizers.StepSgd;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        base.Infer(call, outputs);
        if (call.Attributes.Float(0) != 0 && call.List(2)[0] is null)
            throw new AttributeException("sgd: momentum needs a momentum_buffer for every parameter");
    }

    public override void Reference(ReferenceCall call)
    {
        var count = (call.Inputs.Count - 3) / 3;
        if (Skips(call, count))
            return;
        var (rate, before) = Step(call, count);
        for (var t = 0; t < count; t++)
            Update(
                call.Input(t),
                call.Input(count + t),
                call.InputOrNull(2 * count + t),
                rate,
                before,
                call.Attributes
            );
    }

    private static void Update(
        ReferenceTensor p,
        ReferenceTensor g,
        ReferenceTensor? buffer,
        double rate,
        double before,
        Attributes attributes
    )
    {
        var (momentum, dampening, decay) = (attributes.Float(0), attributes.Float(1), attributes.Float(2));
        for (long i = 0; i < p.Shape.NumElements; i++)
        {
            var step = g[i] + decay * p[i];
            var size = Math.Abs(g[i]) + Math.Abs(decay * p[i]);
            if (momentum != 0)
            {
                var old = buffer![i];
                buffer[i] = before == 0 ? step : momentum * old + (1 - dampening) * step;
                var held = before == 0 ? size : Math.Abs(momentum * old) + Math.Abs(1 - dampening) * size;
                Note(buffer, i, held);
                step = attributes.Bool(3) ? step + momentum * buffer[i] : buffer[i];
                size = attributes.Bool(3) ? size + momentum * held : held;
            }
            Note(p, i, Math.Abs(p[i]) + rate * size);
            p[i] -= rate * step;
        }
    }

    public override double Flops(in OpCall call) => 6.0 * call.List(0).ToArray().Sum(p => p!.NumElements);

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        foreach (var (momentum, dampening, decay, nesterov) in Options)
            yield return Case(
                dtype,
                [
                    [33],
                    [5, 7],
                    [1031],
                    [0],
                    [1],
                ],
                System.FormattableString.Invariant(
                    $"momentum={momentum},dampening={dampening},decay={decay},nesterov={nesterov}"
                ),
                Attributes.Of(momentum, dampening, decay, nesterov)
            );
        foreach (var found in new double[] { 0, 1 })
            yield return Case(
                DType.Float32,
                [
                    [33],
                    [1031],
                ],
                $"found_inf={found}",
                Attributes.Of(0.9, 0.0, 0.1, false),
                found
            );
        yield return Case(
            DType.Float32,
            [.. Enumerable.Range(0, 150).Select(i => new long[] { i % 5 })],
            "params=150",
            Attributes.Of(0.9, 0.0, 0.0, false)
        );
        yield return Case(
            DType.Float32,
            [
                [1048576],
            ],
            "n=1048576",
            Attributes.Of(0.9, 0.0, 0.0, false)
        ) with
        {
            IsBenchmark = true,
        };
    }

    private static readonly (double, double, double, bool)[] Options =
    [
        (0, 0, 0, false),
        (0.9, 0, 0, false),
        (0.9, 0.25, 0.01, false),
        (0.8, 0, 0.1, true),
    ];

    private OpCase Case(DType dtype, long[][] shapes, string label, Attributes attributes, double? foundInf = null) =>
        new(
            this,
            dtype,
            label,
            [
                .. shapes.Select(s => Draw.Normal(s)),
                .. shapes.Select(s => Draw.Normal(s)),
                .. shapes.Select(s => attributes.Float(0) == 0 ? null : Draw.Normal(s)),
                Rate(0.05),
                State,
                foundInf is { } found ? Draw.Constant(found, DType.Float32, 1) : null,
            ],
            attributes
        );
}
