using System.Numerics;
using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>
/// Group normalisation. The channels of a group lie side by side: the statistics are those of one long row, what is done with them goes
/// plane by plane (a channel of an image), where weight and bias are one number each.
/// </summary>
internal static unsafe class CpuGroupNorm
{
    public static void Forward(in OpCall call) => VectorKernel.Run<ForwardKernel>(call);

    public static void Backward(in OpCall call) => VectorKernel.Run<BackwardKernel>(call);

    private readonly struct ForwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            var groups = ChannelGroups.Of(call.Input(0).Shape, call.Attributes.Int(0));
            var eps = T.CreateTruncating(call.Attributes.Float(1));
            var (n, length) = (checked((int)groups.RowLength), (int)groups.Length);
            var (x, y) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data);
            var (mean, rstd) = ((nint)call.Output(1).Data, (nint)call.Output(2).Data);
            var weight = call.Has(1) ? (nint)call.Input(1).Data : 0;
            var bias = call.Has(2) ? (nint)call.Input(2).Data : 0;
            CpuThreads.For(
                groups.Rows,
                n,
                (first, last) =>
                {
                    for (var row = first; row < last; row++)
                    {
                        var source = (T*)x + row * n;
                        var target = (T*)y + row * n;
                        var m = RowMath.Sum<V, T>(source, n) / T.CreateTruncating(n);
                        var r = NormMath.InverseDeviation(RowMath.SumSquares<V, T>(source, m, n), n, eps);
                        (((T*)mean)[row], ((T*)rstd)[row]) = (m, r);
                        var channel = row % groups.Groups * groups.Channels;
                        var w = weight == 0 ? null : (T*)weight + channel;
                        var b = bias == 0 ? null : (T*)bias + channel;
                        if (length == 1 || w == null)
                        {
                            NormMath.Normalise<V, T>(source, m, r, w, b, target, n);
                            continue;
                        }
                        for (long c = 0; c < groups.Channels; c++, source += length, target += length)
                            NormMath.Affine<V, T>(source, target, length, m, r * w[c], b == null ? T.Zero : b[c]);
                    }
                }
            );
        }
    }

    private readonly struct BackwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            var groups = ChannelGroups.Of(call.Input(1).Shape, call.Attributes.Int(0));
            var (channels, length, planes) = (groups.Channels, (int)groups.Length, groups.Rows * groups.Channels);
            var (g, x) = ((nint)call.Input(0).Data, (nint)call.Input(1).Data);
            var weight = call.Has(2) ? (nint)call.Input(2).Data : 0;
            var (mean, rstd) = ((nint)call.Input(3).Data, (nint)call.Input(4).Data);
            var gx = (nint)call.Output(0).Data;
            // Σ g of each plane and, behind them, Σ g·(x − mean)·rstd.
            var sums = (nint)NativeMemory.Alloc((nuint)Math.Max(1, 2 * planes), (nuint)sizeof(T));
            CpuThreads.For(
                groups.Rows,
                4 * groups.RowLength,
                (first, last) =>
                {
                    var share = T.One / T.CreateTruncating(groups.RowLength);
                    for (var row = first; row < last; row++)
                    {
                        var (m, r) = (((T*)mean)[row], ((T*)rstd)[row]);
                        var own = weight == 0 ? null : (T*)weight + row % groups.Groups * channels;
                        var (total, inner) = (T.Zero, T.Zero);
                        for (var c = 0; c < channels; c++)
                        {
                            var plane = row * channels + c;
                            var (sum, product) = (T.Zero, T.Zero);
                            var at = plane * length;
                            NormMath.AddSums<V, T>((T*)g + at, (T*)x + at, length, m, ref sum, ref product);
                            product *= r;
                            (((T*)sums)[plane], ((T*)sums)[planes + plane]) = (sum, product);
                            var w = own == null ? T.One : own[c];
                            total += w * sum;
                            inner += w * product;
                        }
                        var (shift, tilt) = (r * share * total, r * r * share * inner);
                        for (var c = 0; c < channels; c++)
                        {
                            var at = (row * channels + c) * length;
                            var slope = own == null ? r : r * own[c];
                            NormMath.Spread<V, T>((T*)g + at, (T*)x + at, (T*)gx + at, length, m, slope, shift, tilt);
                        }
                    }
                }
            );
            if (weight != 0)
                AddImages((T*)sums, groups, (T*)call.Output(1).Data, (T*)call.Output(2).Data);
            NativeMemory.Free((void*)sums);
        }

        /// <summary>The gradients of weight and bias: the sums of the planes of each channel, image by image.</summary>
        private static void AddImages<T>(T* sums, ChannelGroups groups, T* gw, T* gb)
            where T : unmanaged, INumber<T>
        {
            var (count, planes) = (groups.Groups * groups.Channels, groups.Rows * groups.Channels);
            new Span<T>(gw, (int)count).Clear();
            new Span<T>(gb, (int)count).Clear();
            for (long plane = 0; plane < planes; plane++)
            {
                gb[plane % count] += sums[plane];
                gw[plane % count] += sums[planes + plane];
            }
        }
    }
}
