namespace CudaNet;

public sealed partial class Tensor
{
    /// <summary>
    /// Whether sequences, images or volumes (N, C, …) lie with the channels of each position side by side, as (N, …, C) does in C order,
    /// without gaps; torch.channels_last. False for what lies in C order as well, as with one channel.
    /// </summary>
    public bool IsChannelsLast
    {
        get
        {
            if (Rank is < 3 or > 5 || IsContiguous)
                return false;
            var expected = ChannelsLastStrides(Shape);
            for (var i = 0; i < _strides.Length; i++)
                if (_strides[i] != expected[i] && Shape[i] != 1)
                    return false;
            return true;
        }
    }

    /// <summary>An uninitialised tensor (N, C, …) with the channels last in memory.</summary>
    internal static Tensor AllocateChannelsLast(Shape shape, DType dtype, Device device, string origin) =>
        new(device.Memory.Rent(shape.NumElements * dtype.Size, origin), shape, ChannelsLastStrides(shape), 0, dtype)
        {
            Origin = origin,
        };

    internal static long[] ChannelsLastStrides(Shape shape)
    {
        var strides = new long[shape.Rank];
        strides[1] = 1;
        var step = shape[1];
        for (var axis = shape.Rank - 1; axis >= 2; axis--)
        {
            strides[axis] = step;
            step *= shape[axis];
        }
        strides[0] = step;
        return strides;
    }
}
