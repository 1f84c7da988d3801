namespace CudaNet;

internal sealed class MseLossOp() : Op("mse_loss", "input, target; reduction: none|mean|sum = mean -> output")
{
    public static readonly MseLossOp Instance = new();

    public override OpKind Kind => OpKind.Composition;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        if (!call.Input(0).Shape.Equals(call.Input(1).Shape))
            throw call.ShapeError(
                "expected input and target of one shape; nothing is broadcast, because it is seldom meant"
            );
        var none = (Reduction)call.Attributes.Int(0) == Reduction.None;
        outputs[0] = new(none ? call.Input(0).Shape : Shape.Scalar, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, target, y) = (call.Input(0), call.Input(1), call.Output());
        var reduction = (Reduction)call.Attributes.Int(0);
        var n = x.Shape.NumElements;
        var scale = reduction == Reduction.Mean ? 1.0 / n : 1;
        for (long i = 0; i < n; i++)
        {
            var at = reduction == Reduction.None ? i : 0;
            var (difference, size) = (x[i] - target[i], Math.Abs(x[i]) + Math.Abs(target[i]));
            y[at] += scale * difference * difference;
            y.Magnitude[at] += scale * size * size;
        }
        if (n == 0 && reduction == Reduction.Mean)
            y[0] = double.NaN;
        y.Terms = reduction == Reduction.None ? 1 : Math.Max(n, 1);
    }

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        // No shape rule runs before a composition, and a subtraction would broadcast.
        Infer(new OpCall(this, inputs, attributes), new TensorSpec[1]);
        var dtype = inputs[0]!.DType;
        var difference = inputs[0]!.Cast(dtype.Accumulator).Sub(inputs[1]!.Cast(dtype.Accumulator));
        var squares = difference.Mul(difference);
        var loss = (Reduction)attributes.Int(0) switch
        {
            Reduction.None => squares,
            Reduction.Sum => squares.Sum(),
            _ => squares.Mean(),
        };
        return [loss.Cast(dtype)];
    }

    public override double Flops(in OpCall call) => 3.0 * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var reduction in Enum.GetValues<Reduction>())
        {
            var word = reduction.ToString().ToLowerInvariant();
            OpCase Case(DType dtype, params long[] shape) =>
                new(
                    this,
                    dtype,
                    $"shape={string.Join('x', shape)},reduction={word}",
                    [Draw.Normal(shape), Draw.Normal(shape)],
                    Attributes.Of((long)reduction)
                );
            foreach (var dtype in CaseSizes.Floating)
            {
                foreach (var n in CaseSizes.Lengths.Where(n => n > 0))
                    yield return Case(dtype, n);
                foreach (var layout in Enum.GetValues<CaseLayout>())
                    yield return Case(dtype, 13, 29).With(layout);
            }
            yield return Case(DType.Float64, 2, 3) with
            {
                CheckGradient = true,
            };
        }
        yield return new OpCase(
            this,
            DType.Float32,
            "n=1048576,reduction=mean",
            [Draw.Normal(1048576), Draw.Normal(1048576)],
            Attributes.Of((long)Reduction.Mean)
        )
        {
            IsBenchmark = true,
        };
    }
}

/// <summary>The squared error.</summary>
public static class MseLossExtensions
{
    extension(Tensor input)
    {
        /// <summary>(input − target)², its mean over all elements, or its sum.</summary>
        /// <exception cref="ShapeException">The shapes differ; nothing is broadcast.</exception>
        public Tensor MseLoss(Tensor target, Reduction reduction = Reduction.Mean) =>
            MseLossOp.Instance.Apply([input, target], Attributes.Of((long)reduction));
    }
}
