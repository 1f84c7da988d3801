namespace CudaNet;

/// <summary>scale · x + shift with numbers: what every operator between a tensor and a number is made of.</summary>
internal sealed class AffineOp() : Op("affine", "input; scale: float, shift: float = 0 -> output")
{
    public static readonly AffineOp Instance = new();

    protected internal override bool AcceptsStrides => true;

    internal override CpuKernel Cpu => CpuElementwise.Affine;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs) =>
        outputs[0] = new(call.Input(0).Shape, call.RequireFloating());

    public override void Reference(ReferenceCall call)
    {
        var (x, y) = (call.Input(), call.Output());
        var (scale, shift) = (call.Attributes.Float(0), call.Attributes.Float(1));
        for (long i = 0; i < y.Shape.NumElements; i++)
        {
            y[i] = scale * x[i] + shift;
            y.Magnitude[i] = Math.Abs(scale * x[i]) + Math.Abs(shift);
        }
    }

    protected internal override void Backward(BackwardCall call) =>
        call.Set(0, call.GradOutput().Affine(call.Attributes.Float(0)));

    public override double Flops(in OpCall call) => 2.0 * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (var n in CaseSizes.Lengths)
                yield return new OpCase(this, dtype, $"n={n}", [Draw.Normal(n)], Attributes.Of(2.5, -0.75));
            foreach (var layout in Enum.GetValues<CaseLayout>())
                yield return new OpCase(
                    this,
                    dtype,
                    "rows=13,cols=29",
                    [Draw.Normal(13, 29)],
                    Attributes.Of(-1.0, 1.0)
                ).With(layout);
        }
        yield return new OpCase(this, DType.Float64, "n=5", [Draw.Normal(5)], Attributes.Of(3.0, 1.0))
        {
            CheckGradient = true,
        };
        yield return new OpCase(this, DType.Float32, "n=1048576", [Draw.Normal(1048576)], Attributes.Of(2.0, 1.0))
        {
            IsBenchmark = true,
        };
    }
}

/// <summary>Arithmetic between a tensor and a number.</summary>
public static class AffineExtensions
{
    extension(Tensor input)
    {
        /// <summary>scale · input + shift.</summary>
        public Tensor Affine(double scale, double shift = 0) =>
            AffineOp.Instance.Apply([input], Attributes.Of(scale, shift));

        /// <summary>input + number. For an integer tensor the number must be one of its dtype.</summary>
        public static Tensor operator +(Tensor a, double b) =>
            a.DType.IsFloating ? a.Affine(1, b) : a.Add(a.Number(b, "add"));

        /// <inheritdoc cref="op_Addition(Tensor, double)"/>
        public static Tensor operator +(double a, Tensor b) => b + a;

        /// <summary>input − number. For an integer tensor the number must be one of its dtype.</summary>
        public static Tensor operator -(Tensor a, double b) =>
            a.DType.IsFloating ? a.Affine(1, -b) : a.Sub(a.Number(b, "sub"));

        /// <summary>number − input. For an integer tensor the number must be one of its dtype.</summary>
        public static Tensor operator -(double a, Tensor b) =>
            b.DType.IsFloating ? b.Affine(-1, a) : b.Number(a, "sub").Sub(b);

        /// <summary>input · number. For an integer tensor the number must be one of its dtype.</summary>
        public static Tensor operator *(Tensor a, double b) =>
            a.DType.IsFloating ? a.Affine(b) : a.Mul(a.Number(b, "mul"));

        /// <inheritdoc cref="op_Multiply(Tensor, double)"/>
        public static Tensor operator *(double a, Tensor b) => b * a;

        /// <summary>input / number; floating dtypes only.</summary>
        public static Tensor operator /(Tensor a, double b) => a.Div(Tensor.Full(Shape.Scalar, b, a.DType, a.Device));

        /// <summary>number / input; floating dtypes only.</summary>
        public static Tensor operator /(double a, Tensor b) => Tensor.Full(Shape.Scalar, a, b.DType, b.Device).Div(b);

        /// <summary>The number as a scalar of the tensor's dtype and on its device.</summary>
        /// <exception cref="DTypeException">The dtype is an integer one that does not hold the number.</exception>
        internal Tensor Number(double value, string op)
        {
            var number = Tensor.Full(Shape.Scalar, value, input.DType, input.Device);
            return input.DType.IsFloating || CaseSizes.Holds(input.DType, value)
                ? number
                : throw new DTypeException(
                    $"{op}(input {input.Shape} {input.DType.Name}, {value}): {input.DType.Name} does not hold the number; convert the tensor with Cast(DType.Float64)"
                );
        }
    }
}
