using System.Numerics;
using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>
/// Sinkhorn updates and plans on the CPU. Exponents are made in a line of their own, along the rows of the cost for either side: a row's
/// sum, or every column's at once.
/// </summary>
internal static unsafe class CpuSinkhorn
{
    public static void Update(in OpCall call) => VectorKernel.Run<UpdateKernel>(call);

    public static void Plan(in OpCall call) => VectorKernel.Run<PlanKernel>(call);

    /// <summary>z = (potential − cost + shift) / ε for n neighbours, whose potentials lie side by side.</summary>
    private static void Exponents<V, T>(T* cost, T* potential, T shift, T inverse, T* z, long n)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var (s, r, i) = (V.Create(shift), V.Create(inverse), 0L);
        for (; i <= n - V.Count; i += V.Count)
            ((V.Load(potential + i) - V.Load(cost + i) + s) * r).Store(z + i);
        for (; i < n; i++)
            z[i] = (potential[i] - cost[i] + shift) * inverse;
    }

    /// <summary>z = (shift − cost) / ε for n neighbours.</summary>
    private static void Exponents<V, T>(T* cost, T shift, T inverse, T* z, long n)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var (s, r, i) = (V.Create(shift), V.Create(inverse), 0L);
        for (; i <= n - V.Count; i += V.Count)
            ((s - V.Load(cost + i)) * r).Store(z + i);
        for (; i < n; i++)
            z[i] = (shift - cost[i]) * inverse;
    }

    private readonly struct UpdateKernel : IVectorKernel
    {
        private const int TileColumns = 256;

        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            var shape = call.Input(0).Shape;
            var isRows = (SinkhornSide)call.Attributes.Int(1) == SinkhornSide.Rows;
            var (rows, columns) = (shape[-2], shape[-1]);
            var (cost, potential, f) = ((nint)call.Input(0).Data, (nint)call.Input(1).Data, (nint)call.Output(0).Data);
            var marginal = call.Has(2) ? (nint)call.Input(2).Data : 0;
            var epsilon = T.CreateTruncating(call.Attributes.Float(0));
            var inverse = T.CreateTruncating(1 / call.Attributes.Float(0));
            var uniform = T.CreateTruncating(-Math.Log(isRows ? rows : columns));
            if (isRows)
            {
                CpuThreads.For(
                    call.Output(0).NumElements,
                    8 * columns,
                    (first, last) =>
                    {
                        var z = (T*)NativeMemory.Alloc((nuint)Math.Max(1, columns), (nuint)sizeof(T));
                        for (var i = first; i < last; i++)
                        {
                            var g = (T*)potential + i / rows * columns;
                            Exponents<V, T>((T*)cost + i * columns, g, T.Zero, inverse, z, columns);
                            var log = LogSum<V, T>(z, checked((int)columns));
                            ((T*)f)[i] = epsilon * ((marginal == 0 ? uniform : ((T*)marginal)[i]) - log);
                        }
                        NativeMemory.Free(z);
                    }
                );
                return;
            }
            var tiles = (columns + TileColumns - 1) / TileColumns;
            var batches = columns == 0 ? 0 : call.Output(0).NumElements / columns;
            CpuThreads.For(
                batches * tiles,
                10 * rows * Math.Min(columns, TileColumns),
                (first, last) =>
                {
                    for (var item = first; item < last; item++)
                    {
                        var (batch, column) = (item / tiles, item % tiles * TileColumns);
                        var width = (int)Math.Min(TileColumns, columns - column);
                        var at = batch * columns + column;
                        Columns<V, T>(
                            (T*)cost + batch * rows * columns + column,
                            (T*)potential + batch * rows,
                            (T*)f + at,
                            rows,
                            columns,
                            width,
                            inverse
                        );
                        for (var j = at; j < at + width; j++)
                            ((T*)f)[j] = epsilon * ((marginal == 0 ? uniform : ((T*)marginal)[j]) - ((T*)f)[j]);
                    }
                }
            );
        }

        /// <summary>log Σ exp(z).</summary>
        private static T LogSum<V, T>(T* z, int n)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>
        {
            var max = RowMath.Max<V, T>(z, n);
            return T.IsInfinity(max) ? max : max + T.Log(RowMath.ExpSum<V, T>(z, max, n));
        }

        /// <summary>log Σ over rows of exp((potential − cost) / ε) for each of some columns, side by side.</summary>
        private static void Columns<V, T>(T* cost, T* potential, T* logs, long rows, long step, int width, T inverse)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>
        {
            var z = stackalloc T[TileColumns];
            var max = stackalloc T[TileColumns];
            var sum = stackalloc T[TileColumns];
            new Span<T>(max, width).Fill(T.NegativeInfinity);
            new Span<T>(sum, width).Clear();
            for (long i = 0; i < rows; i++)
            {
                Exponents<V, T>(cost + i * step, potential[i], inverse, z, width);
                for (var j = 0; j < width; j++)
                    max[j] = z[j] > max[j] || T.IsNaN(z[j]) ? z[j] : max[j];
            }
            for (var j = 0; j < width; j++)
                logs[j] = max[j];
            // Of nothing but −∞ the differences would be NaN; the exponents are then measured from 0.
            for (var j = 0; j < width; j++)
                max[j] = T.IsInfinity(max[j]) ? T.Zero : max[j];
            for (long i = 0; i < rows; i++)
            {
                Exponents<V, T>(cost + i * step, potential[i], inverse, z, width);
                for (var j = 0; j < width; j++)
                    z[j] -= max[j];
                RowMath.ExpInPlace<V, T>(z, T.Zero, T.One, width);
                for (var j = 0; j < width; j++)
                    sum[j] += z[j];
            }
            for (var j = 0; j < width; j++)
                logs[j] = T.IsInfinity(logs[j]) ? logs[j] : max[j] + T.Log(sum[j]);
        }
    }

    private readonly struct PlanKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            var shape = call.Input(0).Shape;
            var (rows, columns) = (shape[-2], shape[-1]);
            var (cost, y) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data);
            var (f, g) = ((nint)call.Input(1).Data, (nint)call.Input(2).Data);
            var inverse = T.CreateTruncating(1 / call.Attributes.Float(0));
            CpuThreads.For(
                call.Input(1).NumElements,
                8 * columns,
                (first, last) =>
                {
                    for (var i = first; i < last; i++)
                    {
                        var line = (T*)y + i * columns;
                        var potential = (T*)g + i / rows * columns;
                        Exponents<V, T>((T*)cost + i * columns, potential, ((T*)f)[i], inverse, line, columns);
                        RowMath.ExpInPlace<V, T>(line, T.Zero, T.One, checked((int)columns));
                    }
                }
            );
        }
    }
}
