namespace CudaNet;

/// <summary>What both directions of a coupling layer agree on.</summary>
internal static class CouplingRules
{
    /// <summary>Checks shapes and attributes; gives the shape of the input.</summary>
    public static Shape Require(in OpCall call, int input, ReadOnlySpan<int> like, int mask, double bound)
    {
        var shape = call.Input(input).Shape;
        if (shape.Rank == 0)
            throw call.ShapeError("expected an input whose first axis counts samples");
        foreach (var i in like)
            if (call.Has(i) && !call.Input(i).Shape.Equals(shape))
                throw call.ShapeError(
                    $"expected {call.Op.Signature.Inputs[i].Name} with the input's shape {shape}; nothing is broadcast"
                );
        if (
            call.Has(mask)
            && (call.Input(mask).DType != DType.Bool || !call.Input(mask).Shape.Dims.SequenceEqual(shape.Dims[1..]))
        )
            throw call.ShapeError(
                "expected a mask of dtype bool with the shape of one sample, the input's without axis 0"
            );
        if (!(bound >= 0 && double.IsFinite(bound)))
            throw new AttributeException($"{call.Describe()}: expected a finite bound ≥ 0, got {bound}");
        return shape;
    }

    /// <summary>The elements of one sample.</summary>
    public static long SampleLength(Shape shape) => new Shape(shape.Dims[1..]).NumElements;

    /// <summary>s and ds / d(log_scale).</summary>
    public static (double S, double Slope) Scale(double logScale, double bound)
    {
        if (bound == 0)
            return (logScale, 1);
        var th = Math.Tanh(logScale / bound);
        return (bound * th, 1 - th * th);
    }

    /// <summary>The same s from ops.</summary>
    public static Tensor Scale(Tensor logScale, double bound) =>
        bound == 0 ? logScale : logScale.Affine(1 / bound).Tanh().Affine(bound);
}

/// <summary>The sizes at which both directions are checked.</summary>
internal static class CouplingCases
{
    public static IEnumerable<OpCase> For(Op op, Func<DType, long[], bool, bool, CaseInput?[]> inputs)
    {
        OpCase Case(DType dtype, double bound, bool inverse, bool isMasked, params long[] shape) =>
            new(
                op,
                dtype,
                System.FormattableString.Invariant(
                    $"shape={string.Join('x', shape)},bound={bound},inverse={Word(inverse)},mask={Word(isMasked)}"
                ),
                inputs(dtype, shape, isMasked, true),
                Attributes.Of(bound, inverse)
            );
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (
                var (rows, cols) in new (long, long)[]
                {
                    (0, 5),
                    (3, 0),
                    (1, 1),
                    (300, 3),
                    (7, 31),
                    (6, 33),
                    (5, 513),
                    (3, 1031),
                    (2, 16400),
                }
            )
                yield return Case(dtype, 0, false, false, rows, cols);
            foreach (var inverse in new[] { false, true })
            {
                yield return Case(dtype, 2, inverse, true, 3, 5, 7, 2);
                yield return Case(dtype, 1.5, inverse, true, 3, 3, 16, 16);
                yield return Case(dtype, 0, inverse, true, 4);
                foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
                    yield return Case(dtype, inverse ? 1.5 : 0, inverse, inverse, 3, 4, 67).With(layout);
                yield return Case(dtype, 0, inverse, true, 2, 3, 264).With(CaseLayout.Offset);
            }
            yield return Case(dtype, 0, true, false, 2, 1032);
        }
        // Each tensor in a layout of its own, so that none can be read by the strides of another.
        CaseLayout[] layouts =
        [
            CaseLayout.Transposed,
            CaseLayout.Strided,
            CaseLayout.Contiguous,
            CaseLayout.Transposed,
        ];
        var mixed = Case(DType.Float32, 0, false, false, 3, 4, 6);
        yield return mixed with
        {
            Inputs =
            [
                .. mixed.Inputs.Select(
                    (input, i) => input?.Shape.Rank == 3 ? input with { Layout = layouts[i] } : input
                ),
            ],
        };
        foreach (var inverse in new[] { false, true })
        {
            if (op is AffineCouplingOp)
                foreach (var isMasked in new[] { false, true })
                {
                    var additive = $"shape=3x4x5,additive,inverse={Word(inverse)},mask={Word(isMasked)}";
                    foreach (var dtype in CaseSizes.Floating)
                        yield return new OpCase(
                            op,
                            dtype,
                            additive,
                            inputs(dtype, [3, 4, 5], isMasked, false),
                            Attributes.Of(0.0, inverse)
                        )
                        {
                            CheckGradient = dtype == DType.Float64,
                        };
                }
            foreach (var bound in new[] { 0, 1.5 })
                yield return Case(DType.Float64, bound, inverse, bound > 0, 2, 3) with
                {
                    CheckGradient = true,
                };
        }
        yield return Case(DType.Float32, 2, false, false, 64, 48, 16, 16) with
        {
            IsBenchmark = true,
        };
    }

    private static string Word(bool value) => value ? "yes" : "no";
}
