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
}
