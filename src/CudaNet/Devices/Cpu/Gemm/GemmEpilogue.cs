using System.Numerics;
using System.Runtime.Intrinsics;

namespace CudaNet;

/// <summary>What is added and applied to a tile of a matrix product as soon as its sums are complete.</summary>
internal static unsafe class GemmEpilogue
{
    /// <summary>Finishes rows × columns elements of C from <paramref name="c"/> on.</summary>
    public static void Apply<T>(in GemmProblem<T> problem, T* c, nint rows, nint columns)
        where T : unmanaged, INumber<T>
    {
        if (problem.Residual != null)
            AddResidual(problem, c, rows, columns);
        switch (problem.Activation)
        {
            case Activation.Relu:
                Apply(problem, c, rows, columns, default(ReluOperator));
                break;
            case Activation.Tanh:
                Apply(problem, c, rows, columns, default(TanhOperator));
                break;
            case Activation.Sigmoid:
                Apply(problem, c, rows, columns, default(SigmoidOperator));
                break;
            case Activation.Gelu:
                Apply(problem, c, rows, columns, default(GeluOperator));
                break;
        }
    }

    private static void AddResidual<T>(in GemmProblem<T> problem, T* c, nint rows, nint columns)
        where T : unmanaged, INumber<T>
    {
        var residual = problem.Residual + (c - problem.C);
        for (nint i = 0; i < rows; i++)
            if (Vector512.IsHardwareAccelerated)
                AddRow<Simd512<T>, T>(c + i * problem.CRow, residual + i * problem.CRow, columns);
            else
                AddRow<SimdAny<T>, T>(c + i * problem.CRow, residual + i * problem.CRow, columns);
    }

    private static void AddRow<V, T>(T* x, T* residual, nint count)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        nint i = 0;
        for (; i <= count - V.Count; i += V.Count)
            (V.Load(x + i) + V.Load(residual + i)).Store(x + i);
        for (; i < count; i++)
            x[i] += residual[i];
    }

    private static void Apply<T, TOperator>(in GemmProblem<T> problem, T* c, nint rows, nint columns, TOperator op)
        where T : unmanaged, INumber<T>
        where TOperator : struct, IUnaryOperator
    {
        var y = problem.Activated + (c - problem.C);
        for (nint i = 0; i < rows; i++)
            if (Vector512.IsHardwareAccelerated)
                Row<Simd512<T>, T, TOperator>(c + i * problem.CRow, y + i * problem.CRow, columns, op);
            else
                Row<SimdAny<T>, T, TOperator>(c + i * problem.CRow, y + i * problem.CRow, columns, op);
    }

    private static void Row<V, T, TOperator>(T* x, T* y, nint count, TOperator op)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
        where TOperator : struct, IUnaryOperator
    {
        nint i = 0;
        for (; i <= count - V.Count; i += V.Count)
            op.Apply<V, T>(V.Load(x + i)).Store(y + i);
        if (i == count)
            return;
        V padded;
        var last = ElementBlocks.LoadPart<V, T>(x + i, (int)(count - i), &padded);
        ElementBlocks.StorePart<V, T>(op.Apply<V, T>(last), y + i, (int)(count - i), &padded);
    }

    private readonly struct GeluOperator : IUnaryOperator
    {
        public V Apply<V, T>(V x)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T> => default(GeluFunction).Value<V, T>(x);
    }
}
