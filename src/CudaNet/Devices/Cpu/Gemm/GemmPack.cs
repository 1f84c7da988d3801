using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CudaNet;

/// <summary>
/// Copies strips of a matrix into the order in which the register tiles read them: to[k · width + i] = from[i · step + k · depthStep]
/// for i below count. For A the strip is a few rows, for B a few columns.
/// </summary>
internal static unsafe class GemmPack<T>
    where T : unmanaged
{
    /// <summary>Elements that a strip may write behind its end; the caller packs strips in order and leaves room behind the last.</summary>
    public const int Slack = 16;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Strip(T* from, nint step, nint depthStep, int count, nint depth, T* to, int width)
    {
        if (step == 1)
            Straight(from, depthStep, count, depth, to, width);
        else if (depthStep == 1 && Avx.IsSupported && (typeof(T) == typeof(float) || typeof(T) == typeof(double)))
            Transposed(from, step, count, depth, to, width);
        else
            Any(from, step, depthStep, 0, count, 0, depth, to, width);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Straight(T* from, nint depthStep, int count, nint depth, T* to, int width)
    {
        var bytes = (nint)count * sizeof(T);
        if (bytes is >= 16 and <= 128 && Vector256.IsHardwareAccelerated)
        {
            for (; depth > 0; depth--, from += depthStep, to += width)
                CopyLine((byte*)from, (byte*)to, bytes);
            return;
        }
        for (; depth > 0; depth--, from += depthStep, to += width)
        for (var i = 0; i < count; i++)
            to[i] = from[i];
    }

    /// <summary>Copies a few elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Line(T* from, T* to, nint count)
    {
        var bytes = count * sizeof(T);
        if (bytes is >= 16 and <= 128 && Vector256.IsHardwareAccelerated)
            CopyLine((byte*)from, (byte*)to, bytes);
        else
            for (nint i = 0; i < count; i++)
                to[i] = from[i];
    }

    // The last vectors overlap those before them, so nothing outside is read or written.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyLine(byte* from, byte* to, nint bytes)
    {
        if (bytes < 32)
        {
            var (head, tail) = (Vector128.Load(from), Vector128.Load(from + bytes - 16));
            head.Store(to);
            tail.Store(to + bytes - 16);
            return;
        }
        var (first, last) = (Vector256.Load(from), Vector256.Load(from + bytes - 32));
        first.Store(to);
        last.Store(to + bytes - 32);
        if (bytes > 64)
        {
            Vector256.Load(from + 32).Store(to + 32);
            Vector256.Load(from + bytes - 64).Store(to + bytes - 64);
        }
    }

    private static void Any(
        T* from,
        nint step,
        nint depthStep,
        int first,
        int last,
        nint start,
        nint depth,
        T* to,
        int width
    )
    {
        for (var i = first; i < last; i++)
        {
            var source = from + i * step + start * depthStep;
            for (var k = start; k < depth; k++, source += depthStep)
                to[k * width + i] = *source;
        }
    }

    // Squares are transposed in registers. A square reaches over the strip's end where count is no multiple of its side, into
    // elements that are written afterwards: groups go from last to first, and depth from first to last.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transposed(T* from, nint step, int count, nint depth, T* to, int width)
    {
        var side = 32 / sizeof(T);
        var whole = depth / side * side;
        for (var group = (count - 1) / side * side; group >= 0; group -= side)
        {
            var valid = Math.Min(side, count - group);
            for (nint k = 0; k < whole; k += side)
            {
                var source = from + group * step + k;
                var target = to + k * width + group;
                if (typeof(T) == typeof(float))
                    Square8((float*)source, step, valid, (float*)target, width);
                else
                    Square4((double*)source, step, valid, (double*)target, width);
            }
            Any(from, step, 1, group, group + valid, whole, depth, to, width);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Square8(float* from, nint step, int valid, float* to, nint width)
    {
        var last = valid - 1;
        var r0 = Avx.LoadVector256(from);
        var r1 = Avx.LoadVector256(from + Math.Min(1, last) * step);
        var r2 = Avx.LoadVector256(from + Math.Min(2, last) * step);
        var r3 = Avx.LoadVector256(from + Math.Min(3, last) * step);
        var r4 = Avx.LoadVector256(from + Math.Min(4, last) * step);
        var r5 = Avx.LoadVector256(from + Math.Min(5, last) * step);
        var r6 = Avx.LoadVector256(from + Math.Min(6, last) * step);
        var r7 = Avx.LoadVector256(from + Math.Min(7, last) * step);
        var (a0, a1) = (Avx.UnpackLow(r0, r1), Avx.UnpackHigh(r0, r1));
        var (a2, a3) = (Avx.UnpackLow(r2, r3), Avx.UnpackHigh(r2, r3));
        var (a4, a5) = (Avx.UnpackLow(r4, r5), Avx.UnpackHigh(r4, r5));
        var (a6, a7) = (Avx.UnpackLow(r6, r7), Avx.UnpackHigh(r6, r7));
        var (b0, b1) = (Avx.Shuffle(a0, a2, 0x44), Avx.Shuffle(a0, a2, 0xee));
        var (b2, b3) = (Avx.Shuffle(a1, a3, 0x44), Avx.Shuffle(a1, a3, 0xee));
        var (b4, b5) = (Avx.Shuffle(a4, a6, 0x44), Avx.Shuffle(a4, a6, 0xee));
        var (b6, b7) = (Avx.Shuffle(a5, a7, 0x44), Avx.Shuffle(a5, a7, 0xee));
        Avx.Store(to, Avx.Permute2x128(b0, b4, 0x20));
        Avx.Store(to + width, Avx.Permute2x128(b1, b5, 0x20));
        Avx.Store(to + 2 * width, Avx.Permute2x128(b2, b6, 0x20));
        Avx.Store(to + 3 * width, Avx.Permute2x128(b3, b7, 0x20));
        Avx.Store(to + 4 * width, Avx.Permute2x128(b0, b4, 0x31));
        Avx.Store(to + 5 * width, Avx.Permute2x128(b1, b5, 0x31));
        Avx.Store(to + 6 * width, Avx.Permute2x128(b2, b6, 0x31));
        Avx.Store(to + 7 * width, Avx.Permute2x128(b3, b7, 0x31));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Square4(double* from, nint step, int valid, double* to, nint width)
    {
        var last = valid - 1;
        var r0 = Avx.LoadVector256(from);
        var r1 = Avx.LoadVector256(from + Math.Min(1, last) * step);
        var r2 = Avx.LoadVector256(from + Math.Min(2, last) * step);
        var r3 = Avx.LoadVector256(from + Math.Min(3, last) * step);
        var (a0, a1) = (Avx.UnpackLow(r0, r1), Avx.UnpackHigh(r0, r1));
        var (a2, a3) = (Avx.UnpackLow(r2, r3), Avx.UnpackHigh(r2, r3));
        Avx.Store(to, Avx.Permute2x128(a0, a2, 0x20));
        Avx.Store(to + width, Avx.Permute2x128(a1, a3, 0x20));
        Avx.Store(to + 2 * width, Avx.Permute2x128(a0, a2, 0x31));
        Avx.Store(to + 3 * width, Avx.Permute2x128(a1, a3, 0x31));
    }
}
