namespace CudaNet;

/// <summary>
/// A loss of corresponding elements and its reduction, made of simpler ops. Subclasses say what one element's loss is, and which ops give
/// it. All inputs have one shape: nothing is broadcast, because it is seldom meant.
/// </summary>
internal abstract class ElementwiseLossOp(string name, string inputs, string attributes = "")
    : Op(name, $"{inputs}; reduction: none|mean|sum = mean{attributes} -> output")
{
    /// <summary>Attribute values behind the reduction, with the label that a case has by them.</summary>
    protected readonly record struct Setting(string Label, params AttributeValue[] Values);

    public override OpKind Kind => OpKind.Composition;

    /// <summary>The settings that cases run; the first one has the most.</summary>
    protected virtual IReadOnlyList<Setting> Settings { get; } = [new("")];

    /// <summary>How a case draws its inputs.</summary>
    protected virtual CaseInput[] Inputs(long[] shape) => [.. Signature.Inputs.Select(_ => Draw.Normal(shape))];

    /// <summary>The loss of one element of each input, and the sizes of the terms that it is summed from.</summary>
    protected abstract (double Loss, double Magnitude) Element(ReadOnlySpan<double> inputs, Attributes attributes);

    /// <summary>The loss of each element, in the accumulator's dtype.</summary>
    protected abstract Tensor Elements(ReadOnlySpan<Tensor> inputs, Attributes attributes);

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        foreach (var input in call.Inputs)
            if (!input!.Shape.Equals(call.Input(0).Shape))
                throw call.ShapeError(
                    $"expected {string.Join(", ", Signature.Inputs.Select(i => i.Name))} of one shape; "
                        + "nothing is broadcast, because it is seldom meant"
                );
        var none = (Reduction)call.Attributes.Int(0) == Reduction.None;
        outputs[0] = new(none ? call.Input(0).Shape : Shape.Scalar, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var y = call.Output();
        var reduction = (Reduction)call.Attributes.Int(0);
        var n = call.Input(0).Shape.NumElements;
        var scale = reduction == Reduction.Mean ? 1.0 / n : 1;
        Span<double> values = stackalloc double[Signature.Inputs.Count];
        for (long i = 0; i < n; i++)
        {
            for (var k = 0; k < values.Length; k++)
                values[k] = call.Input(k)[i];
            var (loss, magnitude) = Element(values, call.Attributes);
            var at = reduction == Reduction.None ? i : 0;
            y[at] += scale * loss;
            y.Magnitude[at] += scale * magnitude;
        }
        if (n == 0 && reduction == Reduction.Mean)
            y[0] = double.NaN;
        y.Terms = reduction == Reduction.None ? 1 : Math.Max(n, 1);
    }

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        // No shape rule runs before a composition, and its ops would broadcast.
        Infer(new OpCall(this, inputs, attributes), new TensorSpec[1]);
        var dtype = inputs[0]!.DType;
        var wide = new Tensor[inputs.Length];
        for (var k = 0; k < wide.Length; k++)
            wide[k] = inputs[k]!.Cast(dtype.Accumulator);
        return [Losses.Reduce(Elements(wide, attributes), (Reduction)attributes.Int(0)).Cast(dtype)];
    }

    public override double Flops(in OpCall call) => 3.0 * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var reduction in Enum.GetValues<Reduction>())
        {
            foreach (var dtype in CaseSizes.Floating)
            {
                foreach (var n in CaseSizes.Lengths.Where(n => n > 0))
                    yield return Case(dtype, reduction, Settings[0], n);
                foreach (var layout in Enum.GetValues<CaseLayout>())
                    yield return Case(dtype, reduction, Settings[0], 13, 29).With(layout);
                foreach (var setting in Settings.Skip(1))
                    yield return Case(dtype, reduction, setting, 257);
            }
            foreach (var setting in Settings)
                yield return Case(DType.Float64, reduction, setting, 2, 3) with
                {
                    CheckGradient = true,
                };
        }
        yield return Case(DType.Float32, Reduction.Mean, Settings[0], 1048576) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, Reduction reduction, Setting setting, params long[] shape)
    {
        var word = reduction.ToString().ToLowerInvariant();
        return new(
            this,
            dtype,
            $"shape={string.Join('x', shape)},reduction={word}{(setting.Label == "" ? "" : $",{setting.Label}")}",
            Inputs(shape),
            Attributes.Of([(long)reduction, .. setting.Values ?? []])
        );
    }
}
