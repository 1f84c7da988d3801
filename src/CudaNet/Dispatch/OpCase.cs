namespace CudaNet;

/// <summary>How the values of a case's input are drawn from the seeded counter RNG.</summary>
public enum DrawKind
{
    /// <summary>Normal with mean <c>Low</c> and standard deviation <c>High</c>.</summary>
    Normal,

    /// <summary>Uniform on [Low, High).</summary>
    Uniform,

    /// <summary>Whole numbers from Low to High − 1.</summary>
    Integers,

    /// <summary>Uniform on ±[Low, High): stays away from zero, where some ops have a kink.</summary>
    SignedAway,

    /// <summary>Distinct values in random order: no ties within a tensor.</summary>
    Distinct,

    /// <summary>All equal to Low.</summary>
    Constant,
}

/// <summary>How a case's input lies in memory.</summary>
public enum CaseLayout
{
    /// <summary>C order.</summary>
    Contiguous,

    /// <summary>Every second element of a larger tensor's last axis.</summary>
    Strided,

    /// <summary>The last two axes swapped.</summary>
    Transposed,

    /// <summary>C order, but not at the beginning of its storage, so that vector loads are not aligned.</summary>
    Offset,

    /// <summary>Expanded along the first axis, with stride 0.</summary>
    Broadcast,

    /// <summary>The first columns of a wider matrix, whose rows begin at multiples of 16 bytes.</summary>
    Padded,
}

/// <summary>One input of a case.</summary>
/// <param name="Shape">The extents.</param>
/// <param name="Kind">How values are drawn.</param>
/// <param name="Low">See <see cref="DrawKind"/>.</param>
/// <param name="High">See <see cref="DrawKind"/>.</param>
public sealed record CaseInput(Shape Shape, DrawKind Kind = DrawKind.Normal, double Low = 0, double High = 1)
{
    /// <summary>The dtype, where it is not the case's.</summary>
    public DType? DType { get; init; }

    /// <summary>How it lies in memory.</summary>
    public CaseLayout Layout { get; init; }

    /// <summary>Whether it lies with the channels last in memory, instead of in a <see cref="Layout"/>.</summary>
    public bool IsChannelsLast { get; init; }

    /// <summary>Makes the element at a position, in C order, from what was drawn for it: for elements that must fit their place.</summary>
    public Func<long, double, double>? Map { get; init; }

    /// <summary>Whether gradients with respect to it are checked (floating dtypes only).</summary>
    public bool Differentiate { get; init; } = true;
}

/// <summary>Short names for drawing inputs in case lists.</summary>
public static class Draw
{
    /// <summary>Standard normal values.</summary>
    public static CaseInput Normal(params long[] shape) => new(shape);

    /// <summary>Uniform values.</summary>
    public static CaseInput Uniform(double low, double high, params long[] shape) =>
        new(shape, DrawKind.Uniform, low, high);

    /// <summary>Values on ±[low, high).</summary>
    public static CaseInput Away(double low, double high, params long[] shape) =>
        new(shape, DrawKind.SignedAway, low, high);

    /// <summary>Values without ties.</summary>
    public static CaseInput Distinct(params long[] shape) => new(shape, DrawKind.Distinct);

    /// <summary>Indices below <paramref name="bound"/>, i64.</summary>
    public static CaseInput Indices(long bound, params long[] shape) =>
        new(shape, DrawKind.Integers, 0, bound) { DType = CudaNet.DType.Int64 };

    /// <summary>Random booleans.</summary>
    public static CaseInput Bools(params long[] shape) =>
        new(shape, DrawKind.Integers, 0, 2) { DType = CudaNet.DType.Bool };

    /// <summary>One value everywhere, of a dtype of its own.</summary>
    public static CaseInput Constant(double value, DType dtype, params long[] shape) =>
        new(shape, DrawKind.Constant, value) { DType = dtype, Differentiate = false };
}

/// <summary>One case of an op: the inputs to draw, the attributes, and what is done with it.</summary>
public sealed record OpCase
{
    /// <summary>A case; <paramref name="label"/> tells its sizes: <c>rows=113,cols=203</c>.</summary>
    public OpCase(Op op, DType dtype, string label, CaseInput?[] inputs, Attributes attributes = default)
    {
        Op = op;
        DType = dtype;
        Label = label;
        Inputs = inputs;
        Attributes = attributes;
    }

    /// <summary>The op.</summary>
    public Op Op { get; }

    /// <summary>The dtype of the inputs that name none.</summary>
    public DType DType { get; }

    /// <summary>The sizes in words.</summary>
    public string Label { get; }

    /// <summary>The inputs; null where an optional one is left out.</summary>
    public IReadOnlyList<CaseInput?> Inputs { get; init; }

    /// <summary>The attributes.</summary>
    public Attributes Attributes { get; }

    /// <summary>Whether first and second derivatives are proven with it; on for small f64 cases.</summary>
    public bool CheckGradient { get; init; }

    /// <summary>Whether its inputs are small integers whose result every dtype holds exactly, so that outputs are compared bit by bit.</summary>
    public bool IsExact { get; init; }

    /// <summary>Whether it is a size for benchmarks, too large for everyday checks.</summary>
    public bool IsBenchmark { get; init; }

    /// <summary>The name by which it is replayed: <c>layer_norm(dtype=bf16,rows=113,cols=203,layout=strided)</c>.</summary>
    public string Name
    {
        get
        {
            var layout = Inputs.FirstOrDefault(i => i is { Layout: not CaseLayout.Contiguous })?.Layout;
            if (Inputs.Any(i => i is { IsChannelsLast: true }))
                return $"{Op.Name}(dtype={DType.Name},{Label},layout=channels_last)";
            var tail = layout is null ? "" : $",layout={layout.ToString()!.ToLowerInvariant()}";
            return $"{Op.Name}(dtype={DType.Name}{(Label.Length > 0 ? "," : "")}{Label}{tail})";
        }
    }

    /// <summary>The same case with the floating inputs in another layout.</summary>
    public OpCase With(CaseLayout layout) =>
        this with
        {
            Inputs = [.. Inputs.Select(i => i is null || !CanHave(i, layout) ? i : i with { Layout = layout })],
        };

    private static bool CanHave(CaseInput input, CaseLayout layout) =>
        layout switch
        {
            CaseLayout.Transposed => input.Shape.Rank >= 2,
            CaseLayout.Strided or CaseLayout.Broadcast or CaseLayout.Padded => input.Shape.Rank >= 1,
            _ => true,
        };

    /// <inheritdoc/>
    public override string ToString() => Name;
}
