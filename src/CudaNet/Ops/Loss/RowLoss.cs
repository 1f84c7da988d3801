namespace CudaNet;

/// <summary>
/// A loss of corresponding rows, the last axes of tensors of one shape, and its reduction; made of simpler ops. Nothing is broadcast, because it is
/// seldom meant.
/// </summary>
internal abstract class RowLossOp(string name, string inputs, string attributes = "")
    : Op(name, $"{inputs}; reduction: none|mean|sum = mean{attributes} -> output")
{
    /// <summary>Attribute values behind the reduction, with the label that a case has by them.</summary>
    protected readonly record struct Setting(string Label, params AttributeValue[] Values);

    /// <summary>One row of every input; of one that has a number per row, that number.</summary>
    protected readonly ref struct RowValues(ReferenceCall call, long row, int width)
    {
        /// <summary>The row of an input.</summary>
        public ReadOnlySpan<double> this[int input]
        {
            get
            {
                var values = call.Input(input).Values;
                return values.Length == call.Input(0).Values.Length
                    ? values.AsSpan((int)row * width, width)
                    : values.AsSpan((int)row, 1);
            }
        }
    }

    public override OpKind Kind => OpKind.Composition;

    /// <summary>Whether the last input has one number per row instead of a row.</summary>
    protected virtual bool HasTargetPerRow => false;

    /// <summary>The settings that cases run; the first one has the most.</summary>
    protected virtual IReadOnlyList<Setting> Settings { get; } = [new("")];

    /// <summary>How a case draws an input.</summary>
    protected virtual CaseInput Input(int index, long[] shape) => Draw.Normal(shape);

    /// <summary>The loss of one row, and the sizes of the terms that it is computed from.</summary>
    protected abstract (double Loss, double Magnitude) Row(RowValues inputs, Attributes attributes);

    /// <summary>The loss of each row, in the accumulator's dtype.</summary>
    protected abstract Tensor Rows(ReadOnlySpan<Tensor> inputs, Attributes attributes);

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var shape = call.Input(0).Shape;
        if (shape.Rank == 0)
            throw call.ShapeError("expected at least one axis: the last one is what a loss is computed of");
        var rows = new Shape(shape.Dims[..^1]);
        for (var k = 1; k < call.Inputs.Length; k++)
        {
            var expected = HasTargetPerRow && k == call.Inputs.Length - 1 ? rows : shape;
            if (!call.Input(k).Shape.Equals(expected))
                throw call.ShapeError(
                    $"expected {Signature.Inputs[k].Name} of shape {expected}; nothing is broadcast, because it is seldom meant"
                );
        }
        outputs[0] = new((Reduction)call.Attributes.Int(0) == Reduction.None ? rows : Shape.Scalar, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var y = call.Output();
        var reduction = (Reduction)call.Attributes.Int(0);
        var shape = call.Input(0).Shape;
        var width = (int)shape[shape.Rank - 1];
        var n = new Shape(shape.Dims[..^1]).NumElements;
        var scale = reduction == Reduction.Mean ? 1.0 / n : 1;
        for (long row = 0; row < n; row++)
        {
            var (loss, magnitude) = Row(new RowValues(call, row, width), call.Attributes);
            var at = reduction == Reduction.None ? row : 0;
            y[at] += scale * loss;
            y.Magnitude[at] += scale * magnitude;
        }
        if (n == 0 && reduction == Reduction.Mean)
            y[0] = double.NaN;
        y.Terms = Math.Max(width, 1) * (reduction == Reduction.None ? 1 : Math.Max(n, 1));
    }

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        // No shape rule runs before a composition, and its ops would broadcast.
        Infer(new OpCall(this, inputs, attributes), new TensorSpec[1]);
        var dtype = inputs[0]!.DType;
        var wide = new Tensor[inputs.Length];
        for (var k = 0; k < wide.Length; k++)
            wide[k] = inputs[k]!.Cast(dtype.Accumulator);
        return [Losses.Reduce(Rows(wide, attributes), (Reduction)attributes.Int(0)).Cast(dtype)];
    }

    public override double Flops(in OpCall call) => 3.0 * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var reduction in Enum.GetValues<Reduction>())
        {
            foreach (var dtype in CaseSizes.Floating)
            {
                foreach (var n in CaseSizes.Lengths.Where(n => n > 0))
                    yield return Case(dtype, reduction, Settings[0], 3, n);
                yield return Case(dtype, reduction, Settings[0], 7);
                foreach (var layout in Enum.GetValues<CaseLayout>())
                    yield return Case(dtype, reduction, Settings[0], 13, 29).With(layout);
                foreach (var setting in Settings.Skip(1))
                    yield return Case(dtype, reduction, setting, 5, 7, 31);
            }
            foreach (var setting in Settings)
                yield return Case(DType.Float64, reduction, setting, 3, 4) with
                {
                    CheckGradient = true,
                };
        }
        yield return Case(DType.Float32, Reduction.Mean, Settings[0], 4096, 256) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, Reduction reduction, Setting setting, params long[] shape)
    {
        var word = reduction.ToString().ToLowerInvariant();
        var last = Signature.Inputs.Count - 1;
        return new(
            this,
            dtype,
            $"shape={string.Join('x', shape)},reduction={word}{(setting.Label == "" ? "" : $",{setting.Label}")}",
            [.. Signature.Inputs.Select((_, k) => Input(k, HasTargetPerRow && k == last ? shape[..^1] : shape))],
            Attributes.Of([(long)reduction, .. setting.Values ?? []])
        );
    }
}
