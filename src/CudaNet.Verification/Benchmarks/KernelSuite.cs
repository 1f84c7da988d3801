namespace CudaNet.Verification;

/// <summary>The suite <c>kernels</c>: what a GPU is judged by.</summary>
public static partial class PeerSuite
{
    // Of the vendor's libraries, through PyTorch; and of the bandwidth with which the device copies.
    private static readonly PeerGoal GpuProducts = new("f32 matrix products", Mean: 0.8, Each: 0.8, PeerRate.Gflops);
    private static readonly PeerGoal GpuHalfProducts = new("bf16 matrix products", 0.5, 0.4, PeerRate.Gflops);
    private static readonly PeerGoal GpuConvolutions = new("dense convolutions", Mean: 0.7, Each: 0.7, PeerRate.Gflops);
    private static readonly PeerGoal GpuPoolings = new("poolings", Mean: 1.5, Each: 1.5, PeerRate.Gbps);
    private static readonly PeerGoal GpuDepthwise = new("depthwise convolutions", Mean: 1.5, Each: 1.5, PeerRate.Gbps);
    private static readonly PeerGoal GpuElements = new("elements", 1, 1, PeerRate.Gbps) { Share = 0.9 };
    private static readonly PeerGoal GpuRows = new("norms and softmax", 1, 1, PeerRate.Gbps) { Share = 0.85 };
    private static readonly PeerGoal GpuUpdates = new("optimiser", 1, 1, PeerRate.Gbps) { Share = 0.9 };

    /// <summary>The suite <c>kernels</c>, in sizes that fill a GPU; divided, to try it elsewhere.</summary>
    /// <param name="divisor">What every large extent is divided by: 1 for a GPU.</param>
    public static IReadOnlyList<PeerRow> Kernels(int divisor = 1)
    {
        var rows = new List<PeerRow>();
        foreach (var dtype in new[] { DType.Float32, DType.BFloat16 })
        {
            var products = dtype == DType.Float32 ? GpuProducts : GpuHalfProducts;
            foreach (var n in new long[] { 1024, 2048, 4096, 8192 })
                rows.Add(Product(products, dtype, Part(n), Part(n), Part(n)));
            rows.Add(Product(products, dtype, Part(8192), Part(1024), Part(4096)));
            rows.Add(GpuConv(dtype, Part(32), Part(64), 56, Part(64)));
            rows.Add(GpuConv(dtype, Part(32), Part(256), 14, Part(256)));
            foreach (var op in new[] { "exp", "gelu", "add" })
                rows.Add(Rows(GpuElements, op, dtype, op == "add" ? 2 : 1));
            rows.Add(Rows(GpuElements, "sum", dtype));
            rows.Add(Rows(GpuRows, "softmax", dtype, attributes: "dim=1"));
            rows.Add(Rows(GpuRows, "softmax_backward", dtype, 2, "dim=1"));
            rows.Add(LayerNorm(dtype));
            rows.Add(RmsNorm(dtype));
            rows.Add(GroupNorm(dtype));
            rows.Add(Depthwise(dtype));
            rows.Add(Pool(dtype));
        }
        rows.Add(
            new(
                $"adam 4 x {Part(4096)}x{Part(4096)}",
                GpuUpdates,
                "adam",
                [.. Enumerable.Repeat<long[]>([Part(4096), Part(4096)], 4)]
            )
        );
        return rows;

        long Part(long extent) => Math.Max(1, extent / divisor);

        static PeerRow Product(PeerGoal goal, DType dtype, long m, long n, long k) =>
            new(
                $"matmul {m}x{n}x{k} {dtype.Name}",
                goal,
                "matmul",
                [
                    [m, k],
                    [k, n],
                ]
            )
            {
                DType = dtype,
            };

        static PeerRow GpuConv(DType dtype, long images, long channels, long side, long filters) =>
            new(
                $"conv2d 3x3 {images}x{channels}x{side}x{side} to {filters} {dtype.Name}",
                GpuConvolutions,
                "conv2d",
                [
                    [images, channels, side, side],
                    [filters, channels, 3, 3],
                ],
                "padding=1"
            )
            {
                DType = dtype,
            };

        PeerRow Rows(PeerGoal goal, string op, DType dtype, int inputs = 1, string attributes = "") =>
            new(
                $"{op} {Part(16384)}x{Part(4096)} {dtype.Name}",
                goal,
                op,
                [.. Enumerable.Repeat<long[]>([Part(16384), Part(4096)], inputs)],
                attributes
            )
            {
                DType = dtype,
            };

        PeerRow LayerNorm(DType dtype) =>
            new(
                $"layer_norm {Part(16384)}x{Part(4096)} {dtype.Name}",
                GpuRows,
                "layer_norm",
                [
                    [Part(16384), Part(4096)],
                    [Part(4096)],
                    [Part(4096)],
                ],
                $"normalized_shape={Part(4096)}"
            )
            {
                DType = dtype,
            };

        PeerRow RmsNorm(DType dtype) =>
            new(
                $"rms_norm {Part(16384)}x{Part(4096)} {dtype.Name}",
                GpuRows,
                "rms_norm",
                [
                    [Part(16384), Part(4096)],
                    [Part(4096)],
                ],
                $"normalized_shape={Part(4096)}"
            )
            {
                DType = dtype,
            };

        PeerRow GroupNorm(DType dtype) =>
            new(
                $"group_norm {Part(64)}x64x64x64 in 8 groups {dtype.Name}",
                GpuRows,
                "group_norm",
                [
                    [Part(64), 64, 64, 64],
                    [64],
                    [64],
                ],
                "num_groups=8"
            )
            {
                DType = dtype,
            };

        PeerRow Depthwise(DType dtype) =>
            new(
                $"conv2d 3x3 {Part(64)}x256x56x56 depthwise {dtype.Name}",
                GpuDepthwise,
                "conv2d",
                [
                    [Part(64), 256, 56, 56],
                    [256, 1, 3, 3],
                ],
                "padding=1 groups=256"
            )
            {
                DType = dtype,
            };

        PeerRow Pool(DType dtype) =>
            new(
                $"avg_pool2d 2x2 {Part(128)}x{Part(64)}x112x112 {dtype.Name}",
                GpuPoolings,
                "avg_pool2d",
                [
                    [Part(128), Part(64), 112, 112],
                ],
                "kernel_size=2 stride=2"
            )
            {
                DType = dtype,
            };
    }
}
