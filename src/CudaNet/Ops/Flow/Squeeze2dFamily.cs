namespace CudaNet;

/// <summary>What both directions of squeezing share: blocks of factor × factor positions against channels.</summary>
internal abstract class Squeeze2dFamilyOp(string name) : Op(name, "input; factor: int = 2 -> output")
{
    internal override CpuKernel Cpu => CpuSqueeze2d.Run;

    public override bool IsExact => true;

    /// <summary>Whether blocks of positions become channels.</summary>
    internal abstract bool IsSqueeze { get; }

    protected static long Factor(in OpCall call)
    {
        var factor = call.Attributes.Int(0);
        if (factor < 1)
            throw new AttributeException($"{call.Describe()}: expected a factor ≥ 1, got {factor}");
        if (call.Input(0).Rank < 3)
            throw call.ShapeError("expected an input (…, channels, height, width)");
        return factor;
    }

    /// <summary>
    /// The squeezed tensor's element (c·f² + i·f + j, y, x) is the other one's (c, y·f + i, x·f + j): the axes (…, c, y, i, x, j) of that one
    /// in the order (…, c, i, j, y, x).
    /// </summary>
    internal static (long[] Wide, int[] Order) Axes(Shape squeezed, long factor)
    {
        var (leading, rank) = (squeezed.Dims[..^3].ToArray(), squeezed.Rank - 3);
        var (channels, height, width) = (squeezed[-3] / (factor * factor), squeezed[-2], squeezed[-1]);
        int[] order = [.. Enumerable.Range(0, rank), rank, rank + 2, rank + 4, rank + 1, rank + 3];
        return ([.. leading, channels, height, factor, width, factor], order);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, y, f) = (call.Input(), call.Output(), call.Attributes.Int(0));
        var squeezed = IsSqueeze ? y : x;
        var (channels, height, width) = (squeezed.Shape[-3] / (f * f), squeezed.Shape[-2], squeezed.Shape[-1]);
        for (long at = 0; at < squeezed.Shape.NumElements; at++)
        {
            var (column, row) = (at % width, at / width % height);
            var (j, i) = (at / (width * height) % f, at / (width * height * f) % f);
            var plane = at / (width * height * f * f); // of all samples
            var wide = (plane * height * f + row * f + i) * width * f + column * f + j;
            if (IsSqueeze)
                y[at] = x[wide];
            else
                y[wide] = x[at];
        }
    }

    public override double Flops(in OpCall call) => 0;

    /// <summary>The shape of a case's input whose squeezed form is given.</summary>
    protected abstract long[] InputShape(long[] squeezed, long factor);

    public override IEnumerable<OpCase> Cases()
    {
        OpCase Case(DType dtype, long factor, params long[] squeezed)
        {
            var shape = InputShape(squeezed, factor);
            return new(
                this,
                dtype,
                $"shape={string.Join('x', shape)},factor={factor}",
                [CaseSizes.Draw(dtype, shape)],
                Attributes.Of(factor)
            );
        }
        foreach (var dtype in DTypes.All)
        {
            yield return Case(dtype, 2, 2, 12, 3, 5);
            yield return Case(dtype, 2, 2, 4, 3, 8);
            yield return Case(dtype, 3, 18, 2, 3);
        }
        foreach (var dtype in new[] { DType.Float32, DType.BFloat16, DType.UInt8 })
        {
            yield return Case(dtype, 2, 0, 4, 3, 5);
            yield return Case(dtype, 2, 3, 4, 0, 5);
            yield return Case(dtype, 1, 2, 3, 4, 5);
            yield return Case(dtype, 2, 1, 4, 1, 1);
            yield return Case(dtype, 2, 2, 8, 17, 16);
            yield return Case(dtype, 4, 1, 32, 3, 16);
            foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
                yield return Case(dtype, 2, 3, 4, 2, 16).With(layout);
        }
        yield return Case(DType.Float64, 2, 1, 4, 1, 2) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float32, 2, 64, 48, 16, 16) with
        {
            IsBenchmark = true,
        };
    }
}
