using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>What is done to many tensors at once: here one after the other, each with the loops of element-wise ops and reductions.</summary>
internal static unsafe class CpuMultiTensor
{
    public static void EmaUpdate(in OpCall call)
    {
        var op = new EmaOperator(*(double*)call.Inputs[^1]!.Data);
        for (var t = 0; t < call.ListLength; t++)
        {
            var average = call.List(0)[t];
            CpuElementwise.BinaryFloating(
                new OpCall(call.Op, [average, call.List(1)[t]], default, [average]),
                op,
                CpuElementwise.Cheap
            );
        }
    }

    public static void ClipGradNorm(in OpCall call)
    {
        var factor = ClipGradNormOp.Factor(call.Attributes.Float(0), *(double*)call.Inputs[^1]!.Data);
        if (factor == 1)
            return;
        foreach (var gradient in call.List(0))
            CpuElementwise.UnaryFloating(
                new OpCall(call.Op, [gradient], default, [gradient]),
                new AffineOperator(factor, 0),
                CpuElementwise.Cheap
            );
    }

    public static void ClipGradValue(in OpCall call)
    {
        var limit = call.Attributes.Float(0);
        foreach (var gradient in call.List(0))
            CpuActivations.Clamp(new OpCall(call.Op, [gradient], Attributes.Of(-limit, limit), [gradient]));
    }

    /// <summary>The norm of the tensors' norms. 16-bit types, in which those would be rounded, go through the textbook loop.</summary>
    public static void GradNorm(in OpCall call)
    {
        if (call.Inputs[0]!.DType.Size == 2)
        {
            ReferenceRunner.Run(call);
            return;
        }
        using var noGrad = Autograd.NoGrad();
        using var frame = Lifetime.Frame();
        var ord = call.Attributes.Float(0);
        var norms = new List<double>();
        foreach (var gradient in call.Inputs)
            if (gradient!.NumElements > 0)
                norms.Add(gradient.VectorNorm(ord).Item());
        var together =
            norms.Count == 0 ? 0 : Tensor.From<double>([.. norms], device: Device.Cpu).VectorNorm(ord).Item();
        *(double*)call.Output(0).Data = together;
    }
}

/// <summary>decay · a + (1 − decay) · b; b where the decay is 0.</summary>
internal readonly struct EmaOperator(double decay) : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> =>
        decay == 0
            ? b
            : V.MultiplyAdd(a, ElementwiseMath.Constant<V, T>(decay), b * ElementwiseMath.Constant<V, T>(1 - decay));
}
