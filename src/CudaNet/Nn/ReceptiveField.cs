namespace CudaNet.Nn;

/// <summary>
/// What part of the input one element of a layer depends on, along one axis: its extent, the distance between the fields of neighbours,
/// and where the first field's centre lies. Kernels of size k, stride s, padding p and dilation d extend it as in Araujo, Norris, Sim, "Computing
/// receptive fields of convolutional neural networks" (Distill 2019): extent + d (k − 1) · jump, jump · s, start + (d (k − 1) / 2 − p) · jump.
/// </summary>
/// <param name="Extent">The extent in input elements.</param>
/// <param name="Jump">The distance in input elements between the fields of two neighbours.</param>
/// <param name="Start">The centre of the first field, in input elements from the centre of the first one.</param>
public readonly record struct ReceptiveField(long Extent, long Jump, double Start)
{
    /// <summary>An element of the input: it sees itself.</summary>
    public static ReceptiveField Input { get; } = new(1, 1, 0);

    /// <summary>The field behind a layer with such windows: a convolution or pooling.</summary>
    /// <exception cref="AttributeException">Kernel, stride or dilation is below 1, or the padding below 0.</exception>
    public ReceptiveField Through(long kernel, long stride = 1, long padding = 0, long dilation = 1)
    {
        if (kernel < 1 || stride < 1 || padding < 0 || dilation < 1)
            throw new AttributeException(
                $"ReceptiveField: a window needs kernel, stride and dilation of at least 1 and padding of at least 0; got "
                    + $"kernel {kernel}, stride {stride}, padding {padding}, dilation {dilation}"
            );
        var reach = dilation * (kernel - 1);
        return new(Extent + reach * Jump, Jump * stride, Start + (reach / 2.0 - padding) * Jump);
    }
}
