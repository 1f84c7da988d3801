namespace CudaNet;

/// <summary>The affine map of a fully connected layer, input · weightᵀ + bias.</summary>
internal sealed class LinearOp() : Op("linear", "input, weight, bias? -> output")
{
    public static readonly LinearOp Instance = new();

    protected internal override bool AcceptsStrides => true;

    protected internal override ReadOnlySpan<int> Tf32Variants => MatMulOp.Instance.Tf32Variants;

    protected internal override Saved Saves => Saved.Inputs(0, 1);

    internal override CpuKernel? Cpu => CpuMatMul.Linear;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs) => outputs[0] = OutputOf(call);

    /// <summary>Checks the inputs and gives the shape and dtype of the result.</summary>
    public static TensorSpec OutputOf(in OpCall call)
    {
        var dtype = call.RequireFloating();
        var (input, weight) = (call.Input(0).Shape, call.Input(1).Shape);
        if (weight.Rank != 2)
            throw call.ShapeError("weight must be a matrix (out_features, in_features)");
        if (input.Rank == 0 || input[-1] != weight[1])
            throw call.ShapeError($"the input's last axis must have the {weight[1]} in_features of weight {weight}");
        if (call.Has(2) && (call.Input(2).Rank != 1 || call.Input(2).Shape[0] != weight[0]))
            throw call.ShapeError($"bias must have the {weight[0]} out_features of weight {weight}");
        return new(input.With(-1, weight[0]), dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, weight, bias, y) = (call.Input(0), call.Input(1), call.InputOrNull(2), call.Output());
        var (n, k) = (weight.Shape[0], weight.Shape[1]);
        for (long at = 0; at < y.Shape.NumElements; at++)
        {
            var (i, j) = (at / n, at % n);
            y[at] = bias?[j] ?? 0;
            y.Magnitude[at] = Math.Abs(y[at]);
            for (long l = 0; l < k; l++)
            {
                y[at] += x[i * k + l] * weight[j * k + l];
                y.Magnitude[at] += Math.Abs(x[i * k + l] * weight[j * k + l]);
            }
        }
        y.Terms = k + 1;
    }

    protected internal override void Backward(BackwardCall call) => SetGradients(call, call.GradOutput());

    /// <summary>Sets the gradients of input, weight and bias for that of input · weightᵀ + bias.</summary>
    public static void SetGradients(BackwardCall call, Tensor gradient)
    {
        var (input, weight) = (call.InputShape(0), call.InputShape(1));
        long rows = 1;
        foreach (var extent in input.Dims[..^1])
            rows *= extent;
        if (call.Needs(0))
            call.Set(0, gradient.MatMul(call.Input(1)));
        if (!call.Needs(1) && !(call.Has(2) && call.Needs(2)))
            return;
        var matrix = gradient.Reshape(rows, weight[0]);
        if (call.Needs(1))
            call.Set(1, matrix.T.MatMul(call.Input(0).Reshape(rows, weight[1])));
        if (call.Has(2) && call.Needs(2))
            call.Set(2, matrix.Sum(0));
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var product = inputs[0]!.MatMul(inputs[1]!.T);
        return [inputs[2] is { } bias ? product + bias : product];
    }

    public override double Flops(in OpCall call) =>
        2.0 * call.Input(1).NumElements * (call.Input(0).NumElements / Math.Max(1, call.Input(0).Shape[-1]));

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (var (m, n, k) in MatMulCases.Sizes)
                yield return Case(dtype, $"rows={m},out={n},in={k}", [m, k], n);
            yield return Case(dtype, "rows=9,out=33,in=20,bias=no", [9, 20], 33, hasBias: false);
            foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
                yield return Case(dtype, "rows=17,out=33,in=65", [17, 65], 33).With(layout);
            yield return Case(dtype, "input=33,out=17", [33], 17);
            yield return Case(dtype, "input=3x2x5x7,out=9", [3, 2, 5, 7], 9);
            yield return new OpCase(
                this,
                dtype,
                "rows=65,out=129,in=70,values=integers",
                [MatMulCases.Integers([65, 70]), MatMulCases.Integers([129, 70]), MatMulCases.Integers([129])]
            )
            {
                IsExact = true,
            };
        }
        yield return Case(DType.Float64, "rows=3,out=2,in=4", [3, 4], 2) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float64, "rows=2,out=3,in=2,bias=no", [2, 2], 3, hasBias: false) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float64, "input=2x2x3,out=2", [2, 2, 3], 2) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float64, "input=3,out=2", [3], 2) with
        {
            CheckGradient = true,
        };
        foreach (var (m, n, k) in MatMulCases.Benchmarks)
            yield return Case(DType.Float32, $"rows={m},out={n},in={k}", [m, k], n) with
            {
                IsBenchmark = true,
            };
    }

    private OpCase Case(DType dtype, string label, long[] input, long outFeatures, bool hasBias = true) =>
        new(
            this,
            dtype,
            label,
            [Draw.Normal(input), Draw.Normal(outFeatures, input[^1]), hasBias ? Draw.Normal(outFeatures) : null]
        );
}

/// <summary>Fully connected layers.</summary>
public static class LinearExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// input · weightᵀ + bias over the last axis: input (…, in), weight (out, in), bias (out), result (…, out), as in
        /// torch.nn.functional.linear. Accumulates in f32 (f64 for f64); the bias is added before the result is rounded.
        /// </summary>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        public Tensor Linear(Tensor weight, Tensor? bias = null) => LinearOp.Instance.Apply([input, weight, bias]);

        /// <summary>
        /// f(input · weightᵀ + bias + residual): a linear layer, a residual connection around it and the activation function in one pass over the
        /// result. The same values as the single ops, except that nothing is rounded between them.
        /// </summary>
        /// <param name="weight">(out, in).</param>
        /// <param name="bias">(out), or null.</param>
        /// <param name="activation">The function f; none leaves the sum as it is.</param>
        /// <param name="residual">What is added before the activation, of the result's shape (…, out); null for nothing.</param>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        public Tensor Linear(Tensor weight, Tensor? bias, Activation activation, Tensor? residual = null) =>
            activation == Activation.None && residual is null
                ? input.Linear(weight, bias)
                : LinearActOp.Instance.Apply([input, weight, bias, residual], Attributes.Of((long)activation));
    }
}
