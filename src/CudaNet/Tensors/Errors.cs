namespace CudaNet;

/// <summary>What every error that the engine reports on purpose derives from. The message says what was called, with which
/// shapes and dtypes, what was expected and what to do.</summary>
public class CudaNetException : Exception
{
    /// <summary>An error with its message.</summary>
    public CudaNetException(string message)
        : base(message) { }

    /// <summary>An error with its message and its cause.</summary>
    public CudaNetException(string message, Exception inner)
        : base(message, inner) { }
}

/// <summary>The shapes of a call do not fit each other or the op.</summary>
public sealed class ShapeException(string message) : CudaNetException(message);

/// <summary>An op does not take these element types, or not together.</summary>
public sealed class DTypeException(string message) : CudaNetException(message);

/// <summary>Tensors of one call live on different devices, or a device cannot do what is asked.</summary>
public sealed class DeviceException(string message) : CudaNetException(message);

/// <summary>An attribute has a value outside its range, or there is no such op, attribute or name.</summary>
public sealed class AttributeException(string message) : CudaNetException(message);

/// <summary>A matrix does not have what a decomposition needs: it is singular, not positive definite, or holds NaN.</summary>
public sealed class LinearAlgebraException(string message) : CudaNetException(message);

/// <summary>The autograd graph cannot give what is asked: freed, modified, not differentiable or unreachable.</summary>
public sealed class AutogradException(string message) : CudaNetException(message);

/// <summary>A tensor is used after the lifetime frame that it was made in has ended.</summary>
public sealed class TensorReleasedException(string message) : CudaNetException(message);

/// <summary>Something cannot be part of a captured graph, or a graph cannot be replayed as things are.</summary>
public sealed class CudaGraphException(string message) : CudaNetException(message);

/// <summary>A device has no memory left, even after unused memory was given back. The engine stays usable.</summary>
public sealed class OutOfDeviceMemoryException(string message) : CudaNetException(message);
