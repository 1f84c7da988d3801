namespace CudaNet;

internal sealed class SortOp() : Op("sort", "input; dim: int = -1, descending: bool = false -> values, indices")
{
    public static readonly SortOp Instance = new();

    public override bool IsExact => true;

    protected internal override Saved Saves => Saved.Outputs(1);

    internal override CpuKernel? Cpu => CpuSort.Run;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var input = call.Input(0);
        input.Shape.Axis(call.Attributes.Int(0), Name);
        outputs[0] = new(input.Shape, input.DType);
        outputs[1] = new(input.Shape, DType.Int64);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, values, indices) = (call.Input(), call.Output(0), call.Output(1));
        foreach (var (first, step, n) in Slices.Of(x.Shape, call.Attributes.Int(0), Name))
        {
            var order = Order(x, first, step, n, call.Attributes.Bool(1));
            for (var i = 0; i < n; i++)
            {
                values[first + i * step] = x[first + order[i] * step];
                indices[first + i * step] = order[i];
            }
        }
    }

    /// <summary>The positions of a slice in the order of their values; equal ones stay in theirs, and NaN is larger than all.</summary>
    public static long[] Order(ReferenceTensor x, long first, long step, long n, bool descending)
    {
        var order = new long[n];
        for (long i = 0; i < n; i++)
            order[i] = i;
        int Compare(long a, long b)
        {
            var (u, v) = (x[first + a * step], x[first + b * step]);
            var larger =
                double.IsNaN(u) ? (double.IsNaN(v) ? 0 : 1)
                : double.IsNaN(v) ? -1
                : u > v ? 1
                : u < v ? -1
                : 0;
            return larger == 0 ? a.CompareTo(b)
                : descending ? -larger
                : larger;
        }
        Array.Sort(order, Compare);
        return order;
    }

    /// <summary>Each value goes back to where it came from.</summary>
    protected internal override void Backward(BackwardCall call)
    {
        var gradient = call.GradOutput();
        var zeros = Tensor.Zeros(gradient.Shape, gradient.DType, gradient.Device);
        call.Set(
            0,
            gradient.Rank == 0 ? gradient : zeros.ScatterAdd((int)call.Attributes.Int(0), call.Output(1), gradient)
        );
    }

    public override double Flops(in OpCall call) => 0;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in DTypes.All)
        {
            foreach (var n in CaseSizes.Lengths)
                yield return Case(dtype, $"n={n}", CaseSizes.Draw(dtype, [n]), 0);
            // Few values: most are equal to others, and must keep their order.
            foreach (var cols in new long[] { 1023, 1024, 1025, 4096, 4099 })
                yield return Case(dtype, $"shape=3x{cols},dim=-1,ties", Ties(dtype, 3, cols), -1, cols % 2 == 0);
            foreach (var descending in new[] { false, true })
            {
                var label = descending ? ",descending" : "";
                yield return Case(
                    dtype,
                    $"shape=5x33x7,dim=1{label}",
                    CaseSizes.Draw(dtype, [5, 33, 7]),
                    1,
                    descending
                );
                yield return Case(dtype, $"shape=1500x3,dim=0{label}", CaseSizes.Draw(dtype, [1500, 3]), 0, descending);
            }
        }
        foreach (var layout in Enum.GetValues<CaseLayout>())
            yield return Case(DType.Float32, "shape=6x37,dim=1", Draw.Normal(6, 37), 1).With(layout);
        foreach (var descending in new[] { false, true })
            yield return Case(
                DType.Float64,
                $"shape=3x4,dim=1{(descending ? ",descending" : "")}",
                Draw.Distinct(3, 4),
                1,
                descending
            ) with
            {
                CheckGradient = true,
            };
        yield return Case(DType.Float32, "shape=512x1024,dim=1", Draw.Normal(512, 1024), 1) with
        {
            IsBenchmark = true,
        };
        yield return Case(DType.Float32, "n=1048576", Draw.Normal(1048576), 0) with
        {
            IsBenchmark = true,
        };
    }

    private static CaseInput Ties(DType dtype, params long[] shape) =>
        new(shape, DrawKind.Integers, dtype.Size == 1 ? 0 : -5, dtype == DType.Bool ? 2 : 6);

    private OpCase Case(DType dtype, string label, CaseInput input, long dim, bool descending = false) =>
        new(this, dtype, label, [input], Attributes.Of(dim, descending));
}

/// <summary>Sorting, and what follows from it.</summary>
public static class SortExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The elements along an axis in rising or falling order, and their positions (i64) before. Equal elements keep their order; NaN
        /// counts as larger than every number. Gradients go back to where the values came from.
        /// </summary>
        /// <exception cref="ShapeException">There is no such axis.</exception>
        public (Tensor Values, Tensor Indices) Sort(int dim = -1, bool descending = false)
        {
            var outputs = SortOp.Instance.ApplyAll([input], Attributes.Of((long)dim, descending));
            return (outputs[0]!, outputs[1]!);
        }

        /// <summary>The positions (i64) that put an axis into rising or falling order; equal elements keep theirs.</summary>
        /// <exception cref="ShapeException">There is no such axis.</exception>
        public Tensor ArgSort(int dim = -1, bool descending = false) => input.Sort(dim, descending).Indices;

        /// <summary>The <paramref name="k"/>-th smallest element along an axis, counted from 1, and its position.</summary>
        /// <exception cref="ShapeException">The axis does not exist or has no such element.</exception>
        public (Tensor Values, Tensor Indices) KthValue(long k, int dim = -1, bool keepDim = false)
        {
            var extent = input.Rank == 0 ? 1 : input.Shape[input.Shape.Axis(dim, "kthvalue")];
            if (k < 1 || k > extent)
                throw new ShapeException(
                    $"kthvalue: axis {dim} of {input.Shape} has {extent} elements; expected a k from 1 to {extent}, got {k}"
                );
            var (values, indices) = input.Sort(dim);
            return input.Rank == 0
                ? (values, indices)
                : (Position(values, dim, k - 1, keepDim), Position(indices, dim, k - 1, keepDim));
        }
    }

    private static Tensor Position(Tensor sorted, int dim, long at, bool keepDim)
    {
        var one = sorted.Narrow(dim, at, 1);
        return keepDim ? one : one.Squeeze(sorted.Shape.Axis(dim, "kthvalue"));
    }
}
