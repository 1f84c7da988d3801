namespace CudaNet;

/// <summary>What var and std share: the mean squared deviation with n − correction in place of n.</summary>
internal abstract class VarianceOp(string name) : ReductionOp(name, ", correction: int = 1")
{
    protected internal override Saved Saves => Saved.Inputs(0);

    protected override bool TakesIntegers => false;

    /// <summary>The result and its S, from the variance and its S.</summary>
    protected abstract (double Value, double Magnitude) Finish(double variance, double magnitude);

    public override void Reference(ReferenceCall call)
    {
        var (x, y) = (call.Input(), call.Output());
        foreach (var (output, inputs) in Groups(x.Shape, call.Attributes.Ints(0), Name))
        {
            var mean = Mean(inputs.Select(i => x[i]));
            var size = Mean(inputs.Select(i => Math.Abs(x[i])));
            var divisor = Divisor(inputs.Count, call.Attributes);
            double sum = 0,
                magnitude = 0;
            foreach (var i in inputs)
            {
                var deviation = Math.Abs(x[i] - mean);
                sum += deviation * deviation;
                // The rounding of the mean and of the difference enters with the deviation as its factor.
                magnitude += deviation * (deviation + Math.Abs(x[i]) + size);
            }
            (y[output], y.Magnitude[output]) = Finish(sum / divisor, magnitude / divisor);
            y.Terms = Math.Max(inputs.Count, 1);
        }
    }

    /// <summary>The running mean, which of equal numbers is exact.</summary>
    private static double Mean(IEnumerable<double> values)
    {
        double mean = 0;
        var count = 0;
        foreach (var value in values)
            mean += (value - mean) / ++count;
        return mean;
    }

    /// <summary>n − correction, or 0 where that is negative: 0 / 0 is NaN.</summary>
    private static double Divisor(long count, Attributes attributes) => Math.Max(0, count - attributes.Int(2));

    /// <summary>d variance / d input, but for the factor that belongs to the output.</summary>
    protected static Tensor TwiceDeviation(BackwardCall call)
    {
        var (x, shape) = (call.Input(0), call.InputShape(0));
        var outputs = shape.Reduce(call.Attributes.Ints(0), keepAxes: true, "var").NumElements;
        var divisor = Divisor(shape.NumElements / Math.Max(1, outputs), call.Attributes);
        return x.Sub(x.Mean(call.Attributes.Ints(0), keepDim: true)).Affine(2 / divisor);
    }

    protected override Attributes CaseAttributes(long[] axes, bool keepDim) => Attributes.Of(axes, keepDim, 1L);

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var opCase in base.Cases())
            yield return opCase;
        foreach (var correction in new long[] { 0, 2, 40 })
            yield return new OpCase(
                this,
                DType.Float32,
                $"shape=5x33x7,dim=1,correction={correction}",
                [DrawInput(5, 33, 7)],
                Attributes.Of(new long[] { 1 }, false, correction)
            );
        // A large mean, of which the squares would lose all digits of the deviations.
        yield return Case(
            DType.Float32,
            "shape=3x1025,dim=1,mean=1000",
            new CaseInput([3, 1025], DrawKind.Normal, 1000, 1),
            [1]
        );
    }

    public override double Flops(in OpCall call) => 4.0 * call.Input(0).NumElements;
}

internal sealed class VarOp() : VarianceOp("var")
{
    public static readonly VarOp Instance = new();

    internal override CpuKernel? Cpu => CpuReduceRows.Var;

    protected override (double, double) Finish(double variance, double magnitude) => (variance, magnitude);

    protected internal override void Backward(BackwardCall call) =>
        call.Set(0, Spread(call, call.GradOutput()).Mul(TwiceDeviation(call)));
}

/// <summary>Variances.</summary>
public static class VarExtensions
{
    extension(Tensor input)
    {
        /// <summary>Σ (input − mean)² / (n − correction) over <paramref name="dim"/>, or over all axes when none is named: the unbiased
        /// variance for a correction of 1, that of the numbers themselves for 0. NaN where n is not above the correction and all are equal.</summary>
        public Tensor Var(ReadOnlySpan<long> dim = default, long correction = 1, bool keepDim = false) =>
            VarOp.Instance.Apply([input], Attributes.Of(dim, keepDim, correction));

        /// <summary>The variance along one axis.</summary>
        public Tensor Var(int dim, long correction = 1, bool keepDim = false) => input.Var([dim], correction, keepDim);
    }
}
