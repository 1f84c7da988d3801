using System.Numerics;

namespace CudaNet;

/// <summary>Element-wise ops on the CPU: from a call's dtype and layout to an inner loop.</summary>
internal static unsafe class CpuElementwise
{
    public const int Cheap = 1; // a few additions: the memory decides
    public const int Polynomial = 4; // about this many times an addition
    public const int Scalar = 32; // one element at a time through the C library

    public static void Neg(in OpCall call) => Unary(call, default(NegOperator), Cheap);

    public static void Exp(in OpCall call) => UnaryFloating(call, default(ExpOperator), Polynomial);

    public static void Log(in OpCall call) => UnaryFloating(call, default(LogOperator), Polynomial);

    public static void Sqrt(in OpCall call) => UnaryFloating(call, default(SqrtOperator), Cheap);

    public static void Tanh(in OpCall call) => UnaryFloating(call, default(TanhOperator), Polynomial);

    public static void Sigmoid(in OpCall call) => UnaryFloating(call, default(SigmoidOperator), Polynomial);

    public static void Relu(in OpCall call) => UnaryFloating(call, default(ReluOperator), Cheap);

    public static void Abs(in OpCall call) => UnaryFloating(call, default(AbsOperator), Cheap);

    public static void Sin(in OpCall call) => UnaryFloating(call, default(SinOperator), Polynomial);

    public static void Cos(in OpCall call) => UnaryFloating(call, default(CosOperator), Polynomial);

    public static void Affine(in OpCall call) =>
        UnaryFloating(call, new AffineOperator(call.Attributes.Float(0), call.Attributes.Float(1)), Cheap);

    public static void Add(in OpCall call) => Binary(call, default(AddOperator), Cheap);

    public static void Sub(in OpCall call) => Binary(call, default(SubOperator), Cheap);

    public static void Mul(in OpCall call) => Binary(call, default(MulOperator), Cheap);

    public static void Div(in OpCall call) => BinaryFloating(call, default(DivOperator), Cheap);

    public static void Eq(in OpCall call) => Compare(call, default(EqOperator));

    public static void Ne(in OpCall call) => Compare(call, default(NeOperator));

    public static void Lt(in OpCall call) => Compare(call, default(LtOperator));

    public static void Le(in OpCall call) => Compare(call, default(LeOperator));

    public static void Gt(in OpCall call) => Compare(call, default(GtOperator));

    public static void Ge(in OpCall call) => Compare(call, default(GeOperator));

    /// <summary>The powers that models are full of, with one exponent for all elements, need no logarithm.</summary>
    public static void Pow(in OpCall call)
    {
        var exponent = call.Input(1);
        if (exponent.NumElements == 1 && call.Input(0).Shape.Equals(call.Output(0).Shape))
        {
            switch (HostData.ToDoubles(exponent)[0])
            {
                case 2:
                    UnaryFloating(call, default(SquareOperator), Cheap);
                    return;
                case 1:
                    UnaryFloating(call, new AffineOperator(1, 0), Cheap);
                    return;
                case -1:
                    UnaryFloating(call, default(ReciprocalOperator), Cheap);
                    return;
            }
        }
        BinaryFloating(call, default(PowOperator), Scalar);
    }

    public static void Where(in OpCall call) =>
        TypedKernel.Sized(call, call.Output(0).DType, Where<byte>, Where<ushort>, Where<uint>, Where<ulong>);

    private static void Where<T>(in OpCall call)
        where T : unmanaged, INumber<T>
    {
        var (condition, a, b, y) = (call.Input(0), call.Input(1), call.Input(2), call.Output(0));
        var walk = new StridedWalk(y.Shape, condition, a, b);
        var inner = walk.Rank - 1;
        StridedWalk.Run(walk, new WhereLoop<T>(condition, a, b, y, walk.A[inner], walk.B[inner], walk.C[inner]), Cheap);
    }

    public static void Unary<TOperator>(in OpCall call, TOperator op, int cost)
        where TOperator : struct, IUnaryOperator
    {
        switch (call.Input(0).DType)
        {
            case DType.Int64:
                Unary<long, long, TOperator>(call, op, cost);
                break;
            case DType.Int32:
                Unary<int, int, TOperator>(call, op, cost);
                break;
            case DType.UInt8:
                Unary<byte, byte, TOperator>(call, op, cost);
                break;
            default:
                UnaryFloating(call, op, cost);
                break;
        }
    }

    public static void UnaryFloating<TOperator>(in OpCall call, TOperator op, int cost)
        where TOperator : struct, IUnaryOperator
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                Unary<float, float, TOperator>(call, op, cost);
                break;
            case DType.Float64:
                Unary<double, double, TOperator>(call, op, cost);
                break;
            case DType.Float16:
                Unary<Half, float, TOperator>(call, op, cost);
                break;
            default:
                Unary<BFloat16, float, TOperator>(call, op, cost);
                break;
        }
    }

    public static void Unary<TStored, T, TOperator>(in OpCall call, TOperator op, int cost)
        where TStored : unmanaged
        where T : unmanaged, INumber<T>
        where TOperator : struct, IUnaryOperator
    {
        var (x, y) = (call.Input(0), call.Output(0));
        var walk = new StridedWalk(y.Shape, x);
        StridedWalk.Run(walk, new UnaryLoop<TStored, T, TOperator>(x, y, walk.A[walk.Rank - 1], op), cost);
    }

    public static void Compare<TOperator>(in OpCall call, TOperator op)
        where TOperator : struct, IBinaryOperator
    {
        if (call.Input(0).DType == DType.Bool)
            Binary<byte, byte, TOperator>(call, op, Cheap);
        else
            Binary(call, op, Cheap);
    }

    public static void Binary<TOperator>(in OpCall call, TOperator op, int cost)
        where TOperator : struct, IBinaryOperator
    {
        switch (call.Input(0).DType)
        {
            case DType.Int64:
                Binary<long, long, TOperator>(call, op, cost);
                break;
            case DType.Int32:
                Binary<int, int, TOperator>(call, op, cost);
                break;
            case DType.UInt8:
                Binary<byte, byte, TOperator>(call, op, cost);
                break;
            default:
                BinaryFloating(call, op, cost);
                break;
        }
    }

    public static void BinaryFloating<TOperator>(in OpCall call, TOperator op, int cost)
        where TOperator : struct, IBinaryOperator
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                Binary<float, float, TOperator>(call, op, cost);
                break;
            case DType.Float64:
                Binary<double, double, TOperator>(call, op, cost);
                break;
            case DType.Float16:
                Binary<Half, float, TOperator>(call, op, cost);
                break;
            default:
                Binary<BFloat16, float, TOperator>(call, op, cost);
                break;
        }
    }

    private static void Binary<TStored, T, TOperator>(in OpCall call, TOperator op, int cost)
        where TStored : unmanaged
        where T : unmanaged, INumber<T>
        where TOperator : struct, IBinaryOperator
    {
        var (a, b, y) = (call.Input(0), call.Input(1), call.Output(0));
        var walk = new StridedWalk(y.Shape, a, b);
        var inner = walk.Rank - 1;
        StridedWalk.Run(walk, new BinaryLoop<TStored, T, TOperator>(a, b, y, walk.A[inner], walk.B[inner], op), cost);
    }
}
