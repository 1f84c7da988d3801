using CudaNet.Random;

namespace CudaNet;

/// <summary>What the textbook loops of both directions share: one row of scores at a time, with S of each, and what dropout makes of the
/// weights. Inputs are numbered from that of the query.</summary>
internal sealed class AttentionLoops
{
    private readonly ReferenceTensor _query;
    private readonly ReferenceTensor _key;
    private readonly ReferenceTensor? _mask;
    private readonly ReferenceTensor? _lengths;
    private readonly bool _causal;
    private readonly double _p;
    private readonly (ulong Seed, ulong First) _origin;

    public AttentionLoops(ReferenceCall call, int at)
    {
        (_query, _key) = (call.Input(at), call.Input(at + 1));
        (_mask, _lengths) = (call.InputOrNull(at + 3), call.InputOrNull(at + 4));
        Shapes = AttentionShapes.Of(_query.Shape, _key.Shape, call.Input(at + 2).Shape);
        Scale = AttentionAttributes.ScaleOf(call.Attributes, Shapes.Size);
        _causal = call.Attributes.Bool(AttentionAttributes.Causal);
        _p = call.Attributes.Float(AttentionAttributes.Dropout);
        if (_p > 0)
            _origin = RandomOp.Origin(call.Input(at + 5), call.Attributes.Int(AttentionAttributes.Offset));
        Scores = new double[Shapes.Keys];
        Sizes = new double[Shapes.Keys];
    }

    public AttentionShapes Shapes { get; }

    public double Scale { get; }

    /// <summary>The scores of the row, −∞ where a key is not seen.</summary>
    public double[] Scores { get; }

    /// <summary>S of the scores.</summary>
    public double[] Sizes { get; }

    /// <summary>Computes the scores of one query.</summary>
    public void Row(long item, long query)
    {
        var (size, keys) = (Shapes.Size, Shapes.Keys);
        var q = (item * Shapes.Queries + query) * size;
        for (long j = 0; j < keys; j++)
        {
            (Scores[j], Sizes[j]) = (double.NegativeInfinity, 0);
            if ((_causal && j > query) || j >= Length(item))
                continue;
            var k = (item / Shapes.Group * keys + j) * size;
            double sum = 0,
                absolute = 0;
            for (long e = 0; e < size; e++)
            {
                sum += _query[q + e] * _key[k + e];
                absolute += Math.Abs(_query[q + e] * _key[k + e]);
            }
            var added = Added(item, query, j);
            Scores[j] = sum * Scale + added;
            Sizes[j] = absolute * Math.Abs(Scale) + (double.IsFinite(added) ? Math.Abs(added) : 0);
        }
    }

    /// <summary>What dropout multiplies a weight by.</summary>
    public double Kept(long item, long query, long key)
    {
        if (_p == 0)
            return 1;
        var row = item * Shapes.Queries + query;
        var counter = row * Shapes.CountersPerRow + key / AttentionShapes.Lanes;
        var words = Philox.Block(_origin.Seed, _origin.First + (ulong)counter, 0);
        var uniform = Philox.ToFloat(RandomFormulas.Word(words, (int)(key % AttentionShapes.Lanes)));
        return uniform < _p ? 0 : DropoutOp.Scale(_p);
    }

    private long Length(long item) =>
        _lengths is null ? Shapes.Keys : (long)_lengths[item / (Shapes.Items / _lengths.Shape.NumElements)];

    /// <summary>The mask as a number that is added to the score.</summary>
    private double Added(long item, long query, long key)
    {
        if (_mask is null)
            return 0;
        var (own, all) = (_mask.Shape, Shapes.Scores);
        var at = (item * Shapes.Queries + query) * Shapes.Keys + key;
        long place = 0;
        for (var axis = 0; axis < own.Rank; axis++)
        {
            var outer = axis + all.Rank - own.Rank;
            place += own[axis] == 1 ? 0 : at / all.ContiguousStrides[outer] % all[outer] * own.ContiguousStrides[axis];
        }
        var value = _mask[place];
        return _mask.DType != DType.Bool ? value
            : value != 0 ? 0
            : double.NegativeInfinity;
    }
}

