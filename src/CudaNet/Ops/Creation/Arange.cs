namespace CudaNet;

/// <summary>start, start + step, … before end.</summary>
internal sealed class ArangeOp()
    : Op("arange", "; start: float, end: float, step: float = 1, dtype: dtype = i64 -> output")
{
    public static readonly ArangeOp Instance = new();

    public override string NoBackwardReason => "it has no inputs";

    public override bool IsExact => true;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var (start, end, step) = (call.Attributes.Float(0), call.Attributes.Float(1), call.Attributes.Float(2));
        var dtype = call.Attributes.DType(3);
        if (dtype == DType.Bool)
            throw new DTypeException("arange: bool has two values only; expected another dtype");
        var count = Math.Ceiling((end - start) / step);
        if (step == 0 || !double.IsFinite(count) || count < 0 || count > long.MaxValue / 2)
            throw new AttributeException(
                $"arange: from {start} to {end} by {step} is no sequence; expected finite numbers and a step that leads to the end"
            );
        outputs[0] = new(new Shape((long)count), dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var y = call.Output();
        for (long i = 0; i < y.Shape.NumElements; i++)
            y[i] = call.Attributes.Float(0) + i * call.Attributes.Float(2);
    }

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in DTypes.All.Where(d => d != DType.Bool))
        {
            foreach (var n in CaseSizes.Lengths)
                yield return Case(dtype, 0, n, 1);
            yield return Case(dtype, 1, 100, 7);
        }
        yield return Case(DType.Float32, 1, -1, -0.1);
        yield return Case(DType.Float32, 0, 1 << 20, 1) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, double start, double end, double step) =>
        new(
            this,
            dtype,
            System.FormattableString.Invariant($"start={start},end={end},step={step}"),
            [],
            Attributes.Of(start, end, step, dtype)
        );
}

/// <summary>Sequences and the unit matrix.</summary>
public static class ArangeExtensions
{
    extension(Tensor)
    {
        /// <summary>start, start + step, … before end, computed in float64 and converted to the dtype as <c>Cast</c> does.</summary>
        public static Tensor Arange(
            double start,
            double end,
            double step = 1,
            DType dtype = DType.Int64,
            Device? device = null
        ) => ArangeOp.Instance.Apply([], Attributes.Of(start, end, step, dtype), device);

        /// <summary>0, 1, … before end.</summary>
        public static Tensor Arange(long end, DType dtype = DType.Int64, Device? device = null) =>
            Tensor.Arange(0, end, 1, dtype, device);

        /// <summary><paramref name="count"/> numbers at equal distances, the first being start and the last end.</summary>
        /// <exception cref="AttributeException">The count is negative.</exception>
        public static Tensor Linspace(
            double start,
            double end,
            long count,
            DType dtype = DType.Float32,
            Device? device = null
        )
        {
            if (count < 0)
                throw new AttributeException($"linspace: expected a count of at least 0, got {count}");
            var values = new double[count];
            // From both ends, so that the last value is exact.
            for (long i = 0; i < count; i++)
                values[i] =
                    i < count / 2 || count == 1
                        ? start + i * ((end - start) / (count - 1 == 0 ? 1 : count - 1))
                        : end - (count - 1 - i) * ((end - start) / (count - 1));
            return FromHost(values, [count], dtype, device);
        }

        /// <summary>A matrix with ones on its diagonal; square unless <paramref name="columns"/> says otherwise.</summary>
        /// <exception cref="ShapeException">An extent is negative.</exception>
        public static Tensor Eye(long rows, long? columns = null, DType dtype = DType.Float32, Device? device = null)
        {
            Shape shape = [rows, columns ?? rows];
            var values = new double[shape.NumElements];
            for (long i = 0; i < Math.Min(rows, shape[1]); i++)
                values[i * shape[1] + i] = 1;
            return FromHost(values, shape, dtype, device);
        }
    }

    private static Tensor FromHost(double[] values, Shape shape, DType dtype, Device? device)
    {
        var tensor = Tensor.Empty(shape, dtype, device);
        HostData.Write(tensor, values);
        return tensor;
    }
}
