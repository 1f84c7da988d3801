namespace CudaNet;

/// <summary>How exactly kernels compute, where a device offers a choice between digits and speed.</summary>
public static class Precision
{
    /// <summary>The unit roundoff of TF32, which has 10 bits after the point: 2⁻¹¹.</summary>
    internal const double Tf32UnitRoundoff = 1.0 / 2048;

    /// <summary>Whether matrix products of f32 may round their operands to TF32 in the present flow of execution; false at first.</summary>
    public static bool IsTf32Allowed => EngineState.Current.AllowTf32;

    /// <summary>
    /// Inside the scope, matrix products of f32 tensors on simt and cuda round their operands to TF32 (the exponents of f32, but 10 instead of
    /// 23 bits after the point) and run on tensor cores, several times as fast; they still accumulate in f32. Other dtypes and the cpu device
    /// compute as always. As torch.backends.cuda.matmul.allow_tf32.
    /// </summary>
    /// <param name="allow">False ends it within an outer scope.</param>
    public static StateScope AllowTf32(bool allow = true) =>
        EngineState.Enter(EngineState.Current with { AllowTf32 = allow });
}
