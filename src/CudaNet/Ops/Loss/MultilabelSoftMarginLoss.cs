namespace CudaNet;

internal sealed class MultilabelSoftMarginLossOp() : RowLossOp("multilabel_soft_margin_loss", "input, target")
{
    public static readonly MultilabelSoftMarginLossOp Instance = new();

    protected override CaseInput Input(int index, long[] shape) =>
        index == 0 ? Draw.Normal(shape) : Draw.Uniform(0, 1, shape);

    protected override (double Loss, double Magnitude) Row(RowValues inputs, Attributes attributes)
    {
        double sum = 0,
            sizes = 0;
        var classes = inputs[0].Length;
        for (var c = 0; c < classes; c++)
        {
            var (x, t) = (inputs[0][c], inputs[1][c]);
            var (isNot, isOne) = (SpecialFunctions.Softplus(x), SpecialFunctions.Softplus(-x));
            sum += t * isOne + (1 - t) * isNot;
            sizes += (Math.Abs(t) + Math.Abs(1 - t)) * (isOne + isNot + Math.Abs(x));
        }
        return (sum / classes, sizes / classes);
    }

    protected override Tensor Rows(ReadOnlySpan<Tensor> inputs, Attributes attributes)
    {
        var (x, t) = (inputs[0], inputs[1]);
        return t.Mul(BceShapes.Softplus(x.Neg())).Add(t.Affine(-1, 1).Mul(BceShapes.Softplus(x))).Mean(-1);
    }
}

/// <summary>Several classes at once, each of which holds or not.</summary>
public static class MultilabelSoftMarginLossExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The mean over classes, the last axis, of −(y log σ(input) + (1 − y) log(1 − σ(input))), for targets y that are 1 for each class that holds, else 0.
        /// </summary>
        /// <exception cref="ShapeException">The shapes differ; nothing is broadcast.</exception>
        public Tensor MultilabelSoftMarginLoss(Tensor target, Reduction reduction = Reduction.Mean) =>
            MultilabelSoftMarginLossOp.Instance.Apply([input, target], Attributes.Of((long)reduction));
    }
}
