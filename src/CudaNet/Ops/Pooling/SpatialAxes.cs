namespace CudaNet;

/// <summary>Words and checks for ops over the last axes of images, of which there are two, and of volumes, of which there are three.</summary>
internal static class SpatialAxes
{
    /// <summary>How many numbers an attribute takes that has one for each axis, or one for all.</summary>
    public static string Numbers(int axes) =>
        axes == 2 ? "one number or two, for height and width" : "one number or three, for depth, height and width";

    /// <summary>Throws unless a shape is that of images, or volumes, with or without a batch, of at least one position.</summary>
    public static void RequireImages(in OpCall call, int axes, Shape input)
    {
        var fits = input.Rank == axes + 1 || input.Rank == axes + 2;
        for (var i = 1; fits && i <= axes; i++)
            fits = input[-i] > 0;
        if (fits)
            return;
        var (letters, each) = axes == 2 ? ("H, W", "H and W") : ("D, H, W", "D, H and W");
        throw call.ShapeError(
            $"expected an input (N, C, {letters}) or (C, {letters}) with {each} of at least 1, not {input}; Reshape it"
        );
    }
}