/// <summary>The pieces of attention in simple ops, on items in one axis and in the accumulator's dtype: what both directions equal.</summary>
internal readonly struct AttentionSteps
{
    private readonly AttentionShapes _shapes;
    private readonly Attributes _attributes;
    private readonly Tensor? _state;

    /// <param name="inputs">The inputs from the query on.</param>
    /// <param name="attributes">The attributes of the call.</param>
    public AttentionSteps(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (query, key, value) = (inputs[0]!, inputs[1]!, inputs[2]!);
        _shapes = AttentionShapes.Of(query.Shape, key.Shape, value.Shape);
        _attributes = attributes;
        _state = inputs[5];
        Scale = AttentionAttributes.ScaleOf(attributes, _shapes.Size);
        Accumulator = query.DType.Accumulator;
        Query = Matrices(query);
        Key = Repeated(key);
        Value = Repeated(value);
        Scores = MakeScores(inputs[3], inputs[4]);
    }

    public double Scale { get; }

    public DType Accumulator { get; }

    public Tensor Query { get; }

    /// <summary>Key, once for each head of the query.</summary>
    public Tensor Key { get; }

    /// <summary>Value, once for each head of the query.</summary>
    public Tensor Value { get; }

    /// <summary>(items, L, S), −∞ where a key is not seen.</summary>
    public Tensor Scores { get; }

    /// <summary>A tensor (…, rows, columns) as (items, rows, columns).</summary>
    public Tensor Matrices(Tensor tensor) =>
        tensor.Cast(Accumulator).Reshape(_shapes.Items, tensor.Shape[-2], tensor.Shape[-1]);

    /// <summary>A tensor (…, H, L) as a column for each item.</summary>
    public Tensor Columns(Tensor rows) => rows.Cast(Accumulator).Reshape(_shapes.Items, _shapes.Queries, 1);

    /// <summary>What dropout multiplies the weights by, drawn as the dropout op draws rows of whole counters; null without dropout.</summary>
    public Tensor? Kept()
    {
        var p = _attributes.Float(AttentionAttributes.Dropout);
        if (p == 0)
            return null;
        var ones = Tensor.Ones(
            [_shapes.Items, _shapes.Queries, _shapes.CountersPerRow * AttentionShapes.Lanes],
            Accumulator,
            Query.Device
        );
        return DropoutOp
            .Instance.Apply([ones, _state], Attributes.Of(p, _attributes.Int(AttentionAttributes.Offset)))
            .Narrow(2, 0, _shapes.Keys);
    }

    /// <summary>The sum over the heads that share a key, in the shape and dtype of <paramref name="like"/>.</summary>
    public Tensor Joined(Tensor gradient, Tensor like) =>
        gradient
            .Reshape(_shapes.KeyItems, _shapes.Group, like.Shape[-2], like.Shape[-1])
            .Sum(1)
            .Cast(like.DType)
            .Reshape(like.Shape);

    private Tensor Repeated(Tensor tensor)
    {
        var (rows, columns) = (tensor.Shape[-2], tensor.Shape[-1]);
        return tensor
            .Cast(Accumulator)
            .Reshape(_shapes.KeyItems, 1, rows, columns)
            .Expand(_shapes.KeyItems, _shapes.Group, rows, columns)
            .Reshape(_shapes.Items, rows, columns);
    }

    private Tensor MakeScores(Tensor? mask, Tensor? lengths)
    {
        var scores = Query.MatMul(Key.Transpose(-2, -1)).Affine(Scale);
        Shape shape = [_shapes.Items, _shapes.Queries, _shapes.Keys];
        if (mask is { DType.IsFloating: true })
            scores = scores.Add(mask.Cast(Accumulator).Expand(_shapes.Scores.Dims).Reshape(shape));
        Tensor? seen = mask is { DType: DType.Bool } ? mask.Expand(_shapes.Scores.Dims).Reshape(shape) : null;
        var keys = Tensor.Arange(_shapes.Keys, device: Query.Device);
        if (_attributes.Bool(AttentionAttributes.Causal))
        {
            var lower = keys.Le(Tensor.Arange(_shapes.Queries, device: Query.Device).Unsqueeze(1));
            seen = seen?.LogicalAnd(lower) ?? lower;
        }
        if (lengths is not null)
        {
            var count = lengths.NumElements;
            var inside = keys.Lt(lengths.Reshape(count, 1))
                .Reshape(count, 1, 1, _shapes.Keys)
                .Expand(count, _shapes.Items / Math.Max(count, 1), 1, _shapes.Keys)
                .Reshape(_shapes.Items, 1, _shapes.Keys);
            seen = seen?.LogicalAnd(inside) ?? inside;
        }
        return seen is null ? scores : Tensor.Where(seen, scores, double.NegativeInfinity);
    }
}
