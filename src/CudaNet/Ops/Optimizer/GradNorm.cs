namespace CudaNet;

/// <summary>
/// The norm of the given order over all elements of many tensors, as one f64 number; two launches, always with the same bits. What
/// torch.nn.utils.clip_grad_norm_ calls the total norm.
/// </summary>
internal sealed class GradNormOp() : Op("grad_norm", "grad*; ord: float = 2 -> norm")
{
    public static readonly GradNormOp Instance = new();

    public override string NoBackwardReason =>
        "it looks at gradients after the backward pass; VectorNorm has gradients";

    internal override CpuKernel? Cpu => CpuMultiTensor.GradNorm;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        if (call.ListLength == 0)
            throw new AttributeException("grad_norm: needs at least one gradient");
        call.RequireFloating();
        if (!(call.Attributes.Float(0) > 0))
            throw new AttributeException(
                $"{call.Describe()}: expected an order above 0, or infinity; got {call.Attributes.Float(0)}"
            );
        outputs[0] = new(Shape.Scalar, DType.Float64);
    }

    public override void Reference(ReferenceCall call)
    {
        var (ord, norm) = (call.Attributes.Float(0), call.Output());
        double sum = 0;
        long terms = 0;
        foreach (var gradient in call.Inputs)
        {
            terms += gradient!.Shape.NumElements;
            for (long i = 0; i < gradient.Shape.NumElements; i++)
            {
                var size = Math.Abs(gradient[i]);
                sum =
                    ord == 2 ? sum + size * size
                    : double.IsPositiveInfinity(ord) ? Math.Max(sum, size)
                    : sum + Math.Pow(size, ord);
            }
        }
        norm[0] =
            ord == 2 ? Math.Sqrt(sum)
            : double.IsPositiveInfinity(ord) ? sum
            : Math.Pow(sum, 1 / ord);
        norm.Terms = Math.Max(terms, 1);
    }

    public override double Flops(in OpCall call) => 2.0 * call.List(0).ToArray().Sum(g => g!.NumElements);

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        foreach (var ord in new[] { 2, 1, 3, double.PositiveInfinity })
            yield return Case(dtype, FormattableString.Invariant($"ord={ord}"), ord, [33], [5, 7], [4097], [0], [1]);
        yield return Case(DType.Float32, "ord=0.5", 0.5, [3, 5], [31]);
        yield return Case(DType.Float32, "grads=170", 2, MultiTensorCases.Many(170));
        yield return Case(DType.Float32, "grads=160,empty=2", 2, [.. MultiTensorCases.Many(160, least: 1), [0], [0]]);
        yield return Case(DType.Float32, "empty", 2, [0], [2, 0]);
        yield return Case(DType.Float32, "n=12289", 2, [12289]).With(CaseLayout.Offset);
        yield return Case(DType.BFloat16, "n=8192", 2, [8192], [4096]);
        yield return Case(DType.Float32, "n=1048576", 2, [1048576]) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, string label, double ord, params long[][] shapes) =>
        new(this, dtype, label, [.. shapes.Select(s => Draw.Normal(s))], Attributes.Of(ord));
}

/// <summary>Lists of tensors for the cases of ops that take many of them.</summary>
internal static class MultiTensorCases
{
    /// <summary>More tensors than a kernel's table holds, a few elements each; some have none.</summary>
    public static long[][] Many(int count, int least = 0) =>
        [.. Enumerable.Range(0, count).Select(i => new long[] { least + i % 5 })];

    /// <summary>No elements, one, a warp and one, a part of a block, a whole block of 4,096 and one more.</summary>
    public static long[][] Sizes { get; } =
    [
        [33],
        [5, 7],
        [4097],
        [0],
        [1],
        [2, 2048],
    ];
}
