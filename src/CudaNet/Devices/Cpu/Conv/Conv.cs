using System.Numerics;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CudaNet;

/// <summary>The three computations of a convolution.</summary>
internal enum ConvPass
{
    Forward,
    BackwardData,
    BackwardFilter,
}

/// <summary>Convolutions of images on the CPU.</summary>
internal static class CpuConv
{
    public static void Forward(in OpCall call) =>
        CpuChannelsLast.Run(call, static (in of) => Run(of, ConvPass.Forward));

    public static void BackwardData(in OpCall call) =>
        CpuChannelsLast.Run(call, static (in of) => Run(of, ConvPass.BackwardData));

    public static void BackwardFilter(in OpCall call) =>
        CpuChannelsLast.Run(call, static (in of) => Run(of, ConvPass.BackwardFilter));

    /// <summary>A transposed convolution, which is the gradient of the input with a bias.</summary>
    public static void Transposed(in OpCall call) =>
        CpuChannelsLast.Run(call, static (in of) => Run(of, ConvPass.BackwardData));

    private static void Run(in OpCall call, ConvPass pass)
    {
        if (call.Output(0).DType == DType.Float32)
            Run<float>(call, pass);
        else if (call.Output(0).DType == DType.Float64)
            Run<double>(call, pass);
        else
            CpuMatMul.RunConverted(call);
    }

    private static void Run<T>(in OpCall call, ConvPass pass)
        where T : unmanaged, INumber<T>
    {
        if (Vector512.IsHardwareAccelerated && Avx512F.IsSupported)
            CpuConv<GemmVector512<T>, Vector512<T>, T>.Run(call, pass);
        else if (Vector256.IsHardwareAccelerated && Fma.IsSupported)
            CpuConv<GemmVector256<T>, Vector256<T>, T>.Run(call, pass);
        else
            CpuConv<GemmVectorPortable<T>, Vector<T>, T>.Run(call, pass);
    }
}

