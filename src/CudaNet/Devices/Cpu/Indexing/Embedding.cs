namespace CudaNet;

/// <summary>Rows of a table, copied as bytes, whatever their type.</summary>
internal static unsafe class CpuEmbedding
{
    public static void Forward(in OpCall call)
    {
        var (input, weight, output) = (call.Input(0), call.Input(1), call.Output(0));
        var rows = weight.Shape[0];
        var bytes = weight.Shape[1] * weight.DType.Size;
        var indices = input.AsSpan<long>();
        foreach (var index in indices)
            if ((ulong)index >= (ulong)rows)
                throw GatherRules.OutOfRange(call.Op.Name, index, 0, weight.Shape);
        var (from, to, numbers) = ((nint)weight.Data, (nint)output.Data, (nint)input.Data);
        CpuThreads.For(
            indices.Length,
            weight.Shape[1],
            (first, last) =>
            {
                for (var i = first; i < last; i++)
                    Buffer.MemoryCopy((byte*)from + ((long*)numbers)[i] * bytes, (byte*)to + i * bytes, bytes, bytes);
            }
        );
    }
}
