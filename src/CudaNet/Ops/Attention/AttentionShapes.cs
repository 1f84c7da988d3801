namespace CudaNet;

/// <summary>
/// The extents of an attention: query (…, H, L, E), key (…, Hk, S, E), value (…, Hk, S, Ev). An item is one matrix of the query; H / Hk of
/// them in a row share a matrix of key and value. Without an axis of heads there is one head.
/// </summary>
internal readonly record struct AttentionShapes(
    Shape Leading,
    long Items,
    long Group,
    long Queries,
    long Keys,
    long Size,
    long ValueSize
)
{
    /// <summary>Dropout draws rows of whole Philox counters, so that the weights of four neighbouring keys share one.</summary>
    public const int Lanes = 4;

    /// <summary>How many matrices key and value have.</summary>
    public long KeyItems => Items / Group;

    /// <summary>Counters for each row of weights.</summary>
    public long CountersPerRow => (Keys + Lanes - 1) / Lanes;

    /// <summary>All counters that the dropout of one call takes.</summary>
    public long Counters => Items * Queries * CountersPerRow;

    /// <summary>(…, H, L).</summary>
    public Shape Rows => new([.. Leading.Dims, Queries]);

    /// <summary>(…, H, L, S): what is never in memory.</summary>
    public Shape Scores => new([.. Leading.Dims, Queries, Keys]);

    public static AttentionShapes Of(Shape query, Shape key, Shape value)
    {
        var leading = new Shape(query.Dims[..^2]);
        var group = query.Rank > 2 && key.Rank > 2 && key[-3] != 0 ? query[-3] / key[-3] : 1;
        return new(leading, leading.NumElements, group, query[-2], key[-2], query[-1], value[-1]);
    }

    /// <summary>Checks the inputs of a call, the first of which, query, has the number <paramref name="at"/>.</summary>
    public static AttentionShapes Require(in OpCall call, int at)
    {
        call.RequireFloating(at, at + 2);
        var (query, key, value) = (call.Input(at).Shape, call.Input(at + 1).Shape, call.Input(at + 2).Shape);
        if (query.Rank < 2 || key.Rank != query.Rank || value.Rank != query.Rank)
            throw call.ShapeError(
                "expected query (…, H, L, E), key (…, Hk, S, E) and value (…, Hk, S, Ev), all of one rank, at least 2"
            );
        if (key[-1] != query[-1] || query[-1] == 0)
            throw call.ShapeError("query and key must have one head size E, at least 1");
        if (key[-2] != value[-2] || !key.Dims[..^2].SequenceEqual(value.Dims[..^2]))
            throw call.ShapeError("key and value must agree in all axes but the last");
        if (query.Rank > 2)
        {
            if (!query.Dims[..^3].SequenceEqual(key.Dims[..^3]))
                throw call.ShapeError(
                    "query, key and value must agree in the axes before the heads; nothing is broadcast there, use Expand"
                );
            var (heads, keyHeads) = (query[-3], key[-3]);
            if (heads != keyHeads && (keyHeads == 0 || heads % keyHeads != 0))
                throw call.ShapeError(
                    $"the {heads} heads of the query must be a multiple of key's and value's {keyHeads}"
                );
        }
        var shapes = Of(query, key, value);
        RequireMask(call, at, shapes);
        RequireLengths(call, at, shapes);
        var p = call.Attributes.Float(AttentionAttributes.Dropout);
        BernoulliOp.RequireProbability(call.Op.Name, p);
        if (call.Has(at + 5))
        {
            RandomOp.RequireState(call, at + 5);
            RequireDense(call, at + 5);
        }
        else if (p > 0)
            throw new AttributeException(
                $"{call.Describe()}: dropout_p = {p} needs the input 'state'; Generator.DeviceState makes it"
            );
        return shapes;
    }

    private static void RequireMask(in OpCall call, int at, AttentionShapes shapes)
    {
        if (!call.Has(at + 3))
            return;
        var mask = call.Input(at + 3);
        if (mask.DType != DType.Bool && mask.DType != call.Input(at).DType)
            throw call.DTypeError(
                "expected an attn_mask of dtype bool, true = attend, or of the query's dtype, to be added"
            );
        if (Shape.Broadcast(mask.Shape, shapes.Scores)?.Equals(shapes.Scores) != true)
            throw call.ShapeError($"attn_mask must broadcast to (…, H, L, S) = {shapes.Scores}");
    }

    private static void RequireLengths(in OpCall call, int at, AttentionShapes shapes)
    {
        if (!call.Has(at + 4))
            return;
        var lengths = call.Input(at + 4);
        if (lengths.DType != DType.Int64)
            throw call.DTypeError("expected key_lengths of dtype i64; convert with Cast(DType.Int64)");
        var rank = lengths.Rank;
        if (rank > shapes.Leading.Rank || !lengths.Shape.Dims.SequenceEqual(shapes.Leading.Dims[..rank]))
            throw call.ShapeError(
                $"key_lengths must have the first axes of {shapes.Leading}: one length for each sequence, or for each head"
            );
        RequireDense(call, at + 4);
    }

    public static void RequireDense(in OpCall call, int input)
    {
        if (!call.Input(input).IsContiguous)
            throw call.ShapeError($"expected a contiguous {call.Op.Signature.Inputs[input].Name}; use Contiguous()");
    }
}

/// <summary>The attributes that both directions have.</summary>
internal static class AttentionAttributes
{
    public const string Text = "is_causal: bool = false, dropout_p: float = 0, scale: float = nan, offset: int = 0";
    public const int Causal = 0;
    public const int Dropout = 1;
    public const int Scale = 2;
    public const int Offset = 3;

    /// <summary>What scores are multiplied by; NaN stands for 1/√E.</summary>
    public static double ScaleOf(Attributes attributes, long size)
    {
        var scale = attributes.Float(Scale);
        return double.IsNaN(scale) ? 1 / Math.Sqrt(size) : scale;
    }
}
