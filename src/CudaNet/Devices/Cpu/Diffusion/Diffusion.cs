using System.Numerics;
using CudaNet.Random;

namespace CudaNet;

/// <summary>Noising and sampling steps on the CPU: four elements for each Philox counter.</summary>
internal static unsafe class CpuDiffusion
{
    public static void Noise(in OpCall call) =>
        TypedKernel.Floating(call, call.Input(0).DType, Noise<float>, Noise<double>);

    public static void Step(in OpCall call) =>
        TypedKernel.Floating(call, call.Input(0).DType, Step<float>, Step<double>);

    /// <summary>The row of a table for each sample.</summary>
    public static long[] Rows(in OpCall call, int timesteps, int table, long samples)
    {
        var rows = new long[samples];
        var shape = call.Input(table).Shape;
        for (long n = 0; n < samples; n++)
        {
            rows[n] = call.Has(timesteps) ? ((long*)call.Input(timesteps).Data)[n] : n;
            if (rows[n] < 0 || rows[n] >= shape[0])
                throw GatherRules.OutOfRange(call.Op.Name, rows[n], 0, shape);
        }
        return rows;
    }

    private static void Noise<T>(in OpCall call)
        where T : unmanaged, INumber<T>
    {
        var shape = call.Input(0).Shape;
        var rows = Rows(call, 1, 2, shape[0]);
        var (x, y, noise) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data, (nint)call.Output(1).Data);
        var (signal, scale) = ((nint)call.Input(2).Data, (nint)call.Input(3).Data);
        var (seed, start) = CpuRandom.Origin(call.Input(4), call.Attributes.Int(0));
        var (length, n) = (CouplingRules.SampleLength(shape), shape.NumElements);
        CpuThreads.For(
            RandomFormulas.Counters(n, DiffusionRules.Lanes),
            64,
            (first, last) =>
            {
                Span<double> lanes = stackalloc double[DiffusionRules.Lanes];
                for (var block = first; block < last; block++)
                {
                    RandomFormulas.Normal(Philox.Block(seed, start + (ulong)block, 0), lanes);
                    var end = Math.Min(n, (block + 1) * DiffusionRules.Lanes);
                    for (var i = block * DiffusionRules.Lanes; i < end; i++)
                    {
                        var row = rows[i / length];
                        var e = T.CreateTruncating(lanes[(int)(i % DiffusionRules.Lanes)]);
                        ((T*)noise)[i] = e;
                        ((T*)y)[i] = ((T*)signal)[row] * ((T*)x)[i] + ((T*)scale)[row] * e;
                    }
                }
            }
        );
    }

    private static void Step<T>(in OpCall call)
        where T : unmanaged, INumber<T>
    {
        var shape = call.Input(0).Shape;
        var rows = Rows(call, 2, 3, shape[0]);
        var (x, prediction, y) = ((nint)call.Input(0).Data, (nint)call.Input(1).Data, (nint)call.Output(0).Data);
        var table = (nint)call.Input(3).Data;
        var clip = T.CreateTruncating(call.Attributes.Float(0));
        var draws = call.Has(4);
        var (seed, start) = draws ? CpuRandom.Origin(call.Input(4), call.Attributes.Int(1)) : default;
        var (length, n) = (CouplingRules.SampleLength(shape), shape.NumElements);
        CpuThreads.For(
            RandomFormulas.Counters(n, DiffusionRules.Lanes),
            draws ? 64 : 8,
            (first, last) =>
            {
                Span<double> lanes = stackalloc double[DiffusionRules.Lanes];
                lanes.Clear();
                for (var block = first; block < last; block++)
                {
                    if (draws)
                        RandomFormulas.Normal(Philox.Block(seed, start + (ulong)block, 0), lanes);
                    var end = Math.Min(n, (block + 1) * DiffusionRules.Lanes);
                    for (var i = block * DiffusionRules.Lanes; i < end; i++)
                    {
                        var c = (T*)table + rows[i / length] * DiffusionStepOp.Coefficients;
                        var value = ((T*)x)[i];
                        var origin = c[0] * value + c[1] * ((T*)prediction)[i];
                        if (clip > T.Zero)
                            origin = T.Clamp(origin, -clip, clip);
                        var z = T.CreateTruncating(lanes[(int)(i % DiffusionRules.Lanes)]);
                        ((T*)y)[i] = c[2] * origin + c[3] * value + c[4] * z;
                    }
                }
            }
        );
    }
}
