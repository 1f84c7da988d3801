namespace CudaNet;

/// <summary>
/// Moves running statistics towards those of a batch and counts the batch: running += momentum · (batch − running), the variance being
/// multiplied by n/(n − 1) first, which makes it unbiased.
/// </summary>
internal sealed class BatchNormUpdateOp()
    : Op(
        "batch_norm_update",
        "running_mean!, running_var!, num_batches_tracked!, mean, var; momentum: float = 0.1, count: int"
    )
{
    public static readonly BatchNormUpdateOp Instance = new();

    public override string NoBackwardReason => "it writes running statistics in place";

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.Input(0).DType;
        if (!dtype.IsFloating || call.Input(0).Rank != 1)
            throw call.ShapeError("expected a running_mean of one value per channel, of a floating dtype");
        foreach (var i in new[] { 1, 3, 4 })
            BatchNormShapes.RequireChannels(call, i, call.Input(0).Shape[0], dtype);
        if (call.Input(2).DType != DType.Int64 || call.Input(2).NumElements != 1)
            throw call.DTypeError("expected num_batches_tracked to be one i64 value");
        if (call.Attributes.Int(1) < 2)
            throw new AttributeException(
                $"{call.Describe()}: count, the number of values per channel, must be at least 2; got {call.Attributes.Int(1)}"
            );
    }

    public override void Reference(ReferenceCall call)
    {
        var (momentum, n) = (call.Attributes.Float(0), (double)call.Attributes.Int(1));
        for (long c = 0; c < call.Input().Shape[0]; c++)
        {
            Move(call.Input(), call.Input(3)[c]);
            Move(call.Input(1), call.Input(4)[c] * (n / (n - 1)));

            void Move(ReferenceTensor running, double batch)
            {
                if (running.Magnitude.Length > 0)
                    running.Magnitude[c] =
                        Math.Abs(running[c]) + Math.Abs(momentum) * (Math.Abs(batch) + Math.Abs(running[c]));
                running[c] += momentum * (batch - running[c]);
            }
        }
        call.Input(2)[0]++;
    }

    public override double Flops(in OpCall call) => 7.0 * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        foreach (var channels in new long[] { 0, 1, 33, 257 })
            yield return Case(dtype, channels, 0.1, 2 + channels);
        yield return Case(DType.Float32, 5, 1, 3);
        yield return Case(DType.Float32, 1024, 0.1, 100_352) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, long channels, double momentum, long count) =>
        new(
            this,
            dtype,
            System.FormattableString.Invariant($"channels={channels},momentum={momentum},count={count}"),
            [
                Draw.Normal(channels),
                Draw.Uniform(0.5, 1.5, channels),
                new CaseInput([], DrawKind.Integers, 0, 100) { DType = DType.Int64 },
                Draw.Normal(channels),
                Draw.Uniform(0.5, 1.5, channels),
            ],
            Attributes.Of(momentum, count)
        );
}
