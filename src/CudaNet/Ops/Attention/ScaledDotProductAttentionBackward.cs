namespace CudaNet;

/// <summary>
/// The gradients of attention. With P the weights, made again from the scores and log Σ exp, Z what dropout multiplies them by, and
/// D = Σ_e grad_output · output − grad_logsumexp for each row (Dao et al. 2022, appendix B.2):
/// dV = (P ∘ Z)ᵀ dO, dS = P ∘ (Z ∘ dO Vᵀ − D), dQ = scale · dS K, dK = scale · dSᵀ Q.
/// </summary>
internal sealed class ScaledDotProductAttentionBackwardOp()
    : Op(
        "scaled_dot_product_attention_backward",
        "grad_output, grad_logsumexp?, query, key, value, attn_mask?, key_lengths?, state?, output, logsumexp; "
            + $"{AttentionAttributes.Text} -> grad_query, grad_key, grad_value"
    )
{
    public static readonly ScaledDotProductAttentionBackwardOp Instance = new();

    protected internal override bool AcceptsStrides => true;

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel? Cpu => CpuAttention.Backward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var shapes = AttentionShapes.Require(call, at: 2);
        var dtype = call.Input(2).DType;
        Shape result = new([.. shapes.Rows.Dims, shapes.ValueSize]);
        foreach (var i in (ReadOnlySpan<int>)[0, 8])
            if (!call.Input(i).Shape.Equals(result) || call.Input(i).DType != dtype)
                throw call.ShapeError($"{Signature.Inputs[i].Name} must be {result} {dtype.Name}");
        foreach (var i in (ReadOnlySpan<int>)[1, 9])
        {
            if (!call.Has(i))
                continue;
            if (!call.Input(i).Shape.Equals(shapes.Rows) || call.Input(i).DType != dtype.Accumulator)
                throw call.ShapeError($"{Signature.Inputs[i].Name} must be {shapes.Rows} {dtype.Accumulator.Name}");
            AttentionShapes.RequireDense(call, i);
        }
        for (var i = 0; i < 3; i++)
            outputs[i] = new(call.Input(2 + i).Shape, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (dO, dLse, q, k) = (call.Input(0), call.InputOrNull(1), call.Input(2), call.Input(3));
        var (v, o, lse) = (call.Input(4), call.Input(8), call.Input(9));
        var (dQ, dK, dV) = (call.Output(0), call.Output(1), call.Output(2));
        var loops = new AttentionLoops(call, at: 2);
        var (shapes, scale) = (loops.Shapes, loops.Scale);
        var (size, valueSize) = (shapes.Size, shapes.ValueSize);
        for (long item = 0; item < shapes.Items; item++)
        for (long i = 0; i < shapes.Queries; i++)
        {
            loops.Row(item, i);
            var row = item * shapes.Queries + i;
            var (delta, deltaSize) = Dot(dO, row * valueSize, o, row * valueSize, valueSize);
            delta -= dLse?[row] ?? 0;
            deltaSize += Math.Abs(dLse?[row] ?? 0);
            for (long j = 0; j < shapes.Keys; j++)
            {
                var score = loops.Scores[j];
                if (double.IsNegativeInfinity(score) || double.IsNegativeInfinity(lse[row]))
                    continue;
                var weight = Math.Exp(score - lse[row]);
                // The exponent's error makes a relative error of the weight.
                var noise = 1 + loops.Sizes[j] + Math.Abs(score) + Math.Abs(lse[row]);
                var at = item / shapes.Group * shapes.Keys + j;
                var kept = loops.Kept(item, i, j);
                var (product, productSize) = Dot(dO, row * valueSize, v, at * valueSize, valueSize);
                var slope = weight * (kept * product - delta);
                var slopeSize = weight * noise * (kept * productSize + deltaSize);
                for (long e = 0; e < valueSize; e++)
                    Add(dV, at * valueSize + e, kept * weight * dO[row * valueSize + e], noise);
                for (long e = 0; e < size; e++)
                {
                    dQ[row * size + e] += scale * slope * k[at * size + e];
                    dQ.Magnitude[row * size + e] += Math.Abs(scale * slopeSize * k[at * size + e]);
                    dK[at * size + e] += scale * slope * q[row * size + e];
                    dK.Magnitude[at * size + e] += Math.Abs(scale * slopeSize * q[row * size + e]);
                }
            }
        }
        dQ.Terms = size + shapes.Keys;
        dK.Terms = dV.Terms = size + shapes.Queries * shapes.Group;
    }

    private static (double Sum, double Magnitude) Dot(
        ReferenceTensor a,
        long atA,
        ReferenceTensor b,
        long atB,
        long count
    )
    {
        double sum = 0,
            magnitude = 0;
        for (long e = 0; e < count; e++)
        {
            sum += a[atA + e] * b[atB + e];
            magnitude += Math.Abs(a[atA + e] * b[atB + e]);
        }
        return (sum, magnitude);
    }

    private static void Add(ReferenceTensor to, long at, double value, double noise)
    {
        to[at] += value;
        to.Magnitude[at] += Math.Abs(value) * noise;
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var steps = new AttentionSteps(inputs[2..8], attributes);
        var (query, key, value) = (inputs[2]!, inputs[3]!, inputs[4]!);
        var (gradient, lse) = (steps.Matrices(inputs[0]!), steps.Columns(inputs[9]!));
        var weights = steps
            .Scores.Sub(Tensor.Where(lse.Eq(double.NegativeInfinity), double.PositiveInfinity, lse))
            .Exp();
        var delta = gradient.Mul(steps.Matrices(inputs[8]!)).Sum(2, keepDim: true);
        if (inputs[1] is { } gradLse)
            delta = delta.Sub(steps.Columns(gradLse));
        var products = gradient.MatMul(steps.Value.Transpose(-2, -1));
        var used = weights;
        if (steps.Kept() is { } kept)
            (products, used) = (products.Mul(kept), weights.Mul(kept));
        var slopes = weights.Mul(products.Sub(delta)).Affine(steps.Scale);
        return
        [
            slopes.MatMul(steps.Key).Cast(query.DType).Reshape(query.Shape),
            steps.Joined(slopes.Transpose(-2, -1).MatMul(steps.Query), key),
            steps.Joined(used.Transpose(-2, -1).MatMul(gradient), value),
        ];
    }

    public override double Flops(in OpCall call)
    {
        var shapes = AttentionShapes.Of(call.Input(2).Shape, call.Input(3).Shape, call.Input(4).Shape);
        return 2 * AttentionCosts.Weights(shapes, call.Attributes) * (3 * shapes.Size + 2 * shapes.ValueSize);
    }

    public override IEnumerable<OpCase> Cases() =>
        AttentionCases.All.Select(spec => spec.Case(this, spec.BackwardInputs(), spec.Attributes));
}
