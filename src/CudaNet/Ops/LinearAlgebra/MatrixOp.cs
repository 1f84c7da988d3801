using MathNet.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace CudaNet;

/// <summary>
/// What decompositions share: they take stacks of matrices in the last two axes, f32 or f64, and compute on the host in f64 whatever the device.
/// </summary>
internal abstract class MatrixOp(string name, string signature) : Op(name, signature)
{
    public override OpKind Kind => OpKind.HostOnly;

    public override string HostOnlyReason =>
        "dense decompositions are MathNet.Numerics', which computes on the host in f64";

    /// <summary>How many floating operations one matrix takes, in units of rows · columns · the smaller of both.</summary>
    protected abstract double CubicCost { get; }

    public override double Flops(in OpCall call)
    {
        var shape = call.Inputs[0]!.Shape;
        return CubicCost * shape.NumElements * Math.Min(shape[-2], shape[-1]);
    }

    protected static void RequireMatrices(in OpCall call, int input = 0)
    {
        var tensor = call.Input(input);
        if (tensor.DType is not (DType.Float32 or DType.Float64))
            throw call.DTypeError("expected f32 or f64; convert with Cast(DType.Float32)");
        if (tensor.Rank < 2 || tensor.Shape[-1] == 0 || tensor.Shape[-2] == 0)
            throw call.ShapeError("expected matrices in the last two axes, with at least one row and one column");
    }

    protected static void RequireSquare(in OpCall call, int input = 0)
    {
        RequireMatrices(call, input);
        var shape = call.Input(input).Shape;
        if (shape[-1] != shape[-2])
            throw call.ShapeError($"expected square matrices, not {shape[-2]} rows and {shape[-1]} columns");
    }

    /// <summary>The axes before the matrices'.</summary>
    protected static Shape BatchOf(Shape shape) => new(shape.Dims[..^2]);

    protected static long MatrixCount(ReferenceTensor tensor) =>
        tensor.Shape.NumElements / (tensor.Shape[-2] * tensor.Shape[-1]);

    /// <summary>One matrix of a stack.</summary>
    /// <exception cref="LinearAlgebraException">It holds NaN or infinity.</exception>
    protected Matrix<double> Read(ReferenceTensor tensor, long which)
    {
        var (rows, columns) = ((int)tensor.Shape[-2], (int)tensor.Shape[-1]);
        var matrix = Matrix<double>.Build.Dense(rows, columns, (i, j) => tensor[(which * rows + i) * columns + j]);
        return matrix.Enumerate().All(double.IsFinite)
            ? matrix
            : throw Unfit(tensor.Shape, which, "holds NaN or infinity");
    }

    /// <summary>The same, with the mean of both triangles in place of each.</summary>
    protected Matrix<double> ReadSymmetric(ReferenceTensor tensor, long which)
    {
        var matrix = Read(tensor, which);
        return (matrix + matrix.Transpose()) / 2;
    }

    protected static void Write(ReferenceTensor tensor, long which, Matrix<double> matrix)
    {
        for (var i = 0; i < matrix.RowCount; i++)
        for (var j = 0; j < matrix.ColumnCount; j++)
            tensor[(which * matrix.RowCount + i) * matrix.ColumnCount + j] = matrix[i, j];
    }

    protected static void Write(ReferenceTensor tensor, long which, IReadOnlyList<double> values)
    {
        for (var i = 0; i < values.Count; i++)
            tensor[which * values.Count + i] = values[i];
    }

    internal LinearAlgebraException Unfit(Shape shape, long which, string what, string remedy = "") =>
        new($"{Name}(input {shape}): matrix {which} {what}{(remedy.Length > 0 ? "; " : "")}{remedy}");

    /// <summary>Runs a decomposition that may not converge.</summary>
    protected T Decompose<T>(Shape shape, long which, Func<T> decomposition)
    {
        try
        {
            return decomposition();
        }
        catch (NonConvergenceException)
        {
            throw Unfit(shape, which, "has a decomposition that did not converge");
        }
    }

    /// <summary>For decompositions whose columns may change sign: the largest element of each is made positive, the first of equals.</summary>
    protected static void FixSigns(Matrix<double> columns, Matrix<double>? rows = null)
    {
        for (var k = 0; k < columns.ColumnCount; k++)
        {
            var column = columns.Column(k);
            if (column[column.AbsoluteMaximumIndex()] >= 0)
                continue;
            columns.SetColumn(k, -column);
            rows?.SetRow(k, -rows.Row(k));
        }
    }

    protected static Tensor Transposed(Tensor matrices) => matrices.Transpose(-2, -1);

    /// <summary>The diagonal matrices of vectors in the last axis.</summary>
    protected static Tensor Diagonal(Tensor vectors) =>
        vectors.Unsqueeze(-1) * Tensor.Eye(vectors.Shape[-1], dtype: vectors.DType, device: vectors.Device);

    /// <summary>B·A⁻¹ for triangular A.</summary>
    protected static Tensor DivideByTriangular(Tensor b, Tensor a, bool upper) =>
        Transposed(Transposed(a).SolveTriangular(Transposed(b), !upper));

    /// <summary>1 / (vⱼ − vᵢ) off the diagonal and 0 on it.</summary>
    protected static Tensor InverseGaps(Tensor values)
    {
        var eye = Tensor.Eye(values.Shape[-1], dtype: values.DType, device: values.Device);
        return (1 - eye) / (values.Unsqueeze(-2) - values.Unsqueeze(-1) + eye);
    }

    /// <summary>Elements on ±½, and a diagonal that rises by 2: far from singular, and no two singular values alike.</summary>
    protected static CaseInput Dominant(params long[] shape)
    {
        var (rows, columns) = (shape[^2], shape[^1]);
        return Draw.Uniform(-0.5, 0.5, shape) with
        {
            Map = (i, x) => i % columns == i / columns % rows ? x + 2 * (i % columns + 1) : x,
        };
    }

    /// <summary>Stacks of squares: single ones, odd and larger ones, in a view, and none at all.</summary>
    protected IEnumerable<OpCase> SquareCases(Attributes attributes = default)
    {
        foreach (var dtype in new[] { DType.Float32, DType.Float64 })
        {
            foreach (var shape in new long[][] { [1, 1], [2, 2], [3, 5, 5], [2, 3, 4, 4], [17, 17], [0, 3, 3] })
                yield return new OpCase(this, dtype, Label(shape), [Dominant(shape)], attributes);
            yield return new OpCase(this, dtype, "3x6x6", [Dominant(3, 6, 6)], attributes).With(CaseLayout.Transposed);
        }
        foreach (var shape in new long[][] { [3, 3], [2, 4, 4] })
            yield return new OpCase(this, DType.Float64, Label(shape), [Dominant(shape)], attributes)
            {
                CheckGradient = true,
            };
        yield return new OpCase(this, DType.Float32, "64x64", [Dominant(64, 64)], attributes) { IsBenchmark = true };
    }

    protected static string Label(long[] shape) => string.Join('x', shape);
}
