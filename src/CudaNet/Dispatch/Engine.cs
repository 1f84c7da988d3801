namespace CudaNet;

/// <summary>Whose kernels run an op on a GPU, where there is a choice.</summary>
public enum KernelSource
{
    /// <summary>The engine's choice: at present its own.</summary>
    Auto,

    /// <summary>The hand-written kernels of kernels/.</summary>
    Own,

    /// <summary>NVIDIA's libraries: cuBLAS for matmul, cuBLASLt for linear layers, with their bias and activation, cuDNN for conv2d and its gradients. Every other op, and a call that they cannot
    /// serve (strides that no matrix has, an empty tensor), runs the engine's own kernel.</summary>
    Vendor,
}

/// <summary>Settings of the engine that hold in a scope.</summary>
public static class Engine
{
    /// <summary>Chooses kernels until the scope is disposed.</summary>
    /// <remarks>A vendor's library is loaded when its first op runs; when it is not there, the op throws a <see cref="DeviceException"/> that says so.
    /// <c>cudanet doctor</c> shows which ones are.</remarks>
    public static StateScope UseKernels(KernelSource source) =>
        EngineState.Enter(EngineState.Current with { KernelSource = source });

    /// <summary>Whether the same inputs give the same bits in the present flow of execution; true at first.</summary>
    public static bool AreDeterministicAlgorithmsEnabled => !EngineState.Current.AllowNondeterministic;

    /// <summary>
    /// With true, as at first, every op gives the same bits when it runs again. With false, ops on simt and cuda that have a faster kernel whose
    /// sums depend on which thread comes first (scatter_add, and with it the gradients of embeddings, gather and sort) use it, until the scope is
    /// disposed; the cpu device computes as always. As torch.use_deterministic_algorithms, which is off at first.
    /// </summary>
    /// <remarks>A gradient is computed with what holds where Backward is called. A kernel variant that is chosen by number stays as it is.</remarks>
    /// <param name="mode">True ends it within an outer scope.</param>
    public static StateScope UseDeterministicAlgorithms(bool mode) =>
        EngineState.Enter(EngineState.Current with { AllowNondeterministic = !mode });
}
