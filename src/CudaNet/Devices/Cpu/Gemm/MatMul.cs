using System.Numerics;

namespace CudaNet;

/// <summary>Matrix products on the CPU: turns shapes and strides into problems for <see cref="Gemm"/>, over broadcast batch axes.</summary>
internal static unsafe class CpuMatMul
{
    /// <summary>Multiply-adds of one matrix of a batch from which the matrix is divided over the cores instead of the batch.</summary>
    private const double LargeWork = 1 << 25;

    public static void MatMul(in OpCall call)
    {
        var (a, b) = (call.Input(0), call.Input(1));
        Run(call, MatMulPlan.Of(a, b), a, b, null);
    }

    public static void Linear(in OpCall call)
    {
        var (input, weight) = (call.Input(0), call.Input(1));
        Run(call, MatMulPlan.OfLinear(input, weight), input, weight, call.Has(2) ? call.Input(2) : null);
    }

    public static void LinearAct(in OpCall call)
    {
        var (input, weight) = (call.Input(0), call.Input(1));
        var activation = (Activation)call.Attributes.Int(0);
        Run(
            call,
            MatMulPlan.OfLinear(input, weight),
            input,
            weight,
            call.Has(2) ? call.Input(2) : null,
            call.Has(3) ? call.Input(3) : null,
            activation,
            call.Outputs[1]
        );
    }

    /// <param name="call">The call, whose first output gets the result.</param>
    /// <param name="plan">What is multiplied.</param>
    /// <param name="a">The left operand.</param>
    /// <param name="b">The right operand.</param>
    /// <param name="bias">Added to each row.</param>
    /// <param name="residual">Added to the result, whose shape it has.</param>
    /// <param name="activation">Applied to the result.</param>
    /// <param name="product">Gets the result before the activation, where that is wanted.</param>
    private static void Run(
        in OpCall call,
        in MatMulPlan plan,
        Tensor a,
        Tensor b,
        Tensor? bias,
        Tensor? residual = null,
        Activation activation = Activation.None,
        Tensor? product = null
    )
    {
        if (a.DType is not (DType.Float32 or DType.Float64))
        {
            RunConverted(call);
            return;
        }
        var dense = bias is { IsContiguous: false } ? Copy(bias) : bias;
        var denseResidual = residual is { IsContiguous: false } ? Copy(residual) : residual;
        var addend = dense is null ? null : dense.Data;
        var added = denseResidual is null ? null : denseResidual.Data;
        var result = call.Output(0).Data;
        var c = product is null ? result : product.Data;
        if (a.DType == DType.Float32)
            Run<float>(plan, a.Data, b.Data, addend, added, c, activation, result);
        else
            Run<double>(plan, a.Data, b.Data, addend, added, c, activation, result);
        GC.KeepAlive(dense);
        GC.KeepAlive(denseResidual);
    }

    private static Tensor Copy(Tensor strided)
    {
        using var noGrad = Autograd.NoGrad();
        return strided.Contiguous();
    }

    /// <summary>Runs an op on f32 copies of its 16-bit inputs, and rounds once; outputs of f32, such as statistics, stay as they are.</summary>
    internal static void RunConverted(in OpCall call)
    {
        using var frame = Lifetime.Frame();
        using var noGrad = Autograd.NoGrad();
        var inputs = new Tensor?[call.Inputs.Length];
        for (var i = 0; i < inputs.Length; i++)
            inputs[i] = call.Inputs[i] is { DType.IsFloating: true } input ? input.Cast(DType.Float32) : call.Inputs[i];
        var results = call.Op.ApplyAll(inputs, call.Attributes);
        for (var i = 0; i < results.Length; i++)
            if (results[i] is { } result)
                Narrow(result, call.Output(i));
    }

    private static void Narrow(Tensor result, Tensor output)
    {
        var to = output.Data;
        var count = result.NumElements;
        var from = (float*)result.Data;
        if (output.DType == DType.Float32)
            new Span<float>(from, checked((int)count)).CopyTo(new Span<float>(to, checked((int)count)));
        else if (output.DType == DType.Float16)
            for (long i = 0; i < count; i++)
                ((Half*)to)[i] = (Half)from[i];
        else
            for (long i = 0; i < count; i++)
                ((BFloat16*)to)[i] = (BFloat16)from[i];
        GC.KeepAlive(result);
    }

    private static void Run<T>(
        in MatMulPlan plan,
        byte* a,
        byte* b,
        byte* bias,
        byte* residual,
        byte* c,
        Activation activation,
        byte* activated
    )
        where T : unmanaged, INumber<T>
    {
        var problem = new GemmProblem<T>
        {
            M = (nint)plan.M,
            N = (nint)plan.N,
            K = (nint)plan.K,
            A = (T*)a,
            ARow = (nint)plan.ARow,
            ACol = (nint)plan.ACol,
            B = (T*)b,
            BRow = (nint)plan.BRow,
            BCol = (nint)plan.BCol,
            C = (T*)c,
            CRow = (nint)plan.N,
            Bias = (T*)bias,
            Residual = (T*)residual,
            Activation = activation,
            Activated = (T*)activated,
        };
        if (plan.BatchCount == 1)
            Gemm.Run(problem, parallel: true);
        else if (problem.Work >= LargeWork || problem.Work * plan.BatchCount < Gemm.ParallelWork)
            RunBatch(plan, problem, 0, plan.BatchCount, problem.Work >= LargeWork);
        else
            DivideBatch(plan, problem);
    }

    private static void DivideBatch<T>(MatMulPlan plan, GemmProblem<T> problem)
        where T : unmanaged, INumber<T> =>
        CpuThreads.For(
            plan.BatchCount,
            Math.Max(1, (long)(problem.Work / 8)),
            (first, last) => RunBatch(plan, problem, first, last, parallel: false)
        );

    private static void RunBatch<T>(in MatMulPlan plan, in GemmProblem<T> problem, long first, long last, bool parallel)
        where T : unmanaged, INumber<T>
    {
        for (var batch = first; batch < last; batch++)
        {
            var one = problem;
            var (offsetA, offsetB) = plan.Offsets(batch);
            one.A += offsetA;
            one.B += offsetB;
            one.C += batch * plan.M * plan.N;
            one.Activated += batch * plan.M * plan.N;
            if (one.Residual != null)
                one.Residual += batch * plan.M * plan.N;
            Gemm.Run(one, parallel);
        }
    }
}
