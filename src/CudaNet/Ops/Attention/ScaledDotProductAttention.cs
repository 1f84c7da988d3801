namespace CudaNet;

/// <summary>
/// softmax(query · keyᵀ · scale + mask) · value (Vaswani et al. 2017), without ever holding the matrix of weights: the softmax is kept
/// running over blocks of keys (Milakov and Gimelshein 2018; Dao et al. 2022). The second output, log Σ exp of each row of scores, is
/// what the backward needs to compute the weights again.
/// </summary>
internal sealed class ScaledDotProductAttentionOp()
    : Op(
        "scaled_dot_product_attention",
        $"query, key, value, attn_mask?, key_lengths?, state?; {AttentionAttributes.Text} -> output, logsumexp"
    )
{
    public static readonly ScaledDotProductAttentionOp Instance = new();

    protected internal override bool AcceptsStrides => true;

    protected internal override Saved Saves => Saved.AllInputs.AndOutputs(0, 1);

    internal override CpuKernel? Cpu => CpuAttention.Forward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var shapes = AttentionShapes.Require(call, at: 0);
        var dtype = call.Input(0).DType;
        outputs[0] = new(new Shape([.. shapes.Rows.Dims, shapes.ValueSize]), dtype);
        outputs[1] = new(shapes.Rows, dtype.Accumulator);
    }

    public override void Reference(ReferenceCall call)
    {
        var (value, output, lse) = (call.Input(2), call.Output(0), call.Output(1));
        var loops = new AttentionLoops(call, at: 0);
        var shapes = loops.Shapes;
        for (long item = 0; item < shapes.Items; item++)
        for (long i = 0; i < shapes.Queries; i++)
        {
            loops.Row(item, i);
            var row = item * shapes.Queries + i;
            var stats = ExpSum.Of(loops.Scores);
            lse[row] = stats.Log;
            if (double.IsNegativeInfinity(stats.Max))
                continue;
            // An error of a score is one of its weight relative to it, and of the sum in proportion to the weight.
            double noise = 0;
            for (long j = 0; j < shapes.Keys; j++)
                noise += Weight(loops.Scores[j]) * Size(j);
            lse.Magnitude[row] = Math.Abs(stats.Max) + Math.Abs(Math.Log(stats.Sum)) + noise;
            for (long j = 0; j < shapes.Keys; j++)
            {
                var weight = Weight(loops.Scores[j]) * loops.Kept(item, i, j);
                if (weight == 0)
                    continue;
                var v = (item / shapes.Group * shapes.Keys + j) * shapes.ValueSize;
                for (long e = 0; e < shapes.ValueSize; e++)
                {
                    var at = row * shapes.ValueSize + e;
                    output[at] += weight * value[v + e];
                    output.Magnitude[at] += weight * Math.Abs(value[v + e]) * (Size(j) + noise);
                }
            }

            double Weight(double score) => Math.Exp(score - stats.Max) / stats.Sum;
            double Size(long j) =>
                double.IsNegativeInfinity(loops.Scores[j])
                    ? 0
                    : 1 + loops.Sizes[j] + Math.Abs(loops.Scores[j] - stats.Max);
        }
        output.Terms = lse.Terms = shapes.Size + shapes.Keys;
    }

    protected internal override void Backward(BackwardCall call)
    {
        // A gradient of the mask is as large as the matrix of weights, so it comes from the ops that have that matrix.
        if (call.Needs(3))
        {
            call.BackwardOfComposition();
            return;
        }
        var gradients = ScaledDotProductAttentionBackwardOp.Instance.ApplyAll(
            [
                call.GradOutput(0),
                call.HasGradOutput(1) ? call.GradOutput(1).Contiguous() : null,
                call.Input(0),
                call.Input(1),
                call.Input(2),
                call.InputOrNull(3),
                call.InputOrNull(4),
                call.InputOrNull(5),
                call.Output(0),
                call.Output(1),
            ],
            call.Attributes
        );
        for (var i = 0; i < 3; i++)
            call.Set(i, gradients[i]);
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var steps = new AttentionSteps(inputs, attributes);
        var (query, value) = (inputs[0]!, inputs[2]!);
        // A row that sees nothing has no softmax; its scores are made 0 on the way.
        var blind = steps.Scores.Eq(double.NegativeInfinity).All(2, keepDim: true);
        var scores = steps.Scores.MaskedFill(blind, 0);
        var lse = scores.LogSumExp(2, keepDim: true);
        var weights = scores.Sub(lse).Exp().MaskedFill(blind, 0);
        if (steps.Kept() is { } kept)
            weights = weights.Mul(kept);
        Shape rows = new(query.Shape.Dims[..^1]);
        return
        [
            weights.MatMul(steps.Value).Cast(query.DType).Reshape([.. rows.Dims, value.Shape[-1]]),
            lse.MaskedFill(blind, double.NegativeInfinity).Reshape(rows),
        ];
    }

    public override double Flops(in OpCall call)
    {
        var shapes = AttentionShapes.Of(call.Input(0).Shape, call.Input(1).Shape, call.Input(2).Shape);
        return 2 * AttentionCosts.Weights(shapes, call.Attributes) * (shapes.Size + shapes.ValueSize);
    }

    public override IEnumerable<OpCase> Cases() =>
        AttentionCases.All.Select(spec => spec.Case(this, spec.Inputs(), spec.Attributes));
}

