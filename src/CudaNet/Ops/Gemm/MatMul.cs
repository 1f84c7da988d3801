namespace CudaNet;

/// <summary>
/// Matrix products with the rules of torch.matmul: vectors are rows on the left and columns on the right and leave no axis behind, axes
/// before the last two are batches and broadcast.
/// </summary>
internal sealed class MatMulOp() : Op("matmul", "input, other -> output")
{
    public static readonly MatMulOp Instance = new();

    protected internal override bool AcceptsStrides => true;

    protected internal override ReadOnlySpan<int> Tf32Variants => [9, 10]; // of kernels/gemm/gemm.cuh

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel? Cpu => CpuMatMul.MatMul;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var (a, b) = (call.Input(0).Shape, call.Input(1).Shape);
        if (a.Rank == 0 || b.Rank == 0)
            throw call.ShapeError("both need at least one axis; multiply by a scalar with *");
        var rowsOfB = b.Rank == 1 ? b[0] : b[-2];
        if (a[-1] != rowsOfB)
            throw call.ShapeError(
                $"the inner extents must be equal: input has {a[-1]} columns, other has {rowsOfB} rows"
            );
        var shape =
            MatMulPlan.OutputShape(a, b)
            ?? throw call.ShapeError(
                $"the batch axes {MatMulPlan.Batch(a)} and {MatMulPlan.Batch(b)} do not broadcast: from the last backwards, extents must be equal or 1"
            );
        outputs[0] = new(shape, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (a, b, y) = (call.Input(0), call.Input(1), call.Output());
        var (m, k) = (a.Shape.Rank > 1 ? a.Shape[-2] : 1, a.Shape[-1]);
        var n = b.Shape.Rank > 1 ? b.Shape[-1] : 1;
        var (batchA, batchB) = (MatMulPlan.Batch(a.Shape), MatMulPlan.Batch(b.Shape));
        var batch = Shape.Broadcast(batchA, batchB)!;
        for (long matrix = 0; matrix < batch.NumElements; matrix++)
        {
            var startA = Position(matrix, batch, batchA) * m * k;
            var startB = Position(matrix, batch, batchB) * k * n;
            for (long i = 0; i < m; i++)
            for (long j = 0; j < n; j++)
            {
                double sum = 0,
                    magnitude = 0;
                for (long l = 0; l < k; l++)
                {
                    var product = a[startA + i * k + l] * b[startB + l * n + j];
                    sum += product;
                    magnitude += Math.Abs(product);
                }
                var at = (matrix * m + i) * n + j;
                y[at] = sum;
                y.Magnitude[at] = magnitude;
            }
        }
        y.Terms = Math.Max(1, k);
    }

    /// <summary>The number of a matrix of the broadcast batch in an operand with its own batch axes.</summary>
    private static long Position(long matrix, Shape batch, Shape own)
    {
        long position = 0;
        for (var axis = 0; axis < own.Rank; axis++)
        {
            var outer = axis + batch.Rank - own.Rank;
            var at = matrix / batch.ContiguousStrides[outer] % batch[outer];
            position += own[axis] == 1 ? 0 : at * own.ContiguousStrides[axis];
        }
        return position;
    }

    protected internal override void Backward(BackwardCall call)
    {
        var (shapeA, shapeB) = (call.InputShape(0), call.InputShape(1));
        var a = shapeA.Rank == 1 ? call.Input(0).Unsqueeze(0) : call.Input(0);
        var b = shapeB.Rank == 1 ? call.Input(1).Unsqueeze(1) : call.Input(1);
        var gradient = call.GradOutput();
        if (shapeA.Rank == 1 || shapeB.Rank == 1)
            gradient = gradient.Reshape(MatMulPlan.OutputShape(a.Shape, b.Shape)!);
        if (call.Needs(0))
            call.Set(0, gradient.MatMul(b.Transpose(-2, -1)).SumTo(a.Shape).Reshape(shapeA));
        if (call.Needs(1))
            call.Set(1, GradOther(a, b.Shape, gradient).Reshape(shapeB));
    }

    /// <summary>aᵀ · gradient. Under one b for all batches it is one product over all rows, and no batch of products to sum up.</summary>
    private static Tensor GradOther(Tensor a, Shape b, Tensor gradient)
    {
        if (b.Rank != 2 || a.Rank == 2)
            return a.Transpose(-2, -1).MatMul(gradient).SumTo(b);
        var rows = MatMulPlan.Batch(a.Shape).NumElements * a.Shape[-2];
        return a.Reshape(rows, a.Shape[-1]).T.MatMul(gradient.Reshape(rows, b[1]));
    }

