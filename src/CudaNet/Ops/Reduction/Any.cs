namespace CudaNet;

/// <summary>What any and all share. Every number but 0 counts as true, NaN as well.</summary>
internal abstract class TruthOp(string name) : ReductionOp(name)
{
    public override string NoBackwardReason => "its output is true or false, which does not change smoothly";

    public override bool IsExact => true;

    /// <summary>What the reduction of no elements gives, and the value that decides all others.</summary>
    protected abstract bool OfNothing { get; }

    protected override DType RequireDType(in OpCall call) => DType.Bool;

    public override void Reference(ReferenceCall call)
    {
        var (x, y) = (call.Input(), call.Output());
        foreach (var (output, inputs) in Groups(x.Shape, call.Attributes.Ints(0), Name))
            y[output] = inputs.Any(i => x[i] != 0 != OfNothing) != OfNothing ? 1 : 0;
    }

    // Few elements that decide, so that both results occur.
    protected override CaseInput DrawInput(params long[] shape) =>
        OfNothing ? new(shape, DrawKind.Integers, 0.97, 2) : new(shape, DrawKind.Integers, 0, 1.03);

    protected override CaseInput DrawIntegers(params long[] shape) => DrawInput(shape);

    protected override IEnumerable<OpCase> GradientCases() => [];

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var opCase in base.Cases())
            yield return opCase;
        foreach (var dtype in new[] { DType.UInt8, DType.Bool })
        foreach (var axes in new long[][] { [0], [1], [2], [] })
            yield return Case(dtype, $"shape=3x37x5,dim={string.Join('+', axes)}", DrawInput(3, 37, 5), axes);
    }

    public override double Flops(in OpCall call) => call.Input(0).NumElements;
}

internal sealed class AnyOp() : TruthOp("any")
{
    public static readonly AnyOp Instance = new();

    internal override CpuKernel? Cpu => CpuReduceRows.Any;

    protected override bool OfNothing => false;
}

/// <summary>Whether some element is true.</summary>
public static class AnyExtensions
{
    extension(Tensor input)
    {
        /// <summary>Whether an element over <paramref name="dim"/>, or of all when none is named, is not 0; of any dtype. false over no
        /// elements.</summary>
        public Tensor Any(ReadOnlySpan<long> dim = default, bool keepDim = false) =>
            AnyOp.Instance.Apply([input], Attributes.Of(dim, keepDim));

        /// <summary>Whether an element along one axis is not 0.</summary>
        public Tensor Any(int dim, bool keepDim = false) => input.Any([dim], keepDim);
    }
}