/// <summary>How much there is to compute.</summary>
internal static class AttentionCosts
{
    /// <summary>The weights that are not masked by causality; other masks are data.</summary>
    public static double Weights(AttentionShapes shapes, Attributes attributes)
    {
        double perItem = (double)shapes.Queries * shapes.Keys;
        if (attributes.Bool(AttentionAttributes.Causal))
        {
            double square = Math.Min(shapes.Queries, shapes.Keys);
            perItem = square * (square + 1) / 2 + Math.Max(shapes.Queries - shapes.Keys, 0) * (double)shapes.Keys;
        }
        return shapes.Items * perItem;
    }
}

/// <summary>Attention.</summary>
public static class ScaledDotProductAttentionExtensions
{
    extension(Tensor query)
    {
        /// <summary>
        /// softmax(query · keyᵀ · scale + mask) · value, as torch.nn.functional.scaled_dot_product_attention: query (…, H, L, E),
        /// key (…, Hk, S, E) and value (…, Hk, S, Ev) give (…, H, L, Ev). Hk divides H: H / Hk neighbouring heads of the query share
        /// one of key and value (grouped-query attention, Ainslie et al. 2023). Strided views are read in place. A query that sees no
        /// key gives zeros and has no gradients.
        /// </summary>
        /// <param name="key">Of the query's dtype.</param>
        /// <param name="value">Of the query's dtype.</param>
        /// <param name="attentionMask">Broadcasts to (…, H, L, S): of dtype bool, true where a query may look at a key; or of the
        /// query's dtype, added to the scores. A gradient with respect to it needs memory for all weights.</param>
        /// <param name="keyLengths">i64: only the first so many keys of a sequence are looked at. It has the first axes of the query,
        /// such as (N) or (N, H); what is beyond S counts as S.</param>
        /// <param name="isCausal">Whether query i sees keys 0 … i only, also where L ≠ S, and in addition to the masks.</param>
        /// <param name="dropoutP">The probability with which each weight is dropped; 0 outside training.</param>
        /// <param name="scale">What scores are multiplied by; 1/√E when not given.</param>
        /// <param name="generator">Where dropout draws from; the default generator unless given.</param>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        /// <exception cref="DTypeException">The dtypes differ or are not floating.</exception>
        /// <exception cref="AttributeException">dropoutP is not from 0 to 1.</exception>
        public Tensor ScaledDotProductAttention(
            Tensor key,
            Tensor value,
            Tensor? attentionMask = null,
            Tensor? keyLengths = null,
            bool isCausal = false,
            double dropoutP = 0,
            double? scale = null,
            Generator? generator = null
        )
        {
            ArgumentNullException.ThrowIfNull(key);
            ArgumentNullException.ThrowIfNull(value);
            BernoulliOp.RequireProbability("scaled_dot_product_attention", dropoutP);
            Tensor? state = null;
            long offset = 0;
            if (dropoutP > 0 && query.Rank >= 2 && key.Rank >= 2 && value.Rank >= 2)
            {
                generator ??= Generator.Default;
                state = generator.DeviceState(query.Device);
                offset = generator.Advance(AttentionShapes.Of(query.Shape, key.Shape, value.Shape).Counters);
            }
            return ScaledDotProductAttentionOp.Instance.Apply(
                [query, key, value, attentionMask, keyLengths?.Contiguous(), state],
                Attributes.Of(isCausal, dropoutP, scale ?? double.NaN, offset)
            );
        }
    }
}
