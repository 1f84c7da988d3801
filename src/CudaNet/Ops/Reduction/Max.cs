namespace CudaNet;

/// <summary>What max and min share: NaN wins, and elements that tie share the gradient.</summary>
internal abstract class ExtremumOp(string name, bool largest) : ReductionOp(name)
{
    public override IReadOnlyList<string> Aliases => [$"a{Name}"];

    public override bool IsExact => true;

    protected internal override Saved Saves => Saved.Inputs(0).AndOutputs(0);

    protected override bool HasIdentity => false;

    // Ties have no derivative to compare with, only a convention.
    protected override CaseInput DrawInput(params long[] shape) => Draw.Distinct(shape);

    protected override DType RequireDType(in OpCall call)
    {
        RequireElements(call, largest ? "largest" : "smallest");
        return call.Input(0).DType;
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, y) = (call.Input(), call.Output());
        foreach (var (output, inputs) in Groups(x.Shape, call.Attributes.Ints(0), Name))
        {
            y[output] = largest ? double.NegativeInfinity : double.PositiveInfinity;
            foreach (var i in inputs) // both hand NaN on
                y[output] = largest ? Math.Max(y[output], x[i]) : Math.Min(y[output], x[i]);
        }
    }

    protected internal override void Backward(BackwardCall call)
    {
        var kept = call.InputShape(0).Reduce(call.Attributes.Ints(0), keepAxes: true, Name);
        var share = MaxShareOp.Of(call.Input(0), call.Output().Reshape(kept));
        call.Set(0, Spread(call, call.GradOutput()).Mul(share));
    }

    public override double Flops(in OpCall call) => call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases() => base.Cases().Concat(NaNCases());
}

internal sealed class MaxOp() : ExtremumOp("max", largest: true)
{
    public static readonly MaxOp Instance = new();

    internal override CpuKernel? Cpu => CpuReduce.Max;
}

/// <summary>What part of the gradient of a maximum or minimum each element gets: 1 / the number of ties where it is that one, else 0.</summary>
internal sealed class MaxShareOp() : Op("max_share", "input, maximum -> output")
{
    public static readonly MaxShareOp Instance = new();

    /// <summary>The shares of the elements that equal the extremum of their group, which has the axes of the input. Which ones do is
    /// piecewise constant, so nothing flows through them.</summary>
    public static Tensor Of(Tensor input, Tensor extremum) => Instance.Apply([input.Detach(), extremum.Detach()]);

    public override string NoBackwardReason => "it is piecewise constant";

    internal override CpuKernel? Cpu => CpuReduce.MaxShare;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var (input, maximum) = (call.Input(0).Shape, call.Input(1).Shape);
        var fits = input.Rank == maximum.Rank;
        for (var axis = 0; fits && axis < input.Rank; axis++)
            fits = maximum[axis] == input[axis] || maximum[axis] == 1;
        if (!fits)
            throw call.ShapeError("maximum must have the axes of input, with extent 1 where they are reduced");
        outputs[0] = new(input, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, maximum, y) = (call.Input(0), call.Input(1), call.Output());
        var (shape, kept) = (x.Shape, maximum.Shape);
        var group = new long[shape.NumElements];
        var ties = new double[kept.NumElements];
        for (long i = 0; i < group.Length; i++)
        {
            for (var axis = 0; axis < shape.Rank; axis++)
                if (kept[axis] != 1)
                    group[i] += i / shape.ContiguousStrides[axis] % shape[axis] * kept.ContiguousStrides[axis];
            if (x[i].Equals(maximum[group[i]])) // unlike ==, true for two NaN
                ties[group[i]]++;
        }
        for (long i = 0; i < group.Length; i++)
            y[i] = x[i].Equals(maximum[group[i]]) ? 1 / ties[group[i]] : 0;
    }

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        foreach (
            var (shape, maximum) in new (long[], long[])[]
            {
                ([1], [1]),
                ([33], [1]),
                ([5, 31, 7], [5, 1, 7]),
                ([5, 31, 7], [1, 31, 1]),
                ([4, 257], [4, 1]),
                ([0, 3], [0, 1]),
            }
        )
            yield return new OpCase(
                this,
                dtype,
                $"shape={string.Join('x', shape)},maximum={string.Join('x', maximum)}",
                // Few values, so that some elements equal the number in place of the maximum, most of them with ties.
                [
                    new CaseInput(shape, DrawKind.Integers, 0, 4),
                    new CaseInput(maximum, DrawKind.Integers, 0, 4) { DType = dtype },
                ]
            );
        // NaN is the maximum of a group that has one; where the maximum is a number, a NaN has no share.
        foreach (var dtype in CaseSizes.Floating)
            yield return new OpCase(
                this,
                dtype,
                "shape=4x9,maximum=4x1,nan",
                [
                    new CaseInput([4, 9], DrawKind.Integers, 0, 3) { Map = (i, x) => i % 7 == 2 ? double.NaN : x },
                    new CaseInput([4, 1], DrawKind.Integers, 0, 3)
                    {
                        DType = dtype,
                        Map = (i, x) => i % 2 == 0 ? double.NaN : x,
                    },
                ]
            );
        yield return new OpCase(
            this,
            DType.Float32,
            "shape=512x1024,maximum=512x1",
            [Draw.Normal(512, 1024), Draw.Normal(512, 1)]
        )
        {
            IsBenchmark = true,
        };
    }
}

/// <summary>Maxima.</summary>
public static class MaxExtensions
{
    extension(Tensor input)
    {
        /// <summary>The largest element over <paramref name="dim"/>, or over all axes when none is named. NaN wins. Elements that tie share
        /// the gradient equally.</summary>
        /// <exception cref="ShapeException">There are no elements to choose from.</exception>
        public Tensor Max(ReadOnlySpan<long> dim = default, bool keepDim = false) =>
            MaxOp.Instance.Apply([input], Attributes.Of(dim, keepDim));

        /// <summary>The largest element along one axis.</summary>
        public Tensor Max(int dim, bool keepDim = false) => input.Max([dim], keepDim);
    }
}
