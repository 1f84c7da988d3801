namespace CudaNet;

internal sealed class FullOp()
    : Op("full", "; shape: ints, value: float, dtype: dtype = f32, value_bits: int = 0 -> output")
{
    public static readonly FullOp Instance = new();

    public override string NoBackwardReason => "it has no inputs";

    public override bool IsExact => true;

    internal override CpuKernel Cpu => CpuFull.Run;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs) =>
        outputs[0] = new(new Shape(call.Attributes.Ints(0)), call.Attributes.DType(2));

    public override void Reference(ReferenceCall call)
    {
        var y = call.Output();
        Array.Fill(y.Values, y.DType.IsFloating ? call.Attributes.Float(1) : call.Attributes.Int(3));
    }

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in DTypes.All)
        foreach (var n in CaseSizes.Lengths)
            yield return new OpCase(this, dtype, $"n={n}", [], Attributes.Of(new long[] { n }, 1.0, dtype, 1L));
        // What an integer dtype does not hold becomes its nearest number.
        foreach (var dtype in DTypes.All.Where(d => !d.IsFloating))
        foreach (var bits in new[] { long.MinValue, -3, 300, 1L << 40, long.MaxValue })
            yield return new OpCase(
                this,
                dtype,
                $"n=67,value={bits}",
                [],
                Attributes.Of(new long[] { 67 }, (double)bits, dtype, bits)
            );
        yield return new OpCase(
            this,
            DType.Float32,
            "n=1048576",
            [],
            Attributes.Of(new long[] { 1048576 }, 1.5, DType.Float32, 1L)
        )
        {
            IsBenchmark = true,
        };
    }
}

/// <summary>Tensors with one value everywhere.</summary>
public static class FullExtensions
{
    extension(Tensor)
    {
        /// <summary>A tensor filled with <paramref name="value"/>, converted as by <c>Cast</c>: rounded to a floating dtype, truncated and
        /// saturated to an integer one.</summary>
        public static Tensor Full(Shape shape, double value, DType dtype = DType.Float32, Device? device = null)
        {
            var bits =
                dtype != DType.Bool ? long.CreateSaturating(value)
                : value != 0 ? 1
                : 0;
            return FullOp.Instance.Apply([], Attributes.Of(shape, value, dtype, bits), device);
        }

        /// <summary>A tensor of zeros.</summary>
        public static Tensor Zeros(Shape shape, DType dtype = DType.Float32, Device? device = null) =>
            Tensor.Full(shape, 0, dtype, device);

        /// <summary>A tensor of ones.</summary>
        public static Tensor Ones(Shape shape, DType dtype = DType.Float32, Device? device = null) =>
            Tensor.Full(shape, 1, dtype, device);
    }
}
