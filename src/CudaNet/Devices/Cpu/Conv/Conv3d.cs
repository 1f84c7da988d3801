using System.Numerics;

namespace CudaNet;

/// <summary>
/// Convolutions of volumes as those of images: for each slice of the output, the slices of the input that the kernel's planes meet are laid
/// out as channels, so that (N, C, D, H, W) becomes (N·D', C·kD, H, W). A weight (O, C, kD, kH, kW) is (O, C·kD, kH, kW) as it lies.
/// </summary>
internal static unsafe class CpuConv3d
{
    public static void Forward(in OpCall call) =>
        CpuChannelsLast.Run(call, static (in of) => VectorKernel.Run<ForwardKernel>(of));

    public static void BackwardData(in OpCall call) =>
        CpuChannelsLast.Run(call, static (in of) => VectorKernel.Run<BackwardDataKernel>(of));

    public static void BackwardFilter(in OpCall call) =>
        CpuChannelsLast.Run(call, static (in of) => VectorKernel.Run<BackwardFilterKernel>(of));

    /// <summary>A transposed convolution, which is the gradient of the input with a bias.</summary>
    public static void Transposed(in OpCall call) =>
        CpuChannelsLast.Run(call, static (in of) => VectorKernel.Run<TransposedKernel>(of));

    private readonly struct ForwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            using var frame = Lifetime.Frame();
            using var noGrad = Autograd.NoGrad();
            var slices = new ConvSlices(ConvGeometry.Of(call.Input(0).Shape, call.Input(1).Shape, call.Attributes));
            var bias = call.Has(2) ? call.Input(2) : null;
            var images = slices.Unfold<T>(call.Input(0));
            var result = slices.Family.Forward(images, slices.Weight(call.Input(1)), bias, slices.Attributes);
            ConvSlices.SwapAxes<T>(result, call.Output(0), slices.Geometry.Output, toImages: false);
        }
    }

    private readonly struct BackwardDataKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> => Gather<V, T>(call, bias: null);
    }

    private readonly struct TransposedKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            Gather<V, T>(call, call.Has(2) ? call.Input(2) : null);
    }

    private static void Gather<V, T>(in OpCall call, Tensor? bias)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var frame = Lifetime.Frame();
        using var noGrad = Autograd.NoGrad();
        var slices = new ConvSlices(ConvGeometry.Of(call.Output(0).Shape, call.Input(1).Shape, call.Attributes));
        var gradient = slices.ToImages<T>(call.Input(0));
        var unfolded = slices.Family.BackwardData(
            gradient,
            slices.Weight(call.Input(1)),
            slices.Unfolded,
            slices.Attributes
        );
        slices.Fold<V, T>(unfolded, bias, call.Output(0));
    }

    private readonly struct BackwardFilterKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            using var frame = Lifetime.Frame();
            using var noGrad = Autograd.NoGrad();
            var slices = new ConvSlices(ConvGeometry.Of(call.Input(1).Shape, call.Output(0).Shape, call.Attributes));
            var result = slices.Family.BackwardFilter(
                slices.ToImages<T>(call.Input(0)),
                slices.Unfold<T>(call.Input(1)),
                slices.WeightShape,
                slices.Attributes
            );
            var bytes = result.NumElements * sizeof(T);
            Buffer.MemoryCopy(result.Data, call.Output(0).Data, bytes, bytes);
            GC.KeepAlive(result);
        }
    }
}

/// <summary>The slices of volumes, laid out as images whose channels are the pairs of a channel and a plane of the kernel.</summary>
internal sealed unsafe class ConvSlices(ConvGeometry geometry)
{
    public ConvGeometry Geometry { get; } = geometry;

    public ConvFamily Family { get; } = new(2);

    private long Channels => Geometry.Input[1];

    private long Depth => Geometry.Input[2];

    private long Planes => Geometry.Weight[2];

    private long Slices => Geometry.Output[2];

    public Shape Unfolded => new(Geometry.Input[0] * Slices, Channels * Planes, Geometry.Input[3], Geometry.Input[4]);

    public Shape WeightShape =>
        new(Geometry.Weight[0], Geometry.Weight[1] * Planes, Geometry.Weight[3], Geometry.Weight[4]);

    /// <summary>Those of the convolution of the images.</summary>
    public Attributes Attributes =>
        CudaNet.Attributes.Of(
            new[] { Geometry.Stride(1), Geometry.Stride(2) },
            new[] { Geometry.Padding(1), Geometry.Padding(2) },
            new[] { Geometry.Dilation(1), Geometry.Dilation(2) },
            Geometry.Groups
        );

