namespace CudaNet;

/// <summary>What reductions over axes share: <c>dim</c> names the axes (none = all), <c>keepdim</c> keeps them with extent 1.</summary>
internal abstract class ReductionOp(string name) : Op(name, "input; dim: ints = , keepdim: bool = false -> output")
{
    protected internal override bool AcceptsStrides => true;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs) =>
        outputs[0] = new(
            call.Input(0).Shape.Reduce(call.Attributes.Ints(0), call.Attributes.Bool(1), Name),
            RequireDType(call)
        );

    protected virtual DType RequireDType(in OpCall call) => call.RequireFloating();

    /// <summary>For every output element, the values that it is made of.</summary>
    protected static IEnumerable<(long Output, List<long> Inputs)> Groups(
        Shape input,
        ReadOnlySpan<long> axes,
        string name
    )
    {
        var kept = input.Reduce(axes, keepAxes: true, name);
        var groups = new List<long>[kept.NumElements];
        for (var g = 0; g < groups.Length; g++)
            groups[g] = [];
        for (long i = 0; i < input.NumElements; i++)
        {
            long output = 0;
            for (var axis = 0; axis < input.Rank; axis++)
                if (kept[axis] != 1)
                    output += i / input.ContiguousStrides[axis] % input[axis] * kept.ContiguousStrides[axis];
            groups[output].Add(i);
        }
        return groups.Select((members, output) => ((long)output, members));
    }

    /// <summary>A gradient of the output with the shape of the input.</summary>
    protected static Tensor Spread(BackwardCall call, Tensor gradient)
    {
        var shape = call.InputShape(0);
        return gradient.Reshape(shape.Reduce(call.Attributes.Ints(0), keepAxes: true, "reduce")).Expand(shape.Dims);
    }

    /// <summary>How the operand of the case list is drawn.</summary>
    protected virtual CaseInput DrawInput(params long[] shape) => Draw.Normal(shape);

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (var n in CaseSizes.Lengths.Where(n => n > 0))
                yield return new OpCase(
                    this,
                    dtype,
                    $"n={n}",
                    [DrawInput(n)],
                    Attributes.Of(Array.Empty<long>(), false)
                );
            foreach (var axes in new long[][] { [0], [1], [2], [0, 2], [1, -1], [0, 1] })
            {
                var label = $"shape=5x33x7,dim={string.Join('+', axes)}";
                var sum = new OpCase(this, dtype, label, [DrawInput(5, 33, 7)], Attributes.Of(axes, false));
                foreach (var layout in Enum.GetValues<CaseLayout>())
                    yield return sum.With(layout);
            }
            yield return new OpCase(
                this,
                dtype,
                "shape=3x1025,dim=1,keepdim",
                [DrawInput(3, 1025)],
                Attributes.Of(new long[] { 1 }, true)
            );
            yield return new OpCase(
                this,
                dtype,
                "shape=1025x3,dim=0",
                [DrawInput(1025, 3)],
                Attributes.Of(new long[] { 0 }, false)
            );
        }
        yield return new OpCase(
            this,
            DType.Float64,
            "shape=2x3,dim=1",
            [DrawInput(2, 3)],
            Attributes.Of(new long[] { 1 }, false)
        )
        {
            CheckGradient = true,
        };
        yield return new OpCase(
            this,
            DType.Float64,
            "shape=2x3",
            [DrawInput(2, 3)],
            Attributes.Of(Array.Empty<long>(), true)
        )
        {
            CheckGradient = true,
        };
        yield return new OpCase(
            this,
            DType.Float32,
            "shape=512x1024,dim=1",
            [DrawInput(512, 1024)],
            Attributes.Of(new long[] { 1 }, false)
        )
        {
            IsBenchmark = true,
        };
    }
}

internal sealed class SumOp() : ReductionOp("sum")
{
    public static readonly SumOp Instance = new();

    public override void Reference(ReferenceCall call)
    {
        var (x, y) = (call.Input(), call.Output());
        foreach (var (output, inputs) in Groups(x.Shape, call.Attributes.Ints(0), Name))
        {
            foreach (var i in inputs)
            {
                y[output] += x[i];
                y.Magnitude[output] += Math.Abs(x[i]);
            }
            y.Terms = Math.Max(inputs.Count, 1);
        }
    }

    protected internal override void Backward(BackwardCall call) => call.Set(0, Spread(call, call.GradOutput()));

    public override double Flops(in OpCall call) => call.Input(0).NumElements;
}

/// <summary>Sums.</summary>
public static class SumExtensions
{
    extension(Tensor input)
    {
        /// <summary>The sum over <paramref name="dim"/>, or over all axes when none is named. Accumulates in f32 (f64 for f64).</summary>
        public Tensor Sum(ReadOnlySpan<long> dim = default, bool keepDim = false) =>
            SumOp.Instance.Apply([input], Attributes.Of(dim, keepDim));

        /// <summary>The sum over one axis.</summary>
        public Tensor Sum(int dim, bool keepDim = false) => input.Sum([dim], keepDim);
    }
}
