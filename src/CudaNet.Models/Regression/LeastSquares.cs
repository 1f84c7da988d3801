namespace CudaNet.Models;

/// <summary>Linear regression in closed form: what training a linear model with squared errors tends to.</summary>
public static class LeastSquares
{
    /// <summary>Puts a column of ones before the features, (N, D) → (N, 1 + D): the bias as a weight (D2L, exercise 3.1.6.2).</summary>
    public static Tensor WithIntercept(Tensor features) =>
        Tensor.Concat([Tensor.Ones([features.Shape[0], 1], features.DType, features.Device), features], 1);

    /// <summary>
    /// The weights φ that minimise ‖H·φ − y‖² + ridge·‖φ‖², by a QR decomposition, which unlike the normal equations does not square the
    /// condition number (UDL, problems 2.2 and 8.3).
    /// </summary>
    /// <param name="design">H, (N, D), with N ≥ D unless <paramref name="ridge"/> is positive.</param>
    /// <param name="target">y, (N) or (N, K).</param>
    /// <param name="ridge">The strength of an L2 penalty, at least 0. With a positive one the solution is unique also where columns of H depend on each other.</param>
    /// <returns>(D) or (D, K), differentiable in both inputs.</returns>
    /// <exception cref="ShapeException">The numbers of rows differ.</exception>
    public static Tensor Solve(Tensor design, Tensor target, double ridge = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(ridge);
        if (design.Rank != 2 || target.Rank is not (1 or 2) || design.Shape[0] != target.Shape[0])
            throw new ShapeException(
                $"LeastSquares: expected a design of (N, D) and a target of (N) or (N, K), got {design.Shape} and {target.Shape}"
            );
        var columns = target.Rank == 1 ? target.Unsqueeze(1) : target;
        if (ridge > 0)
        {
            var features = design.Shape[1];
            // ‖H·φ − y‖² + ridge·‖φ‖² is the squared error with √ridge·I below H and zeros below y.
            var below = Tensor.Eye(features, null, design.DType, design.Device) * Math.Sqrt(ridge);
            design = Tensor.Concat([design, below], 0);
            var zeros = Tensor.Zeros([features, columns.Shape[1]], columns.DType, columns.Device);
            columns = Tensor.Concat([columns, zeros], 0);
        }
        var (q, r) = design.Qr();
        var solution = r.SolveTriangular(q.T.MatMul(columns), upper: true);
        return target.Rank == 1 ? solution.Squeeze(1) : solution;
    }
}
