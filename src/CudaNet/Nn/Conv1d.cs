namespace CudaNet.Nn;

/// <summary>A layer of learned kernels that slide over sequences: (N, C, L) or (C, L), as torch.nn.Conv1d.</summary>
public sealed class Conv1d : ForwardConvLayer
{
    /// <summary>A layer with kernels of a length; see <see cref="ConvLayer"/>.</summary>
    /// <exception cref="AttributeException">The number of groups does not divide both numbers of channels.</exception>
    public Conv1d(
        long inChannels,
        long outChannels,
        long kernelSize,
        long stride = 1,
        long padding = 0,
        long dilation = 1,
        long groups = 1,
        bool bias = true,
        PadMode paddingMode = PadMode.Constant,
        DType dtype = DType.Float32,
        Device? device = null,
        Generator? generator = null
    )
        : base(
            Conv1dOp.Instance,
            axes: 1,
            new(nameof(Conv1d), inChannels, outChannels, [kernelSize])
            {
                Stride = [stride],
                Padding = [padding],
                Dilation = [dilation],
                Groups = groups,
                Bias = bias,
                PaddingMode = paddingMode,
                DType = dtype,
                Device = device,
                Generator = generator,
            }
        ) { }
}
