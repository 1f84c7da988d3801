using System.Globalization;

namespace CudaNet;

internal sealed class VectorNormOp() : ReductionOp("vector_norm", ", ord: float = 2")
{
    public static readonly VectorNormOp Instance = new();

    protected internal override Saved Saves => Saved.Inputs(0).AndOutputs(0);

    internal override CpuKernel? Cpu => CpuReduceRows.VectorNorm;

    protected override bool TakesIntegers => false;

    protected override DType RequireDType(in OpCall call)
    {
        var ord = call.Attributes.Float(2);
        if (double.IsNaN(ord))
            throw new AttributeException(
                $"{call.Describe()}: ord must be a number, infinity or minus infinity; got NaN"
            );
        if (ord < 0 || double.IsInfinity(ord))
            RequireElements(call, string.Create(CultureInfo.InvariantCulture, $"norm of order {ord}"));
        return call.RequireFloating();
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, y) = (call.Input(), call.Output());
        var ord = call.Attributes.Float(2);
        foreach (var (output, inputs) in Groups(x.Shape, call.Attributes.Ints(0), Name))
        {
            var sizes = inputs.Select(i => Math.Abs(x[i]));
            y[output] = ord switch
            {
                double.PositiveInfinity => sizes.Aggregate(Math.Max),
                double.NegativeInfinity => sizes.Aggregate(Math.Min),
                0 => sizes.Count(size => size != 0),
                1 => sizes.Sum(),
                2 => Math.Sqrt(sizes.Sum(size => size * size)),
                _ => Math.Pow(sizes.Sum(size => Math.Pow(size, ord)), 1 / ord),
            };
            y.Terms = Math.Max(inputs.Count, 1);
        }
    }

    protected internal override void Backward(BackwardCall call)
    {
        var (x, ord) = (call.Input(0), call.Attributes.Float(2));
        var gradient = Spread(call, call.GradOutput());
        if (ord == 0)
        {
            call.Set(0, Tensor.Zeros(x.Shape, x.DType, x.Device));
            return;
        }
        // The sign is piecewise constant: nothing flows through it.
        var signed = Tensor.Where(x.Gt(0), gradient, Tensor.Where(x.Lt(0), gradient.Neg(), 0));
        if (ord == 1)
        {
            call.Set(0, signed);
            return;
        }
        if (double.IsInfinity(ord))
        {
            var size = x.Detach().Abs();
            var dim = call.Attributes.Ints(0);
            call.Set(0, signed.Mul(MaxShareOp.Of(size, ord > 0 ? size.Max(dim, true) : size.Min(dim, true))));
            return;
        }
        // (|x| / norm)^(ord − 1), which neither over- nor underflows; 0 where |x| or the norm is.
        var kept = x.Shape.Reduce(call.Attributes.Ints(0), keepAxes: true, Name);
        var norm = call.Output().Reshape(kept);
        var safe = Tensor.Where(norm.Eq(0), 1, norm);
        if (ord == 2)
        {
            call.Set(0, gradient.Mul(x.Div(safe)));
            return;
        }
        var ratio = Tensor.Where(x.Eq(0), 1, x).Abs().Div(safe);
        call.Set(0, Tensor.Where(norm.Eq(0), 0, signed.Mul(ratio.Pow(ord - 1))));
    }

    public override double Flops(in OpCall call) => 2.0 * call.Input(0).NumElements;

    protected override CaseInput DrawInput(params long[] shape) => Draw.Away(0.1, 2, shape);

    protected override Attributes CaseAttributes(long[] axes, bool keepDim) => Attributes.Of(axes, keepDim, 2.0);

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var opCase in base.Cases())
            yield return opCase;
        foreach (var ord in new[] { 0, 1, 3, 0.5, -1.5, double.PositiveInfinity, double.NegativeInfinity })
        {
            var order = ord.ToString(CultureInfo.InvariantCulture);
            foreach (var dtype in CaseSizes.Floating)
                yield return Ord(dtype, $"shape=5x33x7,dim=1,ord={order}", DrawInput(5, 33, 7), 1, ord);
            yield return Ord(DType.Float32, $"shape=3x1025,dim=1,ord={order}", DrawInput(3, 1025), 1, ord);
            yield return Ord(DType.Float32, $"shape=20011x3,dim=0,ord={order}", DrawInput(20011, 3), 0, ord);
            yield return Ord(DType.Float64, $"shape=2x3,dim=1,ord={order}", DrawInput(2, 3), 1, ord) with
            {
                CheckGradient = true,
            };
        }
    }

    private OpCase Ord(DType dtype, string label, CaseInput input, long dim, double ord) =>
        new(this, dtype, label, [input], Attributes.Of(new[] { dim }, false, ord));
}

/// <summary>Norms of vectors.</summary>
public static class VectorNormExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// (Σ |input|^ord)^(1/ord) over <paramref name="dim"/>, or over all axes when none is named; the number of elements other than 0 for
        /// ord 0, the largest |input| for ∞, the smallest for −∞, 0 over no elements. The gradient is 0 where an element or the norm is; of
        /// several largest or smallest elements each has an equal share.
        /// </summary>
        /// <exception cref="ShapeException">There are no elements, and ord is negative or infinite.</exception>
        public Tensor VectorNorm(double ord = 2, ReadOnlySpan<long> dim = default, bool keepDim = false) =>
            VectorNormOp.Instance.Apply([input], Attributes.Of(dim, keepDim, ord));

        /// <summary>The norm along one axis.</summary>
        public Tensor VectorNorm(double ord, int dim, bool keepDim = false) => input.VectorNorm(ord, [dim], keepDim);
    }
}