/// <summary>
/// Lays out images with their padding, a few at a time, whereupon every tap of the kernel is an offset (<see cref="ConvLayout"/>), and gives
/// them to <see cref="ConvWindows{TSimd,V,T}"/> and <see cref="ConvFilter{TSimd,V,T}"/>. Everything is divided by the shape alone, so
/// results do not depend on the number of threads.
/// </summary>
internal static unsafe class CpuConv<TSimd, V, T>
    where TSimd : struct, IGemmVector<T, V>
    where V : unmanaged
    where T : unmanaged, INumber<T>
{
    private const int BytesAtATime = 8 * 1024 * 1024; // of laid out images, which stay in the outer caches

    public static void Run(in OpCall call, ConvPass pass)
    {
        var (first, second, result) = (call.Input(0), call.Input(1), call.Output(0));
        if (result.NumElements == 0)
            return;
        switch (pass)
        {
            case ConvPass.Forward:
                var bias = call.Has(2) ? (T*)call.Input(2).Data : null;
                var forward = ConvGeometry.Of(first.Shape, second.Shape, call.Attributes);
                Windows(forward, backward: false, (T*)first.Data, (T*)second.Data, bias, (T*)result.Data);
                break;
            case ConvPass.BackwardData:
                var addend = call.Inputs.Length > 2 && call.Has(2) ? (T*)call.Input(2).Data : null;
                var data = ConvGeometry.Of(result.Shape, second.Shape, call.Attributes);
                Windows(data, backward: true, (T*)first.Data, (T*)second.Data, addend, (T*)result.Data);
                break;
            default:
                var filter = ConvGeometry.Of(second.Shape, result.Shape, call.Attributes);
                if (ConvWinogradFilter<TSimd, V, T>.Serves(filter))
                    ConvWinogradFilter<TSimd, V, T>.Run(filter, (T*)first.Data, (T*)second.Data, (T*)result.Data);
                else
                    Filter(filter, (T*)first.Data, (T*)second.Data, (T*)result.Data);
                break;
        }
    }

    /// <summary>The forward pass, or the gradient of the input, which has the same form.</summary>
    private static void Windows(ConvGeometry geometry, bool backward, T* source, T* weight, T* bias, T* result)
    {
        if (ConvWinograd<TSimd, V, T>.Serves(geometry, backward))
        {
            ConvWinograd<TSimd, V, T>.Run(geometry, backward, source, weight, bias, result);
            return;
        }
        var (rows, columns) = (new ConvTaps(geometry, 0, backward), new ConvTaps(geometry, 1, backward));
        var (from, to) = backward ? (geometry.Output, geometry.Input) : (geometry.Input, geometry.Output);
        var groups = (nint)geometry.Groups;
        var (inner, outer) = ((nint)from[1] / groups, (nint)to[1] / groups);
        var layout = new ConvLayout((nint)from[1], rows.Source, columns.Source);
        var taps = rows.Count * columns.Count;
        var images = (nint)from[0];
        var most = AtATime(images, layout.Image);

        var room = Room(
            (inner + 1) * taps * sizeof(nint) + ((nint)geometry.Weight.NumElements + most * layout.Image) * sizeof(T)
        );
        var offsets = Take<nint>(ref room, inner * taps);
        var met = new Span<nint>(Take<nint>(ref room, taps), (int)taps);
        var packed = Take<T>(ref room, (nint)geometry.Weight.NumElements);
        var problem = new ConvProblem<T>
        {
            Groups = groups,
            M = outer,
            A = packed,
            Bias = bias,
            Images = Take<T>(ref room, most * layout.Image),
            Image = layout.Image,
            ImageGroup = inner * layout.Channel,
            Pitch = layout.Pitch,
            Offsets = offsets,
            Channel = (nint)ConvGeometry.Spatial(to),
            RowStep = rows.Step * (nint)to[3],
            ColumnStep = columns.Step,
        };
        var parallel = geometry.Products >= Gemm.ParallelWork;
        for (nint image = 0; image < images; image += most)
        {
            var count = Math.Min(most, images - image);
            LayOut(layout, from, source, image, count, problem.Images, parallel);
            for (nint row = 0; row < rows.Phases; row++)
            for (nint column = 0; column < columns.Phases; column++)
            {
                var own = 0;
                for (nint y = 0; y < rows.Count; y++)
                for (nint x = 0; x < columns.Count; x++)
                    if (rows.Meets(row, y) && columns.Meets(column, x))
                    {
                        offsets[own] = layout.Offset(rows.Position(row, y), columns.Position(column, x));
                        met[own++] = y * columns.Count + x;
                    }
                for (nint i = own; i < inner * own; i++)
                    offsets[i] = offsets[i - own] + layout.Channel;
                problem.K = inner * own;
                var (rowStep, channelStep) = backward ? (taps, outer * taps) : (inner * taps, taps);
                for (nint group = 0; group < groups; group++)
                    ConvWindows<TSimd, V, T>.Pack(
                        weight + group * outer * inner * taps,
                        rowStep,
                        channelStep,
                        outer,
                        inner,
                        met[..own],
                        packed + group * outer * problem.K
                    );
                (problem.Rows, problem.Columns) = (rows.Results(row), columns.Results(column));
                problem.Result = result + image * groups * outer * problem.Channel + row * (nint)to[3] + column;
                ConvWindows<TSimd, V, T>.Run(problem, count, parallel);
            }
        }
    }

    private static void Filter(ConvGeometry geometry, T* gradient, T* source, T* result)
    {
        var (rows, columns) = (new ConvTaps(geometry, 0, false), new ConvTaps(geometry, 1, false));
        var layout = new ConvLayout((nint)geometry.Input[1], rows.Source, columns.Source);
        var problem = new ConvFilterProblem<T>
        {
            Groups = (nint)geometry.Groups,
            ChannelsOut = (nint)geometry.ChannelsOut,
            ChannelsIn = (nint)geometry.ChannelsIn,
            Image = layout.Image,
            Channel = layout.Channel,
            Pitch = layout.Pitch,
            TapStep = columns.Source.Stride == 1 ? (nint)geometry.Dilation(1) : 0,
            KernelRows = rows.Count,
            KernelColumns = columns.Count,
            Rows = (nint)geometry.Output[2],
            Columns = (nint)geometry.Output[3],
        };
        var images = (nint)geometry.Input[0];
        if (images == 0)
        {
            new Span<T>(result, (int)geometry.Weight.NumElements).Clear();
            return;
        }
        var gradientSize = ConvFilter<TSimd, V, T>.PackedSize(problem);
        var sums = ConvFilter<TSimd, V, T>.ResultSize(problem);
        var most = AtATime(images, layout.Image + gradientSize);
        var room = Room(problem.Taps * sizeof(nint) + (sums + most * (layout.Image + gradientSize)) * sizeof(T));
        problem.Offsets = Take<nint>(ref room, problem.Taps);
        for (nint y = 0; y < rows.Count; y++)
        for (nint x = 0; x < columns.Count; x++)
            problem.Offsets[y * columns.Count + x] = layout.Offset(rows.Position(0, y), columns.Position(0, x));
        problem.Result = Take<T>(ref room, sums);
        problem.Gradient = Take<T>(ref room, most * gradientSize);
        problem.Images = Take<T>(ref room, most * layout.Image);
        var parallel = geometry.Products >= Gemm.ParallelWork;
        for (nint image = 0; image < images; image += most)
        {
            var count = Math.Min(most, images - image);
            LayOut(layout, geometry.Input, source, image, count, problem.Images, parallel);
            PackGradient(
                problem,
                gradient + image * (nint)(geometry.Output.NumElements / images),
                (nint)(geometry.Output.NumElements / images),
                gradientSize,
                count,
                parallel
            );
            ConvFilter<TSimd, V, T>.Run(problem, count, overwrite: image == 0, parallel);
        }
        ConvFilter<TSimd, V, T>.Unpack(problem, result);
    }

    private static void PackGradient(
        ConvFilterProblem<T> problem,
        T* gradient,
        nint size,
        nint packedSize,
        nint count,
        bool parallel
    )
    {
        if (parallel)
            CpuThreads.For(count, packedSize, Pack);
        else
            Pack(0, count);

        void Pack(long first, long last)
        {
            for (var i = (nint)first; i < last; i++)
                ConvFilter<TSimd, V, T>.Pack(problem, gradient + i * size, problem.Gradient + i * packedSize);
        }
    }

    internal static void LayOut(ConvLayout layout, Shape shape, T* source, nint image, nint count, T* to, bool parallel)
    {
        var (channels, positions) = ((nint)shape[1], (nint)ConvGeometry.Spatial(shape));
        var from = source + image * channels * positions;
        if (parallel)
            CpuThreads.For(count * channels, layout.Channel, Fill);
        else
            Fill(0, count * channels);
        // Strips of positions may read on behind the last.
        new Span<T>(to + count * layout.Image, Slack).Clear();

        void Fill(long first, long last)
        {
            for (var i = (nint)first; i < last; i++)
                layout.Fill(from + i * positions, to + i * layout.Channel);
        }
    }

    /// <summary>How many images are laid out at a time, in parts as even as possible.</summary>
    internal static nint AtATime(nint images, nint size)
    {
        var most = Math.Max(1, BytesAtATime / sizeof(T) / Math.Max(1, size));
        return ConvLayout.Ceiling(images, ConvLayout.Ceiling(images, most));
    }

    private const int Alignment = 64;
    internal const int Slack = 64; // more than two of the widest vectors

    internal static byte* Room(nint bytes) => (byte*)GemmBuffers.Right(bytes + 8 * Alignment + 2 * Slack * sizeof(T));

    internal static TElement* Take<TElement>(ref byte* room, nint count)
        where TElement : unmanaged
    {
        var taken = (TElement*)room;
        room += (count * sizeof(TElement) + Alignment - 1) / Alignment * Alignment;
        return taken;
    }
}
