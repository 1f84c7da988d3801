namespace CudaNet;

/// <summary>How a cumulative op goes on from one element of a line to the next.</summary>
internal interface IScanStep<T>
{
    /// <summary>What there is before the first element.</summary>
    static abstract T Start { get; }

    /// <summary>What there is after one more; <paramref name="coefficient"/> is the second input, where there is one.</summary>
    static abstract T Next(T state, T x, T coefficient);
}

/// <summary>
/// Cumulative ops in float64, or 64-bit integers. One line is a chain in which each step waits for the one before; so several lines go
/// side by side.
/// </summary>
internal static unsafe class CpuScan
{
    private const int MostLines = 16; // a cache line of f32, where lines are neighbours
    private const int DenseLines = 4; // enough to hide the latency of an addition

    public static void CumSum(in OpCall call) => Numbers<SumStep, LongSumStep>(call);

    public static void CumProd(in OpCall call) => Numbers<ProductStep, LongProductStep>(call);

    public static void LogCumSumExp(in OpCall call) => Numbers<LogSumStep, LongSumStep>(call);

    public static void LinearRecurrence(in OpCall call) => Numbers<RecurrenceStep, LongSumStep>(call);

    private static void Numbers<TStep, TIntegerStep>(in OpCall call)
        where TStep : IScanStep<double>
        where TIntegerStep : IScanStep<long>
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                Run<float, double, float, TStep>(call);
                break;
            case DType.Float64:
                Run<double, double, double, TStep>(call);
                break;
            case DType.Float16:
                Run<Half, double, Half, TStep>(call);
                break;
            case DType.BFloat16:
                Run<BFloat16, double, BFloat16, TStep>(call);
                break;
            case DType.Int64:
                Run<long, long, long, TIntegerStep>(call);
                break;
            case DType.Int32:
                Run<int, long, long, TIntegerStep>(call);
                break;
            default:
                Run<byte, long, long, TIntegerStep>(call);
                break;
        }
    }

    private static void Run<T, TState, TOut, TStep>(in OpCall call)
        where T : unmanaged
        where TState : unmanaged
        where TOut : unmanaged
        where TStep : IScanStep<TState>
    {
        var (outer, n, inner) = Slices.Split(call.Input(0).Shape, call.Attributes.Int(0), call.Op.Name);
        if (n == 0 || outer == 0 || inner == 0)
            return;
        var reverse = call.Attributes.Bool(1);
        var (x, y) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data);
        var second = call.Inputs.Length > 1 ? (nint)call.Input(1).Data : 0;
        // Lines of one group lie one element apart, or, where each is dense, one line.
        var (groups, width) = inner > 1 ? (inner, MostLines) : (outer, DenseLines);
        var tiles = (groups + width - 1) / width;
        CpuThreads.For(
            (inner > 1 ? outer : 1) * tiles,
            2 * n * width,
            (from, to) =>
            {
                for (var item = from; item < to; item++)
                {
                    var (group, tile) = Math.DivRem(item, tiles);
                    var first = inner > 1 ? group * n * inner + tile * width : tile * width * n;
                    if (reverse)
                        first += (n - 1) * inner;
                    Lines<T, TState, TOut, TStep>(
                        (T*)x + first,
                        second == 0 ? null : (T*)second + first,
                        (TOut*)y + first,
                        n,
                        reverse ? -inner : inner,
                        (int)Math.Min(width, groups - tile * width),
                        inner > 1 ? 1 : n
                    );
                }
            }
        );
    }

    private static void Lines<T, TState, TOut, TStep>(
        T* x,
        T* coefficient,
        TOut* y,
        long n,
        long step,
        int lines,
        long apart
    )
        where T : unmanaged
        where TState : unmanaged
        where TOut : unmanaged
        where TStep : IScanStep<TState>
    {
        var states = stackalloc TState[MostLines];
        new Span<TState>(states, lines).Fill(TStep.Start);
        for (long k = 0; k < n; k++)
        {
            for (var line = 0; line < lines; line++)
            {
                var at = k * step + line * apart;
                var other = coefficient == null ? default : CpuCast.Convert<T, TState>(coefficient[at]);
                states[line] = TStep.Next(states[line], CpuCast.Convert<T, TState>(x[at]), other);
                y[at] = CpuCast.Convert<TState, TOut>(states[line]);
            }
        }
    }

    private readonly struct SumStep : IScanStep<double>
    {
        public static double Start => 0;

        public static double Next(double state, double x, double coefficient) => state + x;
    }

    private readonly struct LongSumStep : IScanStep<long>
    {
        public static long Start => 0;

        public static long Next(long state, long x, long coefficient) => state + x;
    }

    private readonly struct ProductStep : IScanStep<double>
    {
        public static double Start => 1;

        public static double Next(double state, double x, double coefficient) => state * x;
    }

    private readonly struct LongProductStep : IScanStep<long>
    {
        public static long Start => 1;

        public static long Next(long state, long x, long coefficient) => state * x;
    }

    private readonly struct LogSumStep : IScanStep<double>
    {
        public static double Start => double.NegativeInfinity;

        public static double Next(double state, double x, double coefficient)
        {
            var larger = Math.Max(state, x);
            return double.IsInfinity(larger) || double.IsNaN(larger)
                ? larger
                : larger + Math.Log(1 + Math.Exp(Math.Min(state, x) - larger));
        }
    }

    private readonly struct RecurrenceStep : IScanStep<double>
    {
        public static double Start => 0;

        public static double Next(double state, double x, double coefficient) => coefficient * state + x;
    }
}
