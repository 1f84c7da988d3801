namespace CudaNet;

/// <summary>
/// Optimiser steps that are one formula per element, over the parameter, its gradient and the buffers that the optimiser keeps
/// (kernels/optimizer/adaptive.cu).
/// </summary>
internal abstract class ElementStepOp(string name, string signature, int weightDecay) : OptimizerOp(name, signature)
{
    protected sealed override int Lists => Signature.ListCount;

    public override double ErrorConstant => 8;

    /// <summary>The formula: gives the new parameter and writes the buffers.</summary>
    /// <param name="p">The parameter.</param>
    /// <param name="g">Its gradient, with the L2 penalty.</param>
    /// <param name="held">The buffers; what is not given is 0.</param>
    /// <param name="rate">The learning rate.</param>
    /// <param name="step">The number of this step, from 1.</param>
    /// <param name="attributes">The attributes.</param>
    protected abstract Bounded Next(
        Bounded p,
        Bounded g,
        Span<Bounded> held,
        double rate,
        double step,
        Attributes attributes
    );

    /// <summary>The strength of the L2 penalty.</summary>
    protected virtual double Penalty(Attributes attributes) => attributes.Float(weightDecay);

    /// <summary>The attributes of the cases, each with a label.</summary>
    protected abstract IEnumerable<(string Label, Attributes Attributes)> Options { get; }

    /// <summary>What a buffer of a case starts from.</summary>
    protected virtual CaseInput? Buffer(int index, Attributes attributes, long[] shape) => Draw.Uniform(0.1, 2, shape);

    protected virtual double FlopsPerElement => 12;

    public sealed override void Reference(ReferenceCall call)
    {
        var count = (call.Inputs.Count - 2) / Lists;
        var (rate, before) = Step(call, count);
        var held = new Bounded[Lists - 2];
        for (var t = 0; t < count; t++)
        for (long i = 0; i < call.Input(t).Shape.NumElements; i++)
        {
            var p = Given(call.Input(t), i);
            var g = Given(call.Input(count + t), i) + Penalty(call.Attributes) * p;
            for (var b = 0; b < held.Length; b++)
                held[b] = call.InputOrNull((2 + b) * count + t) is { } buffer ? Given(buffer, i) : 0;
            Put(call.Input(t), i, Next(p, g, held, rate, before + 1, call.Attributes));
            for (var b = 0; b < held.Length; b++)
                if (call.InputOrNull((2 + b) * count + t) is { } buffer)
                    Put(buffer, i, held[b]);
        }
    }

    private static Bounded Given(ReferenceTensor tensor, long i) => tensor[i];

    private static void Put(ReferenceTensor tensor, long i, Bounded value)
    {
        tensor[i] = value.Value;
        Note(tensor, i, value.Magnitude);
    }

    public override double Flops(in OpCall call) => FlopsPerElement * call.List(0).ToArray().Sum(p => p!.NumElements);

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        foreach (var (label, attributes) in Options)
            yield return Case(
                dtype,
                [
                    [33],
                    [5, 7],
                    [1031],
                    [0],
                    [1],
                ],
                label,
                attributes
            );
        var first = Options.First().Attributes;
        yield return Case(
            DType.Float32,
            [.. Enumerable.Range(0, 150).Select(i => new long[] { i % 5 })],
            "params=150",
            first
        );
        yield return Case(
            DType.Float32,
            [
                [1048576],
            ],
            "n=1048576",
            first
        ) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, long[][] shapes, string label, Attributes attributes)
    {
        var inputs = new List<CaseInput?>();
        inputs.AddRange(shapes.Select(s => Draw.Normal(s)));
        inputs.AddRange(shapes.Select(s => Draw.Normal(s)));
        for (var b = 0; b < Lists - 2; b++)
            inputs.AddRange(shapes.Select(s => Buffer(b, attributes, s)));
        return new(this, dtype, label, [.. inputs, Rate(0.05), StepsTaken(StepsBeforeCase(attributes))], attributes);
    }

    /// <summary>After a few steps the corrections of the bias are neither those of the first nor 1.</summary>
    protected virtual long StepsBeforeCase(Attributes attributes) => 3;

    private static CaseInput StepsTaken(long steps) => State with { Map = (i, _) => i == 0 ? steps : 0 };
}