    public override double Flops(in OpCall call) =>
        2.0 * call.Input(0).Shape[-1] * (call.Outputs.IsEmpty ? 0 : call.Output(0).NumElements);

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (var (m, n, k) in MatMulCases.Sizes)
                yield return Case(dtype, $"m={m},n={n},k={k}", [m, k], [k, n]);
            foreach (var (name, a, b) in MatMulCases.Layouts)
            foreach (var (m, n, k) in new (long, long, long)[] { (17, 33, 65), (64, 128, 48) })
                yield return Case(dtype, $"m={m},n={n},k={k},strides={name}", [m, k], [k, n], a, b);
            foreach (var (name, a, b) in MatMulCases.Padded)
                yield return Case(dtype, $"m=31,n=63,k=63,strides={name}", [31, 63], [63, 63], a, b);
            foreach (var (a, b) in MatMulCases.Batches)
                yield return Case(dtype, $"input={Extents(a)},other={Extents(b)}", a, b);
            foreach (var (m, n, k) in new (long, long, long)[] { (13, 17, 19), (65, 129, 70) })
                yield return new OpCase(
                    this,
                    dtype,
                    $"m={m},n={n},k={k},values=integers",
                    [MatMulCases.Integers([m, k]), MatMulCases.Integers([k, n])]
                )
                {
                    IsExact = true,
                };
        }
        yield return Case(DType.Float32, "m=3,n=4100,k=700", [3, 700], [700, 4100]);
        foreach (
            var (a, b) in new (long[], long[])[]
            {
                ([2, 3], [3, 2]),
                ([3], [3]),
                ([3], [3, 2]),
                ([2, 3], [3]),
                ([2, 2, 3], [3, 2]),
                ([2, 1, 2, 2], [3, 2, 1]),
                ([2], [2, 2, 2]),
            }
        )
            yield return Case(DType.Float64, $"input={Extents(a)},other={Extents(b)},gradient", a, b) with
            {
                CheckGradient = true,
            };
        foreach (var (m, n, k) in MatMulCases.Benchmarks)
            yield return Case(DType.Float32, $"m={m},n={n},k={k}", [m, k], [k, n]) with
            {
                IsBenchmark = true,
            };
        yield return Case(DType.BFloat16, "m=1024,n=1024,k=1024", [1024, 1024], [1024, 1024]) with
        {
            IsBenchmark = true,
        };
    }

    private static string Extents(long[] shape) => string.Join('x', shape);

    private OpCase Case(
        DType dtype,
        string label,
        long[] a,
        long[] b,
        CaseLayout layoutA = CaseLayout.Contiguous,
        CaseLayout layoutB = CaseLayout.Contiguous
    ) => new(this, dtype, label, [Draw.Normal(a) with { Layout = layoutA }, Draw.Normal(b) with { Layout = layoutB }]);
}

/// <summary>The sizes at which matrix products are checked: one, odd, prime, around the tiles of the kernels, and empty.</summary>
internal static class MatMulCases
{
    public static IReadOnlyList<(long M, long N, long K)> Sizes { get; } =
    [
        (0, 3, 4),
        (3, 0, 4),
        (3, 4, 0),
        (1, 1, 1),
        (1, 17, 5),
        (17, 1, 33),
        (2, 19, 37),
        (5, 6, 7),
        (6, 16, 16),
        (7, 15, 17),
        (15, 33, 31),
        (16, 16, 16),
        (13, 29, 31),
        (63, 65, 64),
        (64, 64, 63),
        (65, 63, 17),
        (129, 127, 33),
        (11, 40, 701),
        (70, 136, 200),
    ];

    public static IReadOnlyList<(string Name, CaseLayout A, CaseLayout B)> Layouts { get; } =
    [
        ("nt", CaseLayout.Contiguous, CaseLayout.Transposed),
        ("tn", CaseLayout.Transposed, CaseLayout.Contiguous),
        ("tt", CaseLayout.Transposed, CaseLayout.Transposed),
        ("offset", CaseLayout.Offset, CaseLayout.Offset),
        ("gaps", CaseLayout.Strided, CaseLayout.Strided),
        ("zero", CaseLayout.Broadcast, CaseLayout.Broadcast),
    ];

    /// <summary>For an inner extent that is one less than a whole number of vectors.</summary>
    public static IReadOnlyList<(string Name, CaseLayout A, CaseLayout B)> Padded { get; } =
    [
        ("padded", CaseLayout.Padded, CaseLayout.Padded),
        ("padded-nt", CaseLayout.Padded, CaseLayout.Transposed),
        ("t-padded", CaseLayout.Transposed, CaseLayout.Padded),
    ];

    public static IReadOnlyList<(long[] A, long[] B)> Batches { get; } =
    [
        ([7], [7]),
        ([33], [33, 5]),
        ([5, 33], [33]),
        ([3, 5, 7], [7]),
        ([7], [3, 7, 5]),
        ([3, 5, 7], [7, 9]),
        ([5, 7], [3, 7, 9]),
        ([3, 5, 7], [3, 7, 9]),
        ([4, 1, 5, 7], [3, 7, 2]),
        ([2, 3, 17, 16], [2, 1, 16, 33]),
        ([0, 5, 7], [7, 9]),
        ([33, 8, 8], [33, 8, 8]),
        ([2, 18, 520], [2, 520, 24]),
    ];

    public static IReadOnlyList<(long M, long N, long K)> Benchmarks { get; } =
    [(64, 64, 64), (256, 256, 256), (128, 256, 784), (64, 2048, 512), (1024, 1024, 1024)];

    /// <summary>Whole numbers so small that every sum is exact in every dtype: results must be equal bit by bit.</summary>
    public static CaseInput Integers(long[] shape) => new(shape, DrawKind.Integers, -1, 2);
}

/// <summary>Matrix products.</summary>
public static class MatMulExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The matrix product with the rules of torch.matmul: (…, M, K) · (…, K, N) = (…, M, N) with broadcast leading axes; a vector (K) is
        /// a row on the left and a column on the right, and its axis is absent from the result. Accumulates in f32 (f64 for f64).
        /// Transposed views are read in place.
        /// </summary>
        /// <exception cref="ShapeException">The inner extents differ or the leading axes do not broadcast.</exception>
        public Tensor MatMul(Tensor other) => MatMulOp.Instance.Apply([input, other]);
    }
}
