namespace CudaNet;

/// <summary>What softmax, its logarithm and their backwards share: independent slices along one axis.</summary>
internal abstract class SoftmaxFamilyOp(string name, string signature) : Op(name, signature)
{
    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        for (var i = 1; i < call.Inputs.Length; i++)
            if (!call.Input(i).Shape.Equals(call.Input(0).Shape))
                throw call.ShapeError("grad_output and output must have one shape");
        call.Input(0).Shape.Axis(call.Attributes.Int(0), Name);
        outputs[0] = new(call.Input(0).Shape, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var y = call.Output();
        foreach (var (first, step, n) in Slices.Of(y.Shape, call.Attributes.Int(0), Name))
            Slice(call, first, step, n);
        y.Terms = y.Shape.Rank == 0 ? 1 : Math.Max(1, y.Shape[y.Shape.Axis(call.Attributes.Int(0), Name)]);
    }

    /// <summary>The textbook loop over the n elements at first, first + step, …</summary>
    protected abstract void Slice(ReferenceCall call, long first, long step, long n);

    /// <summary>The inputs of a case.</summary>
    protected abstract CaseInput[] DrawInputs(params long[] shape);

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (
                var (rows, cols) in new (long, long)[]
                {
                    (0, 5),
                    (3, 0),
                    (1, 1),
                    (3, 31),
                    (2, 32),
                    (5, 33),
                    (113, 203),
                    (4, 1024),
                    (3, 1025),
                    (2, 4099),
                }
            )
                yield return new OpCase(this, dtype, $"rows={rows},cols={cols}", DrawInputs(rows, cols), At(1));
            foreach (var (shape, dim) in new (long[], int)[] { ([5, 33, 7], 1), ([37, 3], 0), ([2, 3, 4, 5], -3) })
                yield return new OpCase(
                    this,
                    dtype,
                    $"shape={string.Join('x', shape)},dim={dim}",
                    DrawInputs(shape),
                    At(dim)
                );
            foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
                yield return new OpCase(this, dtype, "rows=9,cols=67", DrawInputs(9, 67), At(1)).With(layout);
        }
        yield return new OpCase(this, DType.Float64, "rows=2,cols=4", DrawInputs(2, 4), At(1)) { CheckGradient = true };
        yield return new OpCase(this, DType.Float64, "shape=3x2,dim=0", DrawInputs(3, 2), At(0))
        {
            CheckGradient = true,
        };
        yield return new OpCase(this, DType.Float32, "rows=512,cols=1024", DrawInputs(512, 1024), At(1))
        {
            IsBenchmark = true,
        };
    }

    private static Attributes At(long dim) => Attributes.Of(dim);
}

/// <summary>The slices of a contiguous tensor along one axis.</summary>
internal static class Slices
{
    public static IEnumerable<(long First, long Step, long Count)> Of(Shape shape, long dim, string caller)
    {
        var (outer, n, inner) = Split(shape, dim, caller);
        for (long o = 0; o < outer; o++)
        for (long i = 0; i < inner; i++)
            yield return (o * n * inner + i, inner, n);
    }

    /// <summary>How many elements lie before, along and behind an axis; a scalar has one axis of extent 1.</summary>
    public static (long Outer, long Count, long Inner) Split(Shape shape, long dim, string caller)
    {
        var axis = shape.Axis(dim, caller);
        if (shape.Rank == 0)
            return (1, 1, 1);
        long outer = 1,
            inner = 1;
        for (var i = 0; i < shape.Rank; i++)
        {
            outer *= i < axis ? shape[i] : 1;
            inner *= i > axis ? shape[i] : 1;
        }
        return (outer, shape[axis], inner);
    }
}

/// <summary>The largest element of a slice, Σ exp(x − max), and the relative noise of that sum: a rounded exponent x − max makes an error of
/// |x − max| units in its power, and powers enter by their share.</summary>
internal readonly record struct ExpSum(double Max, double Sum, double Noise)
{
    public static ExpSum Of(ReferenceTensor x, long first, long step, long n)
    {
        var values = new double[n];
        for (long i = 0; i < n; i++)
            values[i] = x[first + i * step];
        return Of(values);
    }

    public static ExpSum Of(ReadOnlySpan<double> values)
    {
        var max = double.NegativeInfinity;
        foreach (var value in values)
            max = Math.Max(max, value);
        double sum = 0,
            noise = 0;
        foreach (var value in values)
        {
            var z = value - max;
            sum += Math.Exp(z);
            noise += Math.Exp(z) * (1 + Math.Abs(z));
        }
        return new(max, sum, noise / sum);
    }

    /// <summary>log Σ exp(x).</summary>
    public double Log => double.IsInfinity(Max) ? Max : Max + Math.Log(Sum);

    /// <summary>Its S in the tolerance rule.</summary>
    public double LogMagnitude => Math.Abs(Max) + Math.Abs(Math.Log(Sum)) + Noise;
}
