namespace CudaNet;

/// <summary>The activation functions that a linear layer applies by itself.</summary>
public enum Activation
{
    /// <summary>None: the affine map itself.</summary>
    None,

    /// <summary>max(x, 0).</summary>
    Relu,

    /// <summary>tanh x.</summary>
    Tanh,

    /// <summary>1 / (1 + e⁻ˣ).</summary>
    Sigmoid,

    /// <summary>x · Φ(x), exactly.</summary>
    Gelu,
}

/// <summary>
/// <see cref="LinearOp"/> with a residual and an activation function in the epilogue of the matrix product: f(input · weightᵀ + bias +
/// residual). The backward needs the output only, except for gelu, which keeps the values that it is applied to.
/// </summary>
internal sealed class LinearActOp()
    : Op(
        "linear_act",
        "input, weight, bias?, residual?; activation: none|relu|tanh|sigmoid|gelu = none -> output, preactivation?"
    )
{
    public static readonly LinearActOp Instance = new();

    protected internal override bool AcceptsStrides => true;

    protected internal override ReadOnlySpan<int> Tf32Variants => MatMulOp.Instance.Tf32Variants;

    protected internal override Saved Saves => Saved.Inputs(0, 1).AndOutputs(0, 1);

    internal override CpuKernel? Cpu => CpuMatMul.LinearAct;

    private static Activation Of(Attributes attributes) => (Activation)attributes.Int(0);

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        outputs[0] = LinearOp.OutputOf(call);
        if (call.Has(3) && !call.Input(3).Shape.Equals(outputs[0].Shape))
            throw call.ShapeError($"residual must have the shape of the result, {outputs[0].Shape}");
        if (Of(call.Attributes) == Activation.Gelu)
            outputs[1] = outputs[0];
    }

    public override void Reference(ReferenceCall call)
    {
        LinearOp.Instance.Reference(call);
        var (y, kept, activation) = (call.Output(), call.OutputOrNull(1), Of(call.Attributes));
        var residual = call.InputOrNull(3);
        if (residual is not null)
            y.Terms++;
        if (kept is not null)
            kept.Terms = y.Terms;
        for (long i = 0; i < y.Shape.NumElements; i++)
        {
            var added = residual?[i] ?? 0;
            var (z, magnitude) = (y[i] + added, y.Magnitude[i] + Math.Abs(added));
            if (kept is not null)
                (kept[i], kept.Magnitude[i]) = (z, magnitude);
            y[i] = activation switch
            {
                Activation.Relu => z < 0 ? 0 : z,
                Activation.Tanh => Math.Tanh(z),
                Activation.Sigmoid => SpecialFunctions.Sigmoid(z),
                Activation.Gelu => z * SpecialFunctions.NormalCdf(z),
                _ => z,
            };
            // The sum's error is passed on with a slope of at most 1.13; to it comes that of the function, at most 8 units of |z| + 1.
            y.Magnitude[i] = 1.13 * magnitude + 2 * Math.Min(Math.Abs(y[i]) + Math.Abs(z), 1 + Math.Abs(z));
        }
    }

    protected internal override void Backward(BackwardCall call)
    {
        var gradient = call.GradOutput();
        var slope = Of(call.Attributes) switch
        {
            Activation.Relu => Tensor.Where(call.Output().Gt(0), gradient, 0),
            Activation.Tanh => gradient.Mul(call.Output().Square().Affine(-1, 1)),
            Activation.Sigmoid => gradient.Mul(call.Output().Mul(call.Output().Affine(-1, 1))),
            Activation.Gelu => GeluBackwardOp.Instance.Apply(
                [gradient, call.Output(1)],
                Attributes.Of((long)GeluApproximation.None)
            ),
            _ => gradient,
        };
        // Nobody asks for the gradient of the kept values directly, but second derivatives come back through them.
        if (call.HasGradOutput(1))
            slope = slope.Add(call.GradOutput(1));
        LinearOp.SetGradients(call, slope);
        if (call.Has(3) && call.Needs(3))
            call.Set(3, slope);
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var z = inputs[0]!.Linear(inputs[1]!, inputs[2]);
        if (inputs[3] is { } residual)
            z = z + residual;
        return Of(attributes) switch
        {
            Activation.Relu => [z.Relu(), null],
            Activation.Tanh => [z.Tanh(), null],
            Activation.Sigmoid => [z.Sigmoid(), null],
            Activation.Gelu => [z.Gelu(), z],
            _ => [z, null],
        };
    }

    public override double Flops(in OpCall call) => LinearOp.Instance.Flops(call);

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var activation in Enum.GetValues<Activation>())
        {
            foreach (var dtype in CaseSizes.Floating)
            {
                foreach (var (m, n, k) in activation == Activation.Gelu ? MatMulCases.Sizes : Sizes)
                    yield return Case(dtype, activation, $"rows={m},out={n},in={k}", [m, k], n);
                foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
                    yield return Case(dtype, activation, "rows=17,out=33,in=65", [17, 65], 33).With(layout);
                yield return Case(dtype, activation, "rows=9,out=33,in=20,bias=no", [9, 20], 33, hasBias: false);
                yield return Case(dtype, activation, "rows=70,out=68,in=40", [70, 40], 68, hasResidual: true);
                yield return Case(dtype, activation, "input=3x2x5x7,out=9", [3, 2, 5, 7], 9);
                yield return Case(dtype, activation, "input=3x2x5x7,out=10", [3, 2, 5, 7], 10, hasResidual: true)
                    .With(CaseLayout.Transposed);
            }
            yield return Case(DType.Float64, activation, "rows=3,out=2,in=4", [3, 4], 2, hasResidual: true) with
            {
                CheckGradient = true,
            };
            yield return Case(DType.Float64, activation, "rows=2,out=3,in=2,bias=no", [2, 2], 3, hasBias: false) with
            {
                CheckGradient = true,
            };
            yield return Case(DType.Float32, activation, "rows=128,out=512,in=784", [128, 784], 512) with
            {
                IsBenchmark = true,
            };
        }
    }

    // One row, one column, no depth, around the register tiles, and more depth than one block of it.
    private static IReadOnlyList<(long, long, long)> Sizes { get; } =
    [(0, 3, 4), (3, 4, 0), (1, 17, 5), (17, 1, 33), (13, 29, 31), (65, 63, 17), (11, 40, 701)];

    private OpCase Case(
        DType dtype,
        Activation activation,
        string label,
        long[] input,
        long outFeatures,
        bool hasBias = true,
        bool hasResidual = false
    ) =>
        new(
            this,
            dtype,
            $"{label}{(hasResidual ? ",residual=yes" : "")},activation={activation.ToString().ToLowerInvariant()}",
            [
                Draw.Normal(input),
                Draw.Normal(outFeatures, input[^1]),
                hasBias ? Draw.Normal(outFeatures) : null,
                hasResidual ? Draw.Normal([.. input[..^1], outFeatures]) : null,
            ],
            Attributes.Of((long)activation)
        );
}
