namespace CudaNet;

/// <summary>What argmax and argmin share: the first of several, and NaN before everything.</summary>
internal abstract class ArgExtremumOp(string name, bool largest) : ReductionOp(name)
{
    public override string NoBackwardReason => "its output is an integer";

    public override bool IsExact => true;

    protected override bool HasIdentity => false;

    protected override IReadOnlyList<long[]> CaseAxes =>
        [
            [0],
            [1],
            [2],
            [-1],
        ];

    // Few values: most groups tie, and the first of them must win.
    protected override CaseInput DrawInput(params long[] shape) => new(shape, DrawKind.Integers, -5, 6);

    protected override DType RequireDType(in OpCall call)
    {
        if (call.Attributes.Ints(0).Length > 1)
            throw new AttributeException(
                $"{call.Describe()}: takes one dim, or none for the position among all elements; got {call.Attributes.Ints(0).Length}"
            );
        RequireElements(call, largest ? "largest" : "smallest");
        return DType.Int64;
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, y) = (call.Input(), call.Output());
        foreach (var (output, inputs) in Groups(x.Shape, call.Attributes.Ints(0), Name))
        {
            var best = 0;
            for (var i = 1; i < inputs.Count && !double.IsNaN(x[inputs[best]]); i++)
            {
                var (value, so) = (x[inputs[i]], x[inputs[best]]);
                if ((largest ? value > so : value < so) || double.IsNaN(value))
                    best = i;
            }
            y[output] = best;
        }
    }

    protected override IEnumerable<OpCase> GradientCases() => [];

    public override double Flops(in OpCall call) => call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases() => base.Cases().Concat(NaNCases());
}

internal sealed class ArgMaxOp() : ArgExtremumOp("argmax", largest: true)
{
    public static readonly ArgMaxOp Instance = new();

    internal override CpuKernel? Cpu => CpuReduce.ArgMax;
}

/// <summary>Positions of maxima.</summary>
public static class ArgMaxExtensions
{
    extension(Tensor input)
    {
        /// <summary>The position, i64, of the largest element along <paramref name="dim"/>; without it, among all elements in C order. The
        /// first of several; NaN counts as largest.</summary>
        /// <exception cref="ShapeException">There are no elements to choose from.</exception>
        public Tensor ArgMax(int? dim = null, bool keepDim = false) =>
            ArgMaxOp.Instance.Apply([input], Attributes.Of(dim is { } axis ? new long[] { axis } : [], keepDim));
    }
}
