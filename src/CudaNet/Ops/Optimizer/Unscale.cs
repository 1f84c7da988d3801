namespace CudaNet;

/// <summary>
/// Gradients of a scaled loss times 1 / scale, in place, for many tensors at once; <c>found_inf</c> becomes 1 when a gradient is infinite or NaN
/// and is left as it is otherwise (Micikevicius et al. 2018, section 3.2).
/// </summary>
internal sealed class UnscaleOp() : Op("unscale", "grad!*, inv_scale, found_inf!")
{
    public static readonly UnscaleOp Instance = new();

    public override string NoBackwardReason => "it changes gradients in place";

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var count = call.ListLength;
        if (count == 0)
            throw new AttributeException("unscale: needs at least one gradient");
        call.RequireFloating(0, count - 1);
        for (var i = count; i < count + 2; i++)
            if (call.Inputs[i] is not { DType: DType.Float32, NumElements: 1 })
                throw call.DTypeError($"expected {Signature.Inputs[1 + i - count].Name} to be one f32 value");
    }

    public override void Reference(ReferenceCall call)
    {
        var count = call.Inputs.Count - 2;
        var (factor, found) = (call.Input(count)[0], call.Input(count + 1));
        for (var t = 0; t < count; t++)
        {
            var gradient = call.Input(t);
            for (long i = 0; i < gradient.Shape.NumElements; i++)
            {
                if (!double.IsFinite(gradient[i]))
                    found[0] = 1;
                gradient[i] *= factor;
                if (gradient.Magnitude.Length > 0)
                    gradient.Magnitude[i] = Math.Abs(gradient[i]);
            }
        }
    }

    public override double Flops(in OpCall call) => call.List(0).ToArray().Sum(g => g!.NumElements);

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
            yield return Case(dtype, "finite", 0, [33], [5, 7], [1031], [0], [1], [2048]);
        foreach (var dtype in CaseSizes.Floating)
            yield return Case(dtype, "found_before", 1, [3]);
        yield return Case(
            DType.Float32,
            "grads=170",
            0,
            [.. Enumerable.Range(0, 170).Select(i => new long[] { i % 5 })]
        );
        // The last element of the last gradient of a second launch, and one in the middle of a block.
        foreach (
            var (value, at) in new[]
            {
                (double.PositiveInfinity, 1030L),
                (double.NegativeInfinity, 0L),
                (double.NaN, 600L),
            }
        )
            yield return NotFinite(value, at);
        yield return Case(DType.Float32, "n=1048576", 0, [1048576]) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, string label, double found, params long[][] shapes) =>
        new(
            this,
            dtype,
            label,
            [
                .. shapes.Select(s => Draw.Normal(s)),
                Draw.Constant(1.0 / 1024, DType.Float32, 1),
                Draw.Constant(found, DType.Float32, 1),
            ]
        );

    private OpCase NotFinite(double value, long at)
    {
        var plain = Case(DType.Float32, System.FormattableString.Invariant($"value={value},at={at}"), 0, [40], [1031]);
        return plain with
        {
            Inputs =
            [
                plain.Inputs[0],
                plain.Inputs[1]! with
                {
                    Map = (i, drawn) => i == at ? value : drawn,
                },
                .. plain.Inputs.Skip(2),
            ],
        };
    }
}
