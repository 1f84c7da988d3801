using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CudaNet;

/// <summary>Chains of element-wise operations on the CPU.</summary>
internal static class CpuFusedChains
{
    public static void AddScaled(in OpCall call) =>
        CpuElementwise.BinaryFloating(call, new AddScaledOperator(call.Attributes.Float(0)), CpuElementwise.Cheap);

    public static void AddCMul(in OpCall call) => Ternary(call, new AddCMulOperator(call.Attributes.Float(0)));

    public static void AddCDiv(in OpCall call) => Ternary(call, new AddCDivOperator(call.Attributes.Float(0)));

    public static void Lerp(in OpCall call) => Ternary(call, default(LerpOperator));

    private static void Ternary<TOperator>(in OpCall call, TOperator op)
        where TOperator : struct, ITernaryOperator
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                Ternary<float, float, TOperator>(call, op);
                break;
            case DType.Float64:
                Ternary<double, double, TOperator>(call, op);
                break;
            case DType.Float16:
                Ternary<Half, float, TOperator>(call, op);
                break;
            default:
                Ternary<BFloat16, float, TOperator>(call, op);
                break;
        }
    }

    private static void Ternary<TStored, T, TOperator>(in OpCall call, TOperator op)
        where TStored : unmanaged
        where T : unmanaged, INumber<T>
        where TOperator : struct, ITernaryOperator
    {
        var (a, b, c, y) = (call.Input(0), call.Input(1), call.Input(2), call.Output(0));
        var walk = new StridedWalk(y.Shape, a, b, c);
        var inner = walk.Rank - 1;
        var steps = (walk.A[inner], walk.B[inner], walk.C[inner]);
        StridedWalk.Run(walk, new TernaryLoop<TStored, T, TOperator>(a, b, c, y, steps, op), CpuElementwise.Cheap);
    }
}

/// <summary>What an element-wise op of three operands computes, on registers of any width.</summary>
internal interface ITernaryOperator
{
    V Apply<V, T>(V a, V b, V c)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>;
}

internal readonly struct AddScaledOperator(double alpha) : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => V.MultiplyAdd(b, ElementwiseMath.Constant<V, T>(alpha), a);
}

internal readonly struct AddCMulOperator(double value) : ITernaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b, V c)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => V.MultiplyAdd(b * ElementwiseMath.Constant<V, T>(value), c, a);
}

internal readonly struct AddCDivOperator(double value) : ITernaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b, V c)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => a + b * ElementwiseMath.Constant<V, T>(value) / c;
}

internal readonly struct LerpOperator : ITernaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b, V c)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var difference = b - a;
        return V.Select(
            V.LessThan(V.Abs(c), ElementwiseMath.Constant<V, T>(0.5)),
            V.MultiplyAdd(c, difference, a),
            b - difference * (ElementwiseMath.Constant<V, T>(1) - c)
        );
    }
}

/// <inheritdoc cref="UnaryLoop{TStored, T, TOperator}"/>
internal readonly unsafe struct TernaryLoop<TStored, T, TOperator>(
    Tensor a,
    Tensor b,
    Tensor c,
    Tensor y,
    (long A, long B, long C) steps,
    TOperator op
) : IInnerLoop
    where TStored : unmanaged
    where T : unmanaged, INumber<T>
    where TOperator : struct, ITernaryOperator
{
    private readonly TStored* _a = (TStored*)a.Data;
    private readonly TStored* _b = (TStored*)b.Data;
    private readonly TStored* _c = (TStored*)c.Data;
    private readonly TStored* _y = (TStored*)y.Data;

    public void Run(long at, long a, long b, long c, long count)
    {
        var isDense = (ulong)steps.A <= 1 && (ulong)steps.B <= 1 && (ulong)steps.C <= 1;
        if (typeof(TStored) == typeof(T) && isDense)
            Compute((T*)(_a + a), (T*)(_b + b), (T*)(_c + c), steps, (T*)(_y + at), count);
        else
            RunBuffered(_a + a, _b + b, _c + c, _y + at, count);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void RunBuffered(TStored* a, TStored* b, TStored* c, TStored* y, long count)
    {
        var first = stackalloc T[ElementBlocks.Size];
        var second = stackalloc T[ElementBlocks.Size];
        var third = stackalloc T[ElementBlocks.Size];
        for (long i = 0; i < count; i += ElementBlocks.Size)
        {
            var n = Math.Min(ElementBlocks.Size, count - i);
            ElementBlocks.Gather(a + i * steps.A, steps.A, first, n);
            ElementBlocks.Gather(b + i * steps.B, steps.B, second, n);
            ElementBlocks.Gather(c + i * steps.C, steps.C, third, n);
            Compute(first, second, third, (1, 1, 1), first, n);
            ElementBlocks.Convert(first, y + i, n);
        }
    }

    private void Compute(T* a, T* b, T* c, (long A, long B, long C) step, T* y, long count)
    {
        if (Vector512.IsHardwareAccelerated)
            Compute<Simd512<T>>(a, b, c, step, y, count);
        else
            Compute<SimdAny<T>>(a, b, c, step, y, count);
    }

    [SkipLocalsInit]
    private void Compute<V>(T* a, T* b, T* c, (long A, long B, long C) step, T* y, long count)
        where V : unmanaged, ISimd<V, T>
    {
        long i = 0;
        for (; i <= count - V.Count; i += V.Count)
        {
            var left = step.A == 0 ? V.Create(*a) : V.Load(a + i);
            var middle = step.B == 0 ? V.Create(*b) : V.Load(b + i);
            var right = step.C == 0 ? V.Create(*c) : V.Load(c + i);
            op.Apply<V, T>(left, middle, right).Store(y + i);
        }
        if (i < count)
            ComputeTail<V>(a + i * step.A, b + i * step.B, c + i * step.C, step, y + i, (int)(count - i));
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ComputeTail<V>(T* a, T* b, T* c, (long A, long B, long C) step, T* y, int count)
        where V : unmanaged, ISimd<V, T>
    {
        V padded;
        var left = step.A == 0 ? V.Create(*a) : ElementBlocks.LoadPart<V, T>(a, count, &padded);
        var middle = step.B == 0 ? V.Create(*b) : ElementBlocks.LoadPart<V, T>(b, count, &padded);
        var right = step.C == 0 ? V.Create(*c) : ElementBlocks.LoadPart<V, T>(c, count, &padded);
        ElementBlocks.StorePart<V, T>(op.Apply<V, T>(left, middle, right), y, count, &padded);
    }
}