    public Tensor Weight(Tensor weight) => weight.Reshape(WeightShape);

    /// <summary>The slice of the input that a plane of the kernel meets for a slice of the output; outside of it in the padding.</summary>
    private long Met(long slice, long plane) =>
        slice * Geometry.Stride(0) - Geometry.Padding(0) + plane * Geometry.Dilation(0);

    /// <summary>(N, C, D, H, W) as (N·D', C·kD, H, W).</summary>
    public Tensor Unfold<T>(Tensor volumes)
        where T : unmanaged
    {
        var images = Tensor.Empty(Unfolded, volumes.DType);
        var (from, to, size) = ((nint)volumes.Data, (nint)images.Data, Geometry.Input[3] * Geometry.Input[4]);
        CpuThreads.For(
            Unfolded[0],
            Unfolded[1] * size,
            (first, last) =>
            {
                for (var image = first; image < last; image++)
                for (long c = 0; c < Channels; c++)
                for (long plane = 0; plane < Planes; plane++)
                {
                    var target = new Span<T>((T*)to + ((image * Channels + c) * Planes + plane) * size, (int)size);
                    var met = Met(image % Slices, plane);
                    if (met < 0 || met >= Depth)
                        target.Clear();
                    else
                        new Span<T>(
                            (T*)from + ((image / Slices * Channels + c) * Depth + met) * size,
                            (int)size
                        ).CopyTo(target);
                }
            }
        );
        GC.KeepAlive(volumes);
        return images;
    }

    /// <summary>The adjoint of <see cref="Unfold"/>, with a bias: each slice is the sum of the places that show it, in their order.</summary>
    public void Fold<V, T>(Tensor images, Tensor? bias, Tensor volumes)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var (from, to, size) = ((nint)images.Data, (nint)volumes.Data, (int)(Geometry.Input[3] * Geometry.Input[4]));
        var addend = bias is null ? 0 : (nint)bias.Data;
        CpuThreads.For(
            Geometry.Input[0] * Channels,
            Depth * Planes * size,
            (first, last) =>
            {
                for (var channel = first; channel < last; channel++)
                {
                    var (n, c) = (channel / Channels, channel % Channels);
                    new Span<T>((T*)to + channel * Depth * size, checked((int)(Depth * size))).Fill(
                        addend == 0 ? T.Zero : ((T*)addend)[c]
                    );
                    for (long slice = 0; slice < Slices; slice++)
                    for (long plane = 0; plane < Planes; plane++)
                        if (Met(slice, plane) is var met && met >= 0 && met < Depth)
                            Add<V, T>(
                                (T*)from + (((n * Slices + slice) * Channels + c) * Planes + plane) * size,
                                (T*)to + (channel * Depth + met) * size,
                                size
                            );
                }
            }
        );
        GC.KeepAlive(images);
    }

    private static void Add<V, T>(T* x, T* y, int n)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var i = 0;
        for (; i <= n - V.Count; i += V.Count)
            (V.Load(y + i) + V.Load(x + i)).Store(y + i);
        for (; i < n; i++)
            y[i] += x[i];
    }

    /// <summary>The gradient of the output, (N, O, D', H', W'), as (N·D', O, H', W').</summary>
    public Tensor ToImages<T>(Tensor gradient)
        where T : unmanaged
    {
        var output = Geometry.Output;
        var images = Tensor.Empty(new(output[0] * output[2], output[1], output[3], output[4]), gradient.DType);
        SwapAxes<T>(gradient, images, output, toImages: true);
        return images;
    }

    /// <summary>Copies (N, O, D', H', W') to (N, D', O, H', W') or back; <paramref name="volumes"/> is the shape of the first.</summary>
    public static void SwapAxes<T>(Tensor from, Tensor to, Shape volumes, bool toImages)
        where T : unmanaged
    {
        var (source, target, size) = ((nint)from.Data, (nint)to.Data, volumes[3] * volumes[4]);
        var (rows, columns) = toImages ? (volumes[1], volumes[2]) : (volumes[2], volumes[1]);
        CpuThreads.For(
            volumes[0] * rows * columns,
            size,
            (first, last) =>
            {
                for (var i = first; i < last; i++)
                {
                    // The i-th matrix of the result, (n, column, row), was (n, row, column).
                    var (n, rest) = (i / (rows * columns), i % (rows * columns));
                    var (column, row) = (rest / rows, rest % rows);
                    var at = (n * rows + row) * columns + column;
                    new Span<T>((T*)source + at * size, (int)size).CopyTo(new((T*)target + i * size, (int)size));
                }
            }
        );
        GC.KeepAlive(from);
    }
}
