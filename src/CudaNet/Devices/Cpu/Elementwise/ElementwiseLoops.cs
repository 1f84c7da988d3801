using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CudaNet;

/// <summary>
/// The inner loops of element-wise ops. <typeparamref name="TStored"/> is what lies in memory and <typeparamref name="T"/> what is
/// computed with. Operands that are not contiguous or not of type T pass through a small buffer, so that every element is computed
/// by the same vector code, wherever it lies.
/// </summary>
internal readonly unsafe struct UnaryLoop<TStored, T, TOperator>(Tensor x, Tensor y, long step, TOperator op)
    : IInnerLoop
    where TStored : unmanaged
    where T : unmanaged, INumber<T>
    where TOperator : struct, IUnaryOperator
{
    private readonly TStored* _x = (TStored*)x.Data;
    private readonly TStored* _y = (TStored*)y.Data;

    public void Run(long at, long a, long b, long c, long count)
    {
        if (typeof(TStored) == typeof(T) && step == 1)
            Compute((T*)(_x + a), (T*)(_y + at), count);
        else
            RunBuffered(_x + a, _y + at, count);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void RunBuffered(TStored* x, TStored* y, long count)
    {
        var buffer = stackalloc T[ElementBlocks.Size];
        for (long i = 0; i < count; i += ElementBlocks.Size)
        {
            var n = Math.Min(ElementBlocks.Size, count - i);
            ElementBlocks.Gather(x + i * step, step, buffer, n);
            Compute(buffer, buffer, n);
            ElementBlocks.Convert(buffer, y + i, n);
        }
    }

    private void Compute(T* x, T* y, long count)
    {
        if (Vector512.IsHardwareAccelerated && TOperator.IsLong)
            Compute<Simd512<T>>(x, y, count);
        else if (Vector512.IsHardwareAccelerated)
            Compute<SimdPair<Simd512<T>, T>>(x, y, count);
        else if (TOperator.IsLong)
            Compute<SimdAny<T>>(x, y, count);
        else
            Compute<SimdPair<SimdAny<T>, T>>(x, y, count);
    }

    private void Compute<V>(T* x, T* y, long count)
        where V : unmanaged, ISimd<V, T>
    {
        long i = 0;
        for (; i <= count - V.Count; i += V.Count)
            op.Apply<V, T>(V.Load(x + i)).Store(y + i);
        if (i < count)
            ComputeTail<V>(x + i, y + i, (int)(count - i));
    }

    // Apart, because the compiler inlines only so much into one method: the loop is to have all of it.
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ComputeTail<V>(T* x, T* y, int count)
        where V : unmanaged, ISimd<V, T>
    {
        V padded;
        var result = op.Apply<V, T>(ElementBlocks.LoadPart<V, T>(x, count, &padded));
        ElementBlocks.StorePart<V, T>(result, y, count, &padded);
    }
}

/// <inheritdoc cref="UnaryLoop{TStored, T, TOperator}"/>
internal readonly unsafe struct BinaryLoop<TStored, T, TOperator>(
    Tensor a,
    Tensor b,
    Tensor y,
    long stepA,
    long stepB,
    TOperator op
) : IInnerLoop
    where TStored : unmanaged
    where T : unmanaged, INumber<T>
    where TOperator : struct, IBinaryOperator
{
    private readonly TStored* _a = (TStored*)a.Data;
    private readonly TStored* _b = (TStored*)b.Data;
    private readonly byte* _y = y.Data;
    private readonly bool _isMask = y.DType == DType.Bool;

    public void Run(long at, long a, long b, long c, long count)
    {
        var y = _y + at * (_isMask ? 1 : sizeof(TStored));
        if (typeof(TStored) == typeof(T) && (ulong)stepA <= 1 && (ulong)stepB <= 1)
            Compute((T*)(_a + a), stepA, (T*)(_b + b), stepB, y, count);
        else
            RunBuffered(_a + a, _b + b, y, count);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void RunBuffered(TStored* a, TStored* b, byte* y, long count)
    {
        var left = stackalloc T[ElementBlocks.Size];
        var right = stackalloc T[ElementBlocks.Size];
        for (long i = 0; i < count; i += ElementBlocks.Size)
        {
            var n = Math.Min(ElementBlocks.Size, count - i);
            ElementBlocks.Gather(a + i * stepA, stepA, left, n);
            ElementBlocks.Gather(b + i * stepB, stepB, right, n);
            if (_isMask)
            {
                Compute(left, 1, right, 1, y + i, n);
                continue;
            }
            Compute(left, 1, right, 1, (byte*)left, n);
            ElementBlocks.Convert(left, (TStored*)y + i, n);
        }
    }

    private void Compute(T* a, long stepA, T* b, long stepB, byte* y, long count)
    {
        if (Vector512.IsHardwareAccelerated)
            Compute<Simd512<T>>(a, stepA, b, stepB, y, count);
        else
            Compute<SimdAny<T>>(a, stepA, b, stepB, y, count);
    }

    private void Compute<V>(T* a, long stepA, T* b, long stepB, byte* y, long count)
        where V : unmanaged, ISimd<V, T>
    {
        var whole = count - count % V.Count;
        if (_isMask)
            Compare<V>(a, stepA, b, stepB, y, whole);
        else if (stepA == 0)
            ScalarVector<V>(V.Create(*a), b, stepB, (T*)y, whole);
        else if (stepB == 0)
            VectorScalar<V>(a, V.Create(*b), (T*)y, whole);
        else
            VectorVector<V>(a, b, (T*)y, whole);
        if (whole < count)
            ComputeTail<V>(a + whole * stepA, stepA, b + whole * stepB, stepB, y, whole, (int)(count - whole));
    }

    private void VectorVector<V>(T* a, T* b, T* y, long count)
        where V : unmanaged, ISimd<V, T>
    {
        long i = 0;
        if (TOperator.IsLong)
        {
            VectorByVector<V>(a, b, y, count);
            return;
        }
        for (; i <= count - 4 * V.Count; i += 4 * V.Count)
        {
            op.Apply<V, T>(V.Load(a + i), V.Load(b + i)).Store(y + i);
            op.Apply<V, T>(V.Load(a + i + V.Count), V.Load(b + i + V.Count)).Store(y + i + V.Count);
            op.Apply<V, T>(V.Load(a + i + 2 * V.Count), V.Load(b + i + 2 * V.Count)).Store(y + i + 2 * V.Count);
            op.Apply<V, T>(V.Load(a + i + 3 * V.Count), V.Load(b + i + 3 * V.Count)).Store(y + i + 3 * V.Count);
        }
        for (; i < count; i += V.Count)
            op.Apply<V, T>(V.Load(a + i), V.Load(b + i)).Store(y + i);
    }

    private void VectorByVector<V>(T* a, T* b, T* y, long count)
        where V : unmanaged, ISimd<V, T>
    {
        for (long i = 0; i < count; i += V.Count)
            op.Apply<V, T>(V.Load(a + i), V.Load(b + i)).Store(y + i);
    }

    private void VectorScalar<V>(T* a, V b, T* y, long count)
        where V : unmanaged, ISimd<V, T>
    {
        for (long i = 0; i < count; i += V.Count)
            op.Apply<V, T>(V.Load(a + i), b).Store(y + i);
    }

    private void ScalarVector<V>(V a, T* b, long stepB, T* y, long count)
        where V : unmanaged, ISimd<V, T>
    {
        if (stepB == 0)
        {
            var value = op.Apply<V, T>(a, V.Create(*b));
            for (long i = 0; i < count; i += V.Count)
                value.Store(y + i);
            return;
        }
        for (long i = 0; i < count; i += V.Count)
            op.Apply<V, T>(a, V.Load(b + i)).Store(y + i);
    }

    private void Compare<V>(T* a, long stepA, T* b, long stepB, byte* y, long count)
        where V : unmanaged, ISimd<V, T>
    {
        for (long i = 0; i < count; i += V.Count)
        {
            var left = stepA == 0 ? V.Create(*a) : V.Load(a + i);
            var right = stepB == 0 ? V.Create(*b) : V.Load(b + i);
            op.Apply<V, T>(left, right).StoreMask(y + i);
        }
    }

    [SkipLocalsInit]
    private void ComputeTail<V>(T* a, long stepA, T* b, long stepB, byte* y, long at, int count)
        where V : unmanaged, ISimd<V, T>
    {
        V padded;
        var left = stepA == 0 ? V.Create(*a) : ElementBlocks.LoadPart<V, T>(a, count, &padded);
        var right = stepB == 0 ? V.Create(*b) : ElementBlocks.LoadPart<V, T>(b, count, &padded);
        var result = op.Apply<V, T>(left, right);
        if (!_isMask)
        {
            ElementBlocks.StorePart<V, T>(result, (T*)y + at, count, &padded);
            return;
        }
        result.StoreMask((byte*)&padded);
        Unsafe.CopyBlockUnaligned(y + at, &padded, (uint)count);
    }
}

/// <summary>where: a choice between two operands of any type of the same size; nothing is computed with them.</summary>
internal readonly unsafe struct WhereLoop<T>(
    Tensor condition,
    Tensor a,
    Tensor b,
    Tensor y,
    long stepCondition,
    long stepA,
    long stepB
) : IInnerLoop
    where T : unmanaged, INumber<T>
{
    private readonly byte* _condition = condition.Data;
    private readonly T* _a = (T*)a.Data;
    private readonly T* _b = (T*)b.Data;
    private readonly T* _y = (T*)y.Data;

    public void Run(long at, long condition, long a, long b, long count)
    {
        long done = 0;
        if (stepCondition == 1 && (ulong)stepA <= 1 && (ulong)stepB <= 1)
            done = Vector512.IsHardwareAccelerated
                ? Choose<Simd512<T>>(_condition + condition, _a + a, _b + b, _y + at, count)
                : Choose<SimdAny<T>>(_condition + condition, _a + a, _b + b, _y + at, count);
        for (var i = done; i < count; i++)
        {
            var source = _condition[condition + i * stepCondition] != 0 ? _a + a + i * stepA : _b + b + i * stepB;
            _y[at + i] = *source;
        }
    }

    private long Choose<V>(byte* condition, T* a, T* b, T* y, long count)
        where V : unmanaged, ISimd<V, T>
    {
        long i = 0;
        for (; i <= count - V.Count; i += V.Count)
        {
            var yes = stepA == 0 ? V.Create(*a) : V.Load(a + i);
            var no = stepB == 0 ? V.Create(*b) : V.Load(b + i);
            V.Select(V.LoadMask(condition + i), yes, no).Store(y + i);
        }
        return i;
    }
}

/// <summary>Moving elements between memory and the buffers of the inner loops.</summary>
internal static unsafe class ElementBlocks
{
    /// <summary>Elements of a buffer: small enough for the first-level cache, large enough to hide the loop around it.</summary>
    public const int Size = 256;

    public static void Gather<TStored, T>(TStored* source, long step, T* target, long count)
        where TStored : unmanaged
        where T : unmanaged
    {
        if (step == 0)
        {
            new Span<T>(target, (int)count).Fill(CpuCast.Convert<TStored, T>(*source));
            return;
        }
        for (var i = step == 1 ? CpuCast.ConvertVectors(source, target, count) : 0; i < count; i++)
            target[i] = CpuCast.Convert<TStored, T>(source[i * step]);
    }

    public static void Convert<T, TStored>(T* source, TStored* target, long count)
        where TStored : unmanaged
        where T : unmanaged => Gather(source, 1, target, count);

    /// <summary>A register whose first lanes hold fewer elements than it has; the others repeat the first, so that they cost no
    /// more than it does.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V LoadPart<V, T>(T* source, int count, V* padded)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        V.Create(*source).Store((T*)padded);
        for (var i = 1; i < count; i++)
            ((T*)padded)[i] = source[i];
        return V.Load((T*)padded);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePart<V, T>(V value, T* target, int count, V* padded)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        value.Store((T*)padded);
        for (var i = 0; i < count; i++)
            target[i] = ((T*)padded)[i];
    }
}
