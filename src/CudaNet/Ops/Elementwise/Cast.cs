namespace CudaNet;

internal sealed class CastOp() : Op("cast", "input; dtype: dtype -> output")
{
    public static readonly CastOp Instance = new();

    protected internal override bool AcceptsStrides => true;

    internal override CpuKernel Cpu => CpuCast.Run;

    public override bool IsExact => true;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs) =>
        outputs[0] = new(call.Input(0).Shape, call.Attributes.DType(0));

    public override void Reference(ReferenceCall call) => call.Input().Values.CopyTo(call.Output().Values, 0);

    protected internal override void Backward(BackwardCall call) =>
        call.Set(0, call.GradOutput().Cast(call.InputDType(0)));

    private const double Least = 1.0 / (1 << 24); // half of what f32 tells apart next to 1

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var from in DTypes.All)
        foreach (var to in DTypes.All)
        {
            yield return new OpCase(this, from, $"to={to.Name},n=67", [DrawFor(from, 67)], Attributes.Of(to));
            if (from is not (DType.Bool or DType.UInt8))
                yield return new OpCase(this, from, $"to={to.Name},n=97,wide", [DrawWide(from, 97)], Attributes.Of(to));
        }
        // Next to the middle between two numbers of 16 bits, where rounding to f32 first would give the middle itself.
        foreach (var (to, step) in new[] { (DType.Float16, 1.0 / (1 << 10)), (DType.BFloat16, 1.0 / (1 << 7)) })
        {
            yield return NextTo(1 + step / 2, 1 + step / 2 + Least, "above");
            yield return NextTo(-1 - step / 2 - Least, -1 - step / 2, "below");
            yield return NextTo(1 + 3 * step / 2 - Least, 1 + 3 * step / 2, "under");

            OpCase NextTo(double low, double high, string side) =>
                new(this, DType.Float64, $"to={to.Name},n=5,{side}", [Draw.Uniform(low, high, 5)], Attributes.Of(to));
        }
        // The same with integers; those next to 2^25 are 4 apart in f32.
        foreach (
            var (low, side) in new[] { ((1L << 25) + (1 << 17) + 1, "above"), (-(1L << 25) - (1 << 17) - 1, "below") }
        )
            yield return new OpCase(
                this,
                DType.Int64,
                $"to=bf16,n=3,{side}",
                [new CaseInput([3], DrawKind.Integers, low, low + 1)],
                Attributes.Of(DType.BFloat16)
            );
        foreach (var layout in Enum.GetValues<CaseLayout>())
            yield return new OpCase(
                this,
                DType.Float32,
                "to=f32,shape=3x5x7",
                [Draw.Normal(3, 5, 7)],
                Attributes.Of(DType.Float32)
            ).With(layout);
        yield return new OpCase(this, DType.Float64, "to=f64,n=4", [Draw.Normal(4)], Attributes.Of(DType.Float64))
        {
            CheckGradient = true,
        };
        yield return new OpCase(
            this,
            DType.Float32,
            "to=bf16,n=1048576",
            [Draw.Normal(1048576)],
            Attributes.Of(DType.BFloat16)
        )
        {
            IsBenchmark = true,
        };
    }

    /// <summary>Mostly beyond the limits of narrower dtypes.</summary>
    private static CaseInput DrawWide(DType dtype, long n)
    {
        var most = dtype switch
        {
            DType.Float16 => 65504,
            DType.Int32 => Math.Pow(2, 31),
            DType.Int64 => Math.Pow(2, 63),
            _ => 3e19,
        };
        return new CaseInput([n], dtype.IsFloating ? DrawKind.Uniform : DrawKind.Integers, -most, most);
    }

    private static CaseInput DrawFor(DType dtype, long n) =>
        dtype.IsFloating
            ? Draw.Uniform(-300, 300, n)
            : new CaseInput([n], DrawKind.Integers, 0, dtype == DType.Bool ? 2 : 200);
}

/// <summary>Conversion between dtypes, and contiguous copies.</summary>
public static class CastExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The values in another dtype. Floats round to nearest, ties to even; float to integer truncates towards zero and turns NaN into 0;
        /// what the target cannot hold becomes its nearest number, also from integer to integer, where PyTorch wraps; to bool is x ≠ 0.
        /// The tensor itself when it has the dtype already, unless <paramref name="copy"/> is set.
        /// </summary>
        public Tensor Cast(DType dtype, bool copy = false) =>
            dtype == input.DType && !copy ? input : CastOp.Instance.Apply([input], Attributes.Of(dtype));

        /// <summary>The same values in C order; the tensor itself when it is contiguous already.</summary>
        public Tensor Contiguous() => input.IsContiguous ? input : input.Cast(input.DType, copy: true);

        /// <summary>A contiguous copy.</summary>
        public Tensor Clone() => input.Cast(input.DType, copy: true);
    }
}
