namespace CudaNet.Verification;

/// <summary>The rows by which a device is compared with PyTorch, and what is asked of each kind.</summary>
public static partial class PeerSuite
{
    private static readonly PeerGoal Products = new("matrix products", Mean: 1.0, Each: 0.9, PeerRate.Gflops);
    private static readonly PeerGoal Convolutions = new("convolutions", Mean: 1.5, Each: 1.5, PeerRate.Gflops);
    private static readonly PeerGoal Elements = new("elements and rows", Mean: 1.3, Each: 1.3, PeerRate.Gbps);
    private static readonly PeerGoal Steps = new("steps of small networks", Mean: 5, Each: 5, PeerRate.Calls);
    private static readonly PeerGoal Updates = new("optimiser steps", Mean: 1, Each: 1, PeerRate.Gbps);
    private static readonly PeerGoal Calls = new("overhead of a call", Mean: 1, Each: 1, PeerRate.Calls);

    /// <summary>The names of the suites.</summary>
    public static IReadOnlyList<string> Names { get; } = ["ops", "kernels"];

    /// <summary>The suite <c>ops</c>: what the cpu device is judged by.</summary>
    public static IReadOnlyList<PeerRow> Ops { get; } =
    [
        MatMul(64, 64, 64),
        MatMul(128, 128, 128),
        MatMul(256, 256, 256),
        MatMul(512, 512, 512),
        MatMul(1024, 1024, 1024),
        MatMul(2048, 2048, 2048),
        MatMul(128, 256, 784),
        MatMul(64, 2048, 512),
        MatMul(4096, 64, 576),
        Conv(images: 16, channels: 32, height: 32, width: 32, filters: 64),
        ConvBackward("data", [64, 32, 3, 3], "input_size=16x32x32x32"),
        ConvBackward("filter", [16, 32, 32, 32], "weight_size=64x32x3x3"),
        Conv(images: 16, channels: 32, height: 32, width: 32, filters: 64, stride: 2),
        Conv(images: 16, channels: 31, height: 27, width: 29, filters: 61),
        OnMatrix("exp"),
        OnMatrix("tanh"),
        OnMatrix("gelu"),
        OnMatrix("add", inputs: 2),
        OnMatrix("sum"),
        OnMatrix("softmax", attributes: "dim=1"),
        new(
            "softmax 512x1024, first axis",
            Elements,
            "softmax",
            [
                [512, 1024],
            ],
            "dim=0"
        ),
        OnMatrix("softmax_backward", inputs: 2, attributes: "dim=1"),
        new(
            "layer_norm 512x1024",
            Elements,
            "layer_norm",
            [
                [512, 1024],
                [1024],
                [1024],
            ],
            "normalized_shape=1024"
        ),
        new(
            "layer_norm_backward 512x1024",
            Elements,
            "layer_norm_backward",
            [
                [512, 1024],
                [512, 1024],
                [1024],
                [512],
                [512],
            ],
            "normalized_shape=1024"
        ),
        new(
            "adam 784-512-512-10",
            Updates,
            "adam",
            [
                [512, 784],
                [512],
                [512, 512],
                [512],
                [10, 512],
                [10],
            ]
        ),
        MlpStep("tanh"),
        MlpStep("relu"),
        OnNumber("add 1, recorded", "recorded_add"),
        OnNumber("add 1, forward and backward", "add_and_backward"),
    ];

    private static PeerRow MatMul(long m, long n, long k) =>
        new(
            $"matmul {m}x{n}x{k}",
            Products,
            "matmul",
            [
                [m, k],
                [k, n],
            ]
        );

    private static PeerRow Conv(long images, long channels, long height, long width, long filters, int stride = 1) =>
        new(
            $"conv2d 3x3 {images}x{channels}x{height}x{width} to {filters}{(stride > 1 ? $", stride {stride}" : "")}",
            Convolutions,
            "conv2d",
            [
                [images, channels, height, width],
                [filters, channels, 3, 3],
            ],
            $"stride={stride} padding=1"
        );

    /// <summary>A gradient of the first convolution: of its input, from the weight, or of its weight, from the input.</summary>
    private static PeerRow ConvBackward(string of, long[] other, string size) =>
        new(
            $"conv2d_backward_{of} 3x3 16x32x32x32 to 64",
            Convolutions,
            $"conv2d_backward_{of}",
            [
                [16, 64, 32, 32],
                other,
            ],
            $"padding=1 {size}"
        );

    private static PeerRow OnMatrix(string op, int inputs = 1, string attributes = "") =>
        new($"{op} 512x1024", Elements, op, [.. Enumerable.Repeat<long[]>([512, 1024], inputs)], attributes);

    private static PeerRow OnNumber(string name, string task) =>
        new(
            name,
            Calls,
            task,
            [
                [1],
                [1],
            ]
        );

    private static PeerRow MlpStep(string activation) =>
        new(
            $"MLP step 32, 2-64-64-1, {activation}",
            Steps,
            "mlp_step",
            [
                [32, 2],
                [32, 1],
            ],
            $"widths=2x64x64x1 activation={activation}"
        );
}
