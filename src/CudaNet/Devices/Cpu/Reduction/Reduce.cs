using System.Numerics;

namespace CudaNet;

/// <summary>Reductions by dtype: which loop takes which.</summary>
internal static unsafe partial class CpuReduce
{
    public static void Sum(in OpCall call)
    {
        if (call.Output(0).DType is DType.Float16 or DType.BFloat16)
            CpuReduceRows.Sum(call);
        else
            Total<AddFold<float>, AddFold<double>, AddFold<long>>(call);
    }

    public static void Prod(in OpCall call)
    {
        if (call.Output(0).DType is DType.Float16 or DType.BFloat16)
            CpuReduceRows.Prod(call);
        else
            Total<MultiplyFold<float>, MultiplyFold<double>, MultiplyFold<long>>(call);
    }

    /// <summary>Floats in their own dtype, integers in 64 bits.</summary>
    private static void Total<TSingle, TDouble, TLong>(in OpCall call)
        where TSingle : IFold<float>
        where TDouble : IFold<double>
        where TLong : IFold<long>
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                Reduce<float, TSingle>(call, mean: false);
                break;
            case DType.Float64:
                Reduce<double, TDouble>(call, mean: false);
                break;
            case DType.Int64:
                FoldIntegers<long, long, TLong>(call);
                break;
            case DType.Int32:
                FoldIntegers<int, long, TLong>(call);
                break;
            default:
                FoldIntegers<byte, long, TLong>(call);
                break;
        }
    }

    public static void Mean(in OpCall call)
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                Reduce<float, AddFold<float>>(call, mean: true);
                break;
            case DType.Float64:
                Reduce<double, AddFold<double>>(call, mean: true);
                break;
            default:
                CpuReduceRows.Mean(call);
                break;
        }
    }

    public static void Max(in OpCall call)
    {
        if (call.Output(0).DType is DType.Float16 or DType.BFloat16)
            CpuReduceRows.Max(call);
        else
            Extremum<MaxFold<float>, MaxFold<double>, MaxFold<long>, MaxFold<int>, MaxFold<byte>>(call);
    }

    public static void Min(in OpCall call)
    {
        if (call.Output(0).DType is DType.Float16 or DType.BFloat16)
            CpuReduceRows.Min(call);
        else
            Extremum<MinFold<float>, MinFold<double>, MinFold<long>, MinFold<int>, MinFold<byte>>(call);
    }

    private static void Extremum<TSingle, TDouble, TLong, TInt, TByte>(in OpCall call)
        where TSingle : IFold<float>
        where TDouble : IFold<double>
        where TLong : IFold<long>
        where TInt : IFold<int>
        where TByte : IFold<byte>
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                Reduce<float, TSingle>(call, mean: false);
                break;
            case DType.Float64:
                Reduce<double, TDouble>(call, mean: false);
                break;
            case DType.Int64:
                FoldIntegers<long, long, TLong>(call);
                break;
            case DType.Int32:
                FoldIntegers<int, int, TInt>(call);
                break;
            default:
                FoldIntegers<byte, byte, TByte>(call);
                break;
        }
    }

    public static void ArgMax(in OpCall call)
    {
        if (call.Input(0).DType is DType.Float16 or DType.BFloat16)
            CpuReduceRows.ArgMax(call);
        else
            ArgExtremum<MaxFold<float>, MaxFold<double>, MaxFold<long>, MaxFold<int>, MaxFold<byte>>(call);
    }

    public static void ArgMin(in OpCall call)
    {
        if (call.Input(0).DType is DType.Float16 or DType.BFloat16)
            CpuReduceRows.ArgMin(call);
        else
            ArgExtremum<MinFold<float>, MinFold<double>, MinFold<long>, MinFold<int>, MinFold<byte>>(call);
    }

    private static void ArgExtremum<TSingle, TDouble, TLong, TInt, TByte>(in OpCall call)
        where TSingle : IFold<float>
        where TDouble : IFold<double>
        where TLong : IFold<long>
        where TInt : IFold<int>
        where TByte : IFold<byte>
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                Place<float, TSingle>(call);
                break;
            case DType.Float64:
                Place<double, TDouble>(call);
                break;
            case DType.Int64:
                Place<long, TLong>(call);
                break;
            case DType.Int32:
                Place<int, TInt>(call);
                break;
            default:
                Place<byte, TByte>(call);
                break;
        }
    }

    public static void MaxShare(in OpCall call)
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                MaxShare<float>(call);
                break;
            case DType.Float64:
                MaxShare<double>(call);
                break;
            default:
                ReferenceRunner.Run(call);
                break;
        }
    }

    private static void FoldIntegers<T, TOut, TFold>(in OpCall call)
        where T : unmanaged, IBinaryInteger<T>
        where TOut : unmanaged, IBinaryInteger<TOut>
        where TFold : IFold<TOut> =>
        EachOutput(
            call,
            (axes, first, output) =>
            {
                var result = TFold.Identity;
                for (long i = 0; i < axes.Count; i++)
                    result = TFold.Join(result, TOut.CreateTruncating(((T*)first)[axes.Step(i)]));
                *(TOut*)output = result;
            },
            sizeof(T),
            sizeof(TOut)
        );

    private static void Place<T, TFold>(in OpCall call)
        where T : unmanaged, INumber<T>
        where TFold : IFold<T> =>
        EachOutput(
            call,
            (axes, first, output) =>
            {
                var x = (T*)first;
                *(long*)output =
                    axes.HasDenseRows && axes.Count <= int.MaxValue
                        ? FirstPlace<T, TFold>(x, (int)axes.Count)
                        : FirstPlace<T, TFold>(axes, x);
            },
            sizeof(T),
            sizeof(long)
        );

    /// <summary>Finds the extremum first and its place then: both loops take whole vectors, one loop for both would not.</summary>
    public static long FirstPlace<T, TFold>(T* x, int n)
        where T : unmanaged, INumber<T>
        where TFold : IFold<T>
    {
        var extremum = FoldRow<T, TFold>(x, n);
        var nan = T.IsNaN(extremum);
        var i = 0;
        var wanted = new Vector<T>(extremum);
        for (; i <= n - Vector<T>.Count; i += Vector<T>.Count)
        {
            var v = Vector.Load(x + i);
            if (nan ? !Vector.EqualsAll(v, v) : Vector.EqualsAny(v, wanted))
                break;
        }
        while (i < n && !(nan ? T.IsNaN(x[i]) : x[i] == extremum))
            i++;
        return i;
    }

    private static long FirstPlace<T, TFold>(ReduceAxes axes, T* x)
        where T : unmanaged, INumber<T>
        where TFold : IFold<T>
    {
        var (best, place) = (x[0], 0L);
        for (long i = 1; i < axes.Count && !T.IsNaN(best); i++)
        {
            var next = TFold.Join(best, x[axes.Step(i)]);
            if (!next.Equals(best)) // true for −0 and 0, unlike their bits
                place = i;
            best = next;
        }
        return place;
    }

    private static void MaxShare<T>(in OpCall call)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (input, maximum) = (call.Input(0), call.Input(1));
        var removed = new List<long>();
        for (var axis = 0; axis < input.Rank; axis++)
            if (maximum.Shape[axis] == 1)
                removed.Add(axis);
        if (removed.Count == 0)
            removed.Add(-1);
        var axes = new ReduceAxes(input, removed.ToArray(), call.Op.Name);
        if (maximum.NumElements != axes.Outputs)
        {
            // No axis is reduced: every element is compared with a number of its own.
            ReferenceRunner.Run(call);
            return;
        }
        var (x, m, y) = ((nint)input.Data, (nint)maximum.Data, (nint)call.Output(0).Data);
        CpuThreads.For(
            axes.Outputs,
            2 * axes.Count,
            (first, last) =>
            {
                for (var output = first; output < last; output++)
                {
                    var start = axes.First(output);
                    var largest = ((T*)m)[output];
                    long ties = 0;
                    for (long i = 0; i < axes.Count; i++)
                        ties += ((T*)x)[start + axes.Step(i)].Equals(largest) ? 1 : 0;
                    var share = T.One / T.CreateTruncating(Math.Max(ties, 1));
                    for (long i = 0; i < axes.Count; i++)
                    {
                        var at = start + axes.Step(i);
                        ((T*)y)[at] = ((T*)x)[at].Equals(largest) ? share : T.Zero;
                    }
                }
            }
        );
    }

    private static void EachOutput(in OpCall call, Action<ReduceAxes, nint, nint> reduce, int size, int outputSize)
    {
        var axes = new ReduceAxes(call.Input(0), call.Attributes.Ints(0), call.Op.Name);
        var (x, y) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data);
        CpuThreads.For(
            axes.Outputs,
            axes.Count,
            (first, last) =>
            {
                for (var output = first; output < last; output++)
                    reduce(axes, x + (nint)(axes.First(output) * size), y + (nint)(output * outputSize));
            }
        );
    }
}
