using CudaNet.Nn;

namespace CudaNet.Models;

/// <summary>Bumps and towers of sigmoids, of which universal approximation can be built by hand (deep-learning notes, section 1.2).</summary>
public static class Towers
{
    /// <summary>
    /// σ(k(x − a)) − σ(k(x − b)): near 1 between a and b, near 0 elsewhere, the nearer the larger k. (The notes print half of it, which is 1 only with tanh.)
    /// </summary>
    /// <param name="x">Any shape.</param>
    /// <param name="a">Where the bump begins.</param>
    /// <param name="b">Where it ends.</param>
    /// <param name="steepness">k, positive.</param>
    public static Tensor Bump(Tensor x, double a, double b, double steepness) =>
        (steepness * (x - a)).Sigmoid() - (steepness * (x - b)).Sigmoid();

    /// <summary>
    /// σ(k₂·(bump(x₁) + bump(x₂) − 3/2)): near 1 on a rectangle, near 0 elsewhere. The sum of the bumps is 2 inside, 1 on the strips and 0 outside, so
    /// that the threshold is 3/2. (The notes print a bound of the rectangle in its place.)
    /// </summary>
    /// <param name="points">(N, 2).</param>
    /// <param name="low">The rectangle's lower corner, two numbers.</param>
    /// <param name="high">Its upper corner.</param>
    /// <param name="steepness">k₁, of the bumps.</param>
    /// <param name="outerSteepness">k₂.</param>
    /// <returns>(N).</returns>
    public static Tensor Tower(
        Tensor points,
        (double X, double Y) low,
        (double X, double Y) high,
        double steepness,
        double outerSteepness
    )
    {
        if (points.Rank != 2 || points.Shape[1] != 2)
            throw new ShapeException($"Tower: expected points of (N, 2), got {points.Shape}");
        var sum =
            Bump(points.Select(1, 0), low.X, high.X, steepness) + Bump(points.Select(1, 1), low.Y, high.Y, steepness);
        return (outerSteepness * (sum - 1.5)).Sigmoid();
    }

    /// <summary>
    /// Into how many towers per side the unit square must be cut, so that a function with this Lipschitz constant is met to <paramref name="error"/> by ideal towers
    /// as high as the function in their centre: ⌈L / (√2·ε)⌉, since no point is farther than √2/(2K) from a centre (the notes' theorem 1.1, a question there).
    /// </summary>
    public static int PerSide(double lipschitz, double error)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(lipschitz);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(error);
        return (int)Math.Ceiling(lipschitz / (Math.Sqrt(2) * error));
    }
}

/// <summary>A function on the unit square as a checkerboard of K × K towers, each as high as the function in its centre; (N, 2) → (N).</summary>
/// <param name="function">Called on the centres, (K², 2) → (K²).</param>
/// <param name="perSide">K.</param>
/// <param name="steepness">How steep the towers' walls are; the larger, the smaller is the part of the square where they differ from ideal ones.</param>
public sealed class TowerApproximator(Func<Tensor, Tensor> function, int perSide, double steepness = 1e4)
    : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input)
    {
        var width = 1.0 / perSide;
        var cells = Enumerable
            .Range(0, perSide)
            .SelectMany(i => Enumerable.Range(0, perSide), (i, j) => (i, j))
            .ToList();
        var centres = cells.SelectMany(cell => new[] { (cell.i + 0.5) * width, (cell.j + 0.5) * width }).ToArray();
        var heights = function(Tensor.From(centres, [cells.Count, 2], input.Device).Cast(input.DType));
        var towers = cells.Select(cell =>
            Towers.Tower(
                input,
                (cell.i * width, cell.j * width),
                ((cell.i + 1) * width, (cell.j + 1) * width),
                steepness,
                steepness
            )
        );
        return Tensor.Stack([.. towers], 1).MatMul(heights.Unsqueeze(1)).Squeeze(1);
    }
}
