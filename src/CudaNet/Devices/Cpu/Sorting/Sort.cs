using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>
/// Sorting by keys: unsigned integers whose order is that of the numbers, NaN after all others, with the position behind them, so that
/// no two are equal and an unstable sort gives the stable order.
/// </summary>
internal static unsafe class CpuSort
{
    private const ulong Top = 1UL << 63;

    public static void Run(in OpCall call)
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                Run<float>(call);
                break;
            case DType.Float64:
                Run<double>(call);
                break;
            case DType.Float16:
                Run<Half>(call);
                break;
            case DType.BFloat16:
                Run<BFloat16>(call);
                break;
            case DType.Int64:
                Run<long>(call);
                break;
            case DType.Int32:
                Run<int>(call);
                break;
            default:
                Run<byte>(call);
                break;
        }
    }

    private static void Run<T>(in OpCall call)
        where T : unmanaged
    {
        var (outer, n, inner) = Slices.Split(call.Input(0).Shape, call.Attributes.Int(0), call.Op.Name);
        var descending = call.Attributes.Bool(1);
        var (x, values, indices) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data, (nint)call.Output(1).Data);
        if (n == 0)
            return;
        CpuThreads.For(
            outer * inner,
            n * (BitOperations.Log2((ulong)n) + 1),
            (first, last) =>
            {
                // Half of a 64-bit word holds the position, where the key fits the other half.
                var packed = new ulong[sizeof(T) <= 4 ? n : 0];
                var pairs = new (ulong Key, long From)[sizeof(T) <= 4 ? 0 : n];
                for (var line = first; line < last; line++)
                {
                    var at = line / inner * n * inner + line % inner;
                    var source = (T*)x + at;
                    var target = (T*)values + at;
                    var places = (long*)indices + at;
                    for (var i = 0; i < packed.Length; i++)
                        packed[i] = (Key(source[i * inner], descending) & ~(ulong)uint.MaxValue) | (uint)i;
                    for (var i = 0; i < pairs.Length; i++)
                        pairs[i] = (Key(source[i * inner], descending), i);
                    Array.Sort(packed);
                    Array.Sort(pairs);
                    for (var i = 0; i < n; i++)
                    {
                        var from = sizeof(T) <= 4 ? (uint)packed[i] : pairs[i].From;
                        target[i * inner] = source[from * inner];
                        places[i * inner] = from;
                    }
                }
            }
        );
    }

    /// <summary>The key in the upper bits. Negative floats have all bits turned, others and signed integers the highest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Key<T>(T x, bool descending)
        where T : unmanaged
    {
        ulong key;
        if (typeof(T) == typeof(byte))
            key = (ulong)Unsafe.BitCast<T, byte>(x) << 56;
        else if (typeof(T) == typeof(int))
            key = ((ulong)(uint)Unsafe.BitCast<T, int>(x) << 32) ^ Top;
        else if (typeof(T) == typeof(long))
            key = (ulong)Unsafe.BitCast<T, long>(x) ^ Top;
        else if (typeof(T) == typeof(double))
            key = FloatKey(
                BitConverter.DoubleToUInt64Bits(Unsafe.BitCast<T, double>(x)),
                double.IsNaN(Unsafe.BitCast<T, double>(x))
            );
        else
        {
            var value = CpuCast.Convert<T, float>(x);
            key = FloatKey((ulong)BitConverter.SingleToUInt32Bits(value) << 32, float.IsNaN(value));
        }
        return descending ? ~key : key;
    }

    private static ulong FloatKey(ulong bits, bool isNaN) =>
        isNaN ? ulong.MaxValue
        : bits == Top ? Top // −0 equals 0
        : (bits & Top) != 0 ? ~bits
        : bits | Top;
}
