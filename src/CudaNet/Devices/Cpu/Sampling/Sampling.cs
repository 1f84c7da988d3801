using System.Numerics;
using System.Runtime.InteropServices;
using CudaNet.Random;

namespace CudaNet;

/// <summary>Gibbs sampling on the CPU: one Philox block for the four elements that share it.</summary>
internal static unsafe class CpuSampling
{
    public static void BernoulliLogits(in OpCall call) =>
        TypedKernel.Floating(call, call.Input(0).DType, BernoulliLogits<float>, BernoulliLogits<double>);

    private static void BernoulliLogits<T>(in OpCall call)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (x, y, probability) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data, (nint)call.Output(1).Data);
        var (seed, start) = CpuRandom.Origin(call.Input(1), call.Attributes.Int(0));
        var n = call.Input(0).NumElements;
        CpuThreads.For(
            RandomFormulas.Counters(n, 4),
            64,
            (first, last) =>
            {
                for (var block = first; block < last; block++)
                {
                    var words = Philox.Block(seed, start + (ulong)block, 0);
                    for (var i = 4 * block; i < Math.Min(n, 4 * block + 4); i++)
                    {
                        var value = ((T*)x)[i];
                        var power = T.Exp(-T.Abs(value));
                        var p = (value < T.Zero ? power : T.One) / (T.One + power);
                        var u = T.CreateTruncating(Philox.ToFloat(RandomFormulas.Word(words, (int)(i % 4))));
                        ((T*)probability)[i] = p;
                        ((T*)y)[i] = u < p ? T.One : T.Zero;
                    }
                }
            }
        );
    }

    /// <summary>Spins are kept as bytes, 1 for up, while they are swept; the sites of a colour are shared among threads.</summary>
    public static void IsingSweep(in OpCall call)
    {
        var (input, output) = (call.Input(0), call.Output(0));
        var n = input.NumElements;
        if (n == 0)
            return;
        var (height, width, sweeps) = (input.Shape[-2], input.Shape[-1], call.Attributes.Int(2));
        var thresholds = IsingSweepOp.Thresholds(call.Attributes.Float(0), call.Attributes.Float(1));
        var (seed, start) = CpuRandom.Origin(call.Input(1), call.Attributes.Int(3));
        var spins = (nint)NativeMemory.Alloc((nuint)n);
        Load(input, (byte*)spins);
        var counters = IsingSweepOp.Counters(n);
        for (long half = 0; half < 2 * sweeps; half++)
        {
            var (colour, origin) = (half % 2, start + (ulong)(half * counters));
            CpuThreads.For(
                counters,
                64,
                (first, last) =>
                {
                    for (var block = first; block < last; block++)
                    {
                        var words = Philox.Block(seed, origin + (ulong)block, 0);
                        for (var m = 4 * block; m < Math.Min(n / 2, 4 * block + 4); m++)
                        {
                            var line = 2 * m / width;
                            var (row, column) = (line % height, 2 * m % width);
                            column += (row + colour) % 2;
                            var at = (byte*)spins + line * width;
                            var above = row == 0 ? (height - 1) * width : -width;
                            var below = row == height - 1 ? -(height - 1) * width : width;
                            var left = column == 0 ? width - 1 : column - 1;
                            var right = column == width - 1 ? 0 : column + 1;
                            var up = at[column + above] + at[column + below] + at[left] + at[right];
                            var word = RandomFormulas.Word(words, (int)(m % 4)) >> 8;
                            at[column] = word < thresholds[up] ? (byte)1 : (byte)0;
                        }
                    }
                }
            );
        }
        Store((byte*)spins, output);
        NativeMemory.Free((void*)spins);
    }

    private static void Load(Tensor input, byte* spins)
    {
        var n = input.NumElements;
        switch (input.DType)
        {
            case DType.Float32:
                Load((float*)input.Data, spins, n);
                break;
            case DType.Float64:
                Load((double*)input.Data, spins, n);
                break;
            case DType.Float16:
                Load((Half*)input.Data, spins, n);
                break;
            default:
                for (long i = 0; i < n; i++)
                    spins[i] = (float)((BFloat16*)input.Data)[i] > 0 ? (byte)1 : (byte)0;
                break;
        }
    }

    private static void Load<T>(T* input, byte* spins, long n)
        where T : unmanaged, INumber<T>
    {
        for (long i = 0; i < n; i++)
            spins[i] = input[i] > T.Zero ? (byte)1 : (byte)0;
    }

    private static void Store(byte* spins, Tensor output)
    {
        switch (output.DType)
        {
            case DType.Float32:
                Store(spins, (float*)output.Data, output.NumElements, 1, -1);
                break;
            case DType.Float64:
                Store(spins, (double*)output.Data, output.NumElements, 1, -1);
                break;
            case DType.Float16:
                Store(spins, (Half*)output.Data, output.NumElements, (Half)1, (Half)(-1));
                break;
            default:
                Store(spins, (BFloat16*)output.Data, output.NumElements, (BFloat16)1, (BFloat16)(-1));
                break;
        }
    }

    private static void Store<T>(byte* spins, T* output, long n, T up, T down)
        where T : unmanaged
    {
        for (long i = 0; i < n; i++)
            output[i] = spins[i] != 0 ? up : down;
    }
}
