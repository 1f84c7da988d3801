namespace CudaNet;

/// <summary>
/// The layer of MADE (Germain et al. 2015) and of masked autoregressive flows: input · (weight ⊙ mask)ᵀ + bias. A composition: masking
/// touches each weight once, where the product uses it once for every row, so the fastest matrix product of the device is worth more than
/// a masked one of its own. Autograd masks the weight's gradient.
/// </summary>
internal sealed class MaskedLinearOp() : Op("masked_linear", "input, weight, mask, bias? -> output")
{
    public static readonly MaskedLinearOp Instance = new();

    public override OpKind Kind => OpKind.Composition;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var (input, weight, mask) = (call.Input(0), call.Input(1), call.Input(2));
        if (mask.DType != DType.Bool || !mask.Shape.Equals(weight.Shape))
            throw call.ShapeError(
                "expected a mask of dtype bool with the shape of the weight (out_features, in_features)"
            );
        if (weight.DType != input.DType || (call.Has(3) && call.Input(3).DType != input.DType))
            throw call.DTypeError("expected input, weight and bias of one dtype; convert with Cast");
        outputs[0] = LinearOp.OutputOf(new OpCall(LinearOp.Instance, [input, weight, call.Inputs[3]], default));
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, weight, mask, bias, y) = (
            call.Input(0),
            call.Input(1),
            call.Input(2),
            call.InputOrNull(3),
            call.Output()
        );
        var (n, k) = (weight.Shape[0], weight.Shape[1]);
        for (long at = 0; at < y.Shape.NumElements; at++)
        {
            var (i, j) = (at / n, at % n);
            y[at] = bias?[j] ?? 0;
            y.Magnitude[at] = Math.Abs(y[at]);
            for (long l = 0; l < k; l++)
            {
                y[at] += x[i * k + l] * weight[j * k + l] * mask[j * k + l];
                y.Magnitude[at] += Math.Abs(x[i * k + l] * weight[j * k + l] * mask[j * k + l]);
            }
        }
        y.Terms = k + 1;
    }

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        Infer(new OpCall(this, inputs, attributes), new TensorSpec[1]);
        return [inputs[0]!.Linear(Tensor.Where(inputs[2]!, inputs[1]!, 0), inputs[3])];
    }

    public override double Flops(in OpCall call) =>
        2.0 * call.Input(1).NumElements * (call.Input(0).NumElements / Math.Max(1, call.Input(0).Shape[-1]));

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (var (rows, n, k) in new (long, long, long)[] { (0, 3, 2), (1, 1, 1), (5, 33, 31), (17, 65, 32) })
                yield return Case(dtype, [rows, k], n, true);
            yield return Case(dtype, [3, 2, 7], 9, false);
            foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
                yield return Case(dtype, [9, 20], 33, true).With(layout);
        }
        yield return Case(DType.Float64, [3, 4], 2, true) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float64, [2, 2, 3], 2, false) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float32, [256, 1024], 1024, true) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, long[] input, long outFeatures, bool hasBias) =>
        new(
            this,
            dtype,
            $"input={string.Join('x', input)},out={outFeatures},bias={(hasBias ? "yes" : "no")}",
            [
                Draw.Normal(input),
                Draw.Normal(outFeatures, input[^1]),
                Draw.Bools(outFeatures, input[^1]),
                hasBias ? Draw.Normal(outFeatures) : null,
            ]
        );
}

/// <summary>Masked layers.</summary>
public static class MaskedLinearExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// input · (weight ⊙ mask)ᵀ + bias over the last axis: the masked layer of MADE (Germain et al. 2015, section 3). Input (…, in),
        /// weight and mask (out, in), bias (out). Weights whose mask is false get no gradient.
        /// </summary>
        /// <param name="weight">The weights.</param>
        /// <param name="mask">Bool: which weights there are. MADE's is m(out) ≥ m(in), or &gt; in the last layer.</param>
        /// <param name="bias">What is added.</param>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        public Tensor MaskedLinear(Tensor weight, Tensor mask, Tensor? bias = null) =>
            MaskedLinearOp.Instance.Apply([input, weight, mask, bias]);
    }
}
