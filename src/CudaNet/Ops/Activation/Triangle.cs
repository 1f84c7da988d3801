namespace CudaNet;

/// <summary>Triangles of matrices, which are choices by position.</summary>
public static class TriangleExtensions
{
    extension(Tensor input)
    {
        /// <summary>The matrices in the last two axes with zeros above a diagonal: 0 is the main one, higher numbers lie above it.</summary>
        /// <exception cref="ShapeException">There are fewer than two axes.</exception>
        public Tensor Tril(long diagonal = 0) => Choose(input, "tril", (column, row) => column.Le(row + diagonal));

        /// <summary>The matrices in the last two axes with zeros below a diagonal: 0 is the main one, higher numbers lie above it.</summary>
        /// <exception cref="ShapeException">There are fewer than two axes.</exception>
        public Tensor Triu(long diagonal = 0) => Choose(input, "triu", (column, row) => column.Ge(row + diagonal));
    }

    private static Tensor Choose(Tensor input, string op, Func<Tensor, Tensor, Tensor> keep)
    {
        if (input.Rank < 2)
            throw new ShapeException($"{op}(input {input.Shape}): expected matrices, at least two axes");
        var column = Tensor.Arange(input.Shape[-1], device: input.Device);
        var row = Tensor.Arange(input.Shape[-2], device: input.Device).Unsqueeze(-1);
        return Tensor.Where(keep(column, row), input, 0);
    }
}
