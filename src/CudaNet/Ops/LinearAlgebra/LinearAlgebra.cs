namespace CudaNet;

/// <summary>
/// Decompositions of stacks of matrices, f32 or f64, as torch.linalg names them. They are computed on the host, wherever the tensors are, and differentiable
/// to any order.
/// </summary>
public static class LinearAlgebraExtensions
{
    extension(Tensor input)
    {
        /// <summary>L with input = L·Lᵀ, or U with input = Uᵀ·U; the symmetric part of the input is taken.</summary>
        /// <exception cref="LinearAlgebraException">A matrix is not positive definite.</exception>
        /// <exception cref="ShapeException">The matrices are not square.</exception>
        public Tensor Cholesky(bool upper = false)
        {
            var factor = CholeskyOp.Instance.Apply([input]);
            return upper ? factor.Transpose(-2, -1) : factor;
        }

        /// <summary>X with input·X = other, or with X·input = other; input is triangular, and its other triangle is not read. Stacks are broadcast.</summary>
        /// <param name="other">The right side, (…, n, columns), or (…, rows, n) when <paramref name="left"/> is false.</param>
        /// <param name="upper">Whether the upper triangle is the one.</param>
        /// <param name="unitriangular">Whether the diagonal is taken to be ones, and not read.</param>
        /// <param name="left">Whether the triangular matrix stands left of X.</param>
        /// <exception cref="LinearAlgebraException">A matrix has a 0 on its diagonal.</exception>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        public Tensor SolveTriangular(Tensor other, bool upper, bool unitriangular = false, bool left = true)
        {
            if (!left)
                return input
                    .Transpose(-2, -1)
                    .SolveTriangular(other.Transpose(-2, -1), !upper, unitriangular)
                    .Transpose(-2, -1);
            var (a, b) = Stacked(input, other);
            return SolveTriangularOp.Instance.Apply([a, b], Attributes.Of(upper, unitriangular));
        }

        /// <summary>The factors of input[permutation] = lower·upper with partial pivoting; the permutation of rows is i64.</summary>
        /// <exception cref="ShapeException">The matrices are not square.</exception>
        public (Tensor Permutation, Tensor Lower, Tensor Upper) Lu()
        {
            var outputs = LuOp.Instance.ApplyAll([input]);
            return (outputs[0]!, outputs[1]!, outputs[2]!);
        }

        /// <summary>The sign of the determinant, and the logarithm of its size.</summary>
        /// <exception cref="ShapeException">The matrices are not square.</exception>
        public (Tensor Sign, Tensor LogAbsDet) SlogDet()
        {
            var outputs = SlogDetOp.Instance.ApplyAll([input]);
            return (outputs[0]!, outputs[1]!);
        }

        /// <summary>The determinant. Its gradient needs an inverse.</summary>
        /// <exception cref="ShapeException">The matrices are not square.</exception>
        public Tensor Det()
        {
            var (sign, log) = input.SlogDet();
            return sign * log.Exp();
        }

        /// <summary>The inverse. To solve equations, <see cref="Solve"/> is faster and closer.</summary>
        /// <exception cref="LinearAlgebraException">A matrix is singular.</exception>
        /// <exception cref="ShapeException">The matrices are not square.</exception>
        public Tensor Inverse() => InverseOp.Instance.Apply([input]);

        /// <summary>X with input·X = other: (…, n, columns), or one vector (n). Stacks are broadcast.</summary>
        /// <exception cref="LinearAlgebraException">A matrix is singular.</exception>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        public Tensor Solve(Tensor other)
        {
            if (other.Rank == 1)
                return input.Solve(other.Unsqueeze(-1)).Squeeze(-1);
            var (a, b) = Stacked(input, other);
            return SolveOp.Instance.Apply([a, b]);
        }

        /// <summary>The reduced decomposition input = q·r: q has orthonormal columns, r is upper triangular.</summary>
        public (Tensor Q, Tensor R) Qr()
        {
            if (input.Rank < 2 || input.Shape[-2] >= input.Shape[-1])
            {
                var outputs = QrOp.Instance.ApplyAll([input]);
                return (outputs[0]!, outputs[1]!);
            }
            // The columns that are left over are what q makes of them.
            var rows = input.Shape[-2];
            var (q, r) = input.Narrow(input.Rank - 1, 0, rows).Qr();
            var rest = input.Narrow(input.Rank - 1, rows, input.Shape[-1] - rows);
            return (q, Tensor.Concat([r, q.Transpose(-2, -1).MatMul(rest)], input.Rank - 1));
        }

        /// <summary>The reduced decomposition input = u·diag(s)·vh, the singular values falling. The largest element of each column of u is positive.</summary>
        /// <exception cref="LinearAlgebraException">A decomposition did not converge.</exception>
        public (Tensor U, Tensor S, Tensor Vh) Svd()
        {
            var outputs = SvdOp.Instance.ApplyAll([input]);
            return (outputs[0]!, outputs[1]!, outputs[2]!);
        }

        /// <summary>Eigenvalues, rising, and eigenvectors, in columns, of the symmetric part of the input.</summary>
        /// <exception cref="LinearAlgebraException">A decomposition did not converge.</exception>
        /// <exception cref="ShapeException">The matrices are not square.</exception>
        public (Tensor Eigenvalues, Tensor Eigenvectors) Eigh()
        {
            var outputs = EighOp.Instance.ApplyAll([input]);
            return (outputs[0]!, outputs[1]!);
        }

        /// <summary>
        /// The largest singular value of one matrix by power iteration (Miyato et al. 2018), which needs nothing but products and so runs on
        /// every device. The vectors are found outside the graph; the gradient is u·vᵀ, as that of a singular value is.
        /// </summary>
        /// <param name="iterations">How often the vectors are improved; the error falls by (σ₂/σ₁)² each time.</param>
        /// <param name="start">The left vector to begin with, such as that of the last call; random when it is null.</param>
        /// <param name="generator">What draws it.</param>
        /// <returns>The value, and the left vector to go on from.</returns>
        /// <exception cref="ShapeException">The input is no matrix.</exception>
        public (Tensor Norm, Tensor Left) SpectralNorm(
            int iterations = 30,
            Tensor? start = null,
            Generator? generator = null
        )
        {
            if (input.Rank != 2)
                throw new ShapeException($"spectral_norm(input {input.Shape}): expected one matrix");
            var u = start ?? Tensor.RandN([input.Shape[0]], 0, 1, input.DType, input.Device, generator);
            var v = u;
            using (Autograd.NoGrad())
                for (var i = 0; i < Math.Max(iterations, 1); i++)
                {
                    v = Unit(input.Transpose(0, 1).MatMul(u));
                    u = Unit(input.MatMul(v));
                }
            return (u.Detach().MatMul(input.MatMul(v.Detach())), u);
        }
    }

    private static Tensor Unit(Tensor vector) => vector / vector.VectorNorm().Clamp(1e-12, double.PositiveInfinity);

    /// <summary>Both with the stacks that they broadcast to.</summary>
    private static (Tensor, Tensor) Stacked(Tensor a, Tensor b)
    {
        if (a.Rank < 2 || b.Rank < 2)
            return (a, b);
        if (Shape.Broadcast(new(a.Shape.Dims[..^2]), new(b.Shape.Dims[..^2])) is not { } batch)
            return (a, b);
        return (a.Expand([.. batch.Dims, .. a.Shape.Dims[^2..]]), b.Expand([.. batch.Dims, .. b.Shape.Dims[^2..]]));
    }
}
