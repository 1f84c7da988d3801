namespace CudaNet;

/// <summary>What optimiser steps share: lists of parameters that are written in place, all with one launch.</summary>
internal abstract class OptimizerOp(string name, string signature) : Op(name, signature)
{
    public override string NoBackwardReason => "an optimiser step writes its parameters in place";

    /// <summary>How many lists there are; lr and state follow them.</summary>
    protected abstract int Lists { get; }

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var count = call.ListLength;
        if (count == 0)
            throw new AttributeException($"{Name}: needs at least one parameter");
        var dtype = call.RequireFloating(0, count - 1);
        for (var list = 1; list < Lists; list++)
        for (var i = 0; i < count; i++)
        {
            if (call.Inputs[list * count + i] is not { } tensor)
            {
                if (!Signature.Inputs[list].IsOptional || call.Inputs[list * count] is not null)
                    throw new AttributeException($"{Name}: needs '{Signature.Inputs[list].Name}' for every parameter");
                continue;
            }
            var parameter = call.Inputs[i]!;
            if (tensor.DType != dtype || !tensor.Shape.Equals(parameter.Shape))
                throw call.ShapeError(
                    $"'{Signature.Inputs[list].Name}' {i} is {tensor.Shape} {tensor.DType.Name}, its parameter {parameter.Shape} {dtype.Name}; expected the same"
                );
        }
        var (lr, state) = (call.Inputs[Lists * count]!, call.Inputs[Lists * count + 1]!);
        if (lr.DType != DType.Float64 || lr.NumElements != 1)
            throw call.DTypeError("expected lr to be one f64 value");
        if (state.DType != DType.Int64 || state.NumElements != 2)
            throw call.DTypeError("expected state to be two i64 values, {steps taken, 0}");
    }

    /// <summary>The learning rate and the steps taken before this one; counts this one.</summary>
    protected (double Rate, double StepsBefore) Step(ReferenceCall call, int count)
    {
        var state = call.Input(Lists * count + 1);
        return (call.Input(Lists * count)[0], state[0]++);
    }

    /// <summary>|value| is no bound for what is added up in place, so the magnitudes say what went in.</summary>
    protected static void Note(ReferenceTensor tensor, long i, double magnitude)
    {
        if (tensor.Magnitude.Length > 0)
            tensor.Magnitude[i] = magnitude;
    }

    protected static CaseInput Rate(double value) => Draw.Constant(value, DType.Float64, 1);

    protected static CaseInput State => Draw.Constant(0, DType.Int64, 2);
}

/// <summary>Stochastic gradient descent with momentum (Sutskever et al. 2013, in PyTorch's form), for many parameters at once.</summary>
internal sealed class SgdOp()
    : OptimizerOp(
        "sgd",
        "param!*, grad*, momentum_buffer!?*, lr, state!; momentum: float = 0, dampening: float = 0, weight_decay: float = 0, nesterov: bool = false"
    )
{
    public static readonly SgdOp Instance = new();

    protected override int Lists => 3;

    internal override CpuKernel? Cpu => CpuOptimizers.Sgd;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        base.Infer(call, outputs);
        if (call.Attributes.Float(0) != 0 && call.List(2)[0] is null)
            throw new AttributeException("sgd: momentum needs a momentum_buffer for every parameter");
    }

    public override void Reference(ReferenceCall call)
    {
        var count = (call.Inputs.Count - 2) / 3;
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

    private OpCase Case(DType dtype, long[][] shapes, string label, Attributes attributes) =>
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
            ],
            attributes
        );
}

/// <summary>AdamW (Loshchilov and Hutter 2019), for many parameters at once; with <c>decoupled</c> false, Adam with an L2 penalty.</summary>
internal sealed class AdamWOp()
    : OptimizerOp(
        "adamw",
        "param!*, grad*, exp_avg!*, exp_avg_sq!*, lr, state!; beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, weight_decay: float = 0.01, decoupled: bool = true"
    )
{
    public static readonly AdamWOp Instance = new();

    protected override int Lists => 4;

    internal override CpuKernel? Cpu => CpuOptimizers.AdamW;

    public override double ErrorConstant => 8;

    public override void Reference(ReferenceCall call)
    {
        var count = (call.Inputs.Count - 2) / 4;
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

    private OpCase Case(DType dtype, long[][] shapes, string label, bool decoupled) =>
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
            ],
            Attributes.Of(0.9, 0.99, 1e-8, 0.1, decoupled)
        );
}
