namespace CudaNet;

/// <summary>What the cells of recurrent layers share: (batch, units) states, and (batch, count · units) rows of gates.</summary>
internal static class CellRules
{
    /// <summary>The shape of a state, known to be a matrix.</summary>
    public static Shape RequireState(in OpCall call, int input)
    {
        var shape = call.Input(input).Shape;
        if (shape.Rank != 2)
            throw call.ShapeError($"{call.Op.Signature.Inputs[input].Name} must be (batch, units)");
        return shape;
    }

    /// <summary>Throws unless an input, where it is given, is (batch, count · units).</summary>
    public static void RequireGates(in OpCall call, int input, Shape state, int count)
    {
        if (call.Has(input) && !call.Input(input).Shape.Equals(new Shape(state[0], count * state[1])))
            throw call.ShapeError(
                $"{call.Op.Signature.Inputs[input].Name} must be ({state[0]}, {count * state[1]}) beside a state {state}"
            );
    }

    /// <summary>The units of a batch.</summary>
    public static IEnumerable<StepPlace> Places(ReferenceTensor state)
    {
        var units = state.Shape[1];
        for (long at = 0; at < state.Shape.NumElements; at++)
            yield return new(at / units, 0, at, at % units, units, true);
    }

    /// <summary>The case list of a cell.</summary>
    /// <param name="op">The op.</param>
    /// <param name="widths">The width of each input in units, given whether the optional one is there; 0 leaves it out.</param>
    /// <param name="optional">The position of the optional input, or −1.</param>
    /// <param name="kind">How values are drawn.</param>
    /// <param name="low">See <see cref="DrawKind"/>.</param>
    /// <param name="high">See <see cref="DrawKind"/>.</param>
    public static IEnumerable<OpCase> Cases(
        Op op,
        Func<bool, int[]> widths,
        int optional,
        DrawKind kind,
        double low,
        double high
    )
    {
        OpCase Case(DType dtype, long batch, long units, bool extra) =>
            new(
                op,
                dtype,
                $"batch={batch},units={units}{(optional >= 0 && !extra ? $",{op.Signature.Inputs[optional].Name}=no" : "")}",
                [
                    .. widths(extra)
                        .Select(width => width == 0 ? null : new CaseInput([batch, width * units], kind, low, high)),
                ]
            );
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (
                var (batch, units) in new (long, long)[]
                {
                    (0, 5),
                    (3, 0),
                    (1, 1),
                    (2, 15),
                    (3, 16),
                    (5, 33),
                    (1, 256),
                    (3, 257),
                }
            )
                yield return Case(dtype, batch, units, extra: true);
            if (optional >= 0)
                yield return Case(dtype, 3, 17, extra: false);
            foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
                yield return Case(dtype, 3, 19, extra: true).With(layout);
        }
        yield return Case(DType.Float64, 2, 2, extra: true) with
        {
            CheckGradient = true,
        };
        if (optional >= 0)
            yield return Case(DType.Float64, 2, 2, extra: false) with
            {
                CheckGradient = true,
            };
        yield return Case(DType.Float32, 128, 512, extra: false) with
        {
            IsBenchmark = true,
        };
    }
}
