using CudaNet.Random;

namespace CudaNet;

/// <summary>Random draws on the CPU: one Philox block for all elements that share it.</summary>
internal static unsafe class CpuRandom
{
    public static (ulong Seed, ulong First) Origin(Tensor state, long offset)
    {
        var values = (long*)state.Data;
        return ((ulong)values[0], (ulong)(values[1] + offset));
    }

    public static void Run(in OpCall call)
    {
        var op = (ShapedRandomOp)call.Op;
        var (seed, first) = Origin(call.Input(0), call.Attributes.Int(op.OffsetAttribute));
        switch (call.Output(0).DType)
        {
            case DType.Float32:
                Run<float>(call, op, seed, first, static v => (float)v);
                break;
            case DType.Float64:
                Run<double>(call, op, seed, first, static v => v);
                break;
            case DType.Float16:
                Run<Half>(call, op, seed, first, static v => (Half)v);
                break;
            case DType.BFloat16:
                Run<BFloat16>(call, op, seed, first, static v => (BFloat16)v);
                break;
            case DType.Int64:
                Run<long>(call, op, seed, first, static v => (long)v);
                break;
            case DType.Int32:
                Run<int>(call, op, seed, first, static v => (int)v);
                break;
            default:
                Run<byte>(call, op, seed, first, static v => (byte)v);
                break;
        }
    }

    private static void Run<T>(in OpCall call, ShapedRandomOp op, ulong seed, ulong first, Func<double, T> round)
        where T : unmanaged
    {
        var (target, dtype, attributes) = ((nint)call.Output(0).Data, call.Output(0).DType, call.Attributes);
        var n = call.Output(0).NumElements;
        var count = op.Lanes(dtype);
        CpuThreads.For(
            RandomFormulas.Counters(n, count),
            16,
            (from, to) =>
            {
                Span<double> lanes = stackalloc double[count];
                for (var block = from; block < to; block++)
                {
                    op.Fill(Philox.Block(seed, first + (ulong)block, 0), lanes, dtype, attributes);
                    var at = block * count;
                    for (var lane = 0; lane < count && at + lane < n; lane++)
                        ((T*)target)[at + lane] = round(lanes[lane]);
                }
            }
        );
    }

    public static void RandPerm(in OpCall call)
    {
        var (seed, first) = Origin(call.Input(0), call.Attributes.Int(1));
        var n = call.Attributes.Int(0);
        var target = (nint)call.Output(0).Data;
        CpuThreads.For(
            n,
            8 * SwapOrNot.Rounds(n),
            (from, to) =>
                SwapOrNot.Map(seed, first, n, from, new Span<long>((long*)target + from, checked((int)(to - from))))
        );
    }

    public static void Drop(in OpCall call) =>
        TypedKernel.Floating(call, call.Input(0).DType, Drop<float>, Drop<double>);

    private static void Drop<T>(in OpCall call)
        where T : unmanaged, System.Numerics.INumber<T>
    {
        var p = call.Attributes.Float(0);
        var scale = T.CreateTruncating(DropoutOp.Scale(p));
        // u < p for u = word >> 8 times 2^-24 is a comparison of integers: word >> 8 below ceil(p · 2^24).
        var threshold = (uint)Math.Ceiling(p * (1 << 24));
        var (seed, first) = Origin(call.Input(1), call.Attributes.Int(1));
        var (x, y, mask) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data, (nint)call.Output(1).Data);
        var n = call.Input(0).NumElements;
        CpuThreads.For(
            (n + 3) / 4,
            16,
            (from, to) =>
            {
                for (var block = from; block < to; block++)
                {
                    var words = Philox.Block(seed, first + (ulong)block, 0);
                    var end = (int)Math.Min(4, n - 4 * block);
                    for (var lane = 0; lane < end; lane++)
                    {
                        var i = 4 * block + lane;
                        var keep = RandomFormulas.Word(words, lane) >> 8 >= threshold;
                        ((bool*)mask)[i] = keep;
                        ((T*)y)[i] = keep ? ((T*)x)[i] * scale : T.Zero;
                    }
                }
            }
        );
    }

    public static void DrawSlopes(in OpCall call) =>
        TypedKernel.Floating(call, call.Input(0).DType, DrawSlopes<float>, DrawSlopes<double>);

    private static void DrawSlopes<T>(in OpCall call)
        where T : unmanaged, System.Numerics.INumber<T>
    {
        var lower = T.CreateTruncating(call.Attributes.Float(0));
        var step = T.CreateTruncating((call.Attributes.Float(1) - call.Attributes.Float(0)) / (1 << 24));
        var (seed, first) = Origin(call.Input(1), call.Attributes.Int(2));
        var (x, y, noise) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data, (nint)call.Output(1).Data);
        var n = call.Input(0).NumElements;
        CpuThreads.For(
            (n + 3) / 4,
            16,
            (from, to) =>
            {
                for (var block = from; block < to; block++)
                {
                    var words = Philox.Block(seed, first + (ulong)block, 0);
                    var end = (int)Math.Min(4, n - 4 * block);
                    for (var lane = 0; lane < end; lane++)
                    {
                        var i = 4 * block + lane;
                        var value = ((T*)x)[i];
                        var uniform = T.CreateTruncating(RandomFormulas.Word(words, lane) >> 8);
                        var slope = value > T.Zero ? T.One : lower + uniform * step;
                        ((T*)noise)[i] = slope;
                        ((T*)y)[i] = value * slope;
                    }
                }
            }
        );
    }

    public static void DropoutBackward(in OpCall call) =>
        TypedKernel.Floating(call, call.Input(0).DType, DropoutBackward<float>, DropoutBackward<double>);

    private static void DropoutBackward<T>(in OpCall call)
        where T : unmanaged, System.Numerics.INumber<T>
    {
        var scale = T.CreateTruncating(DropoutOp.Scale(call.Attributes.Float(0)));
        var (g, mask, x) = ((nint)call.Input(0).Data, (nint)call.Input(1).Data, (nint)call.Output(0).Data);
        CpuThreads.For(
            call.Input(0).NumElements,
            1,
            (from, to) =>
            {
                for (var i = from; i < to; i++)
                    ((T*)x)[i] = ((bool*)mask)[i] ? ((T*)g)[i] * scale : T.Zero;
            }
        );
    }
}
