using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>Scratch memory of the matrix kernels: aligned, one of each kind per thread, grown when needed and freed with the thread.</summary>
internal sealed unsafe class GemmBuffers
{
    private const nuint Alignment = 4096; // packed panels start on a page, so that their place in the cache does not vary

    [ThreadStatic]
    private static GemmBuffers? _ofThread;

    private void* _left;
    private void* _right;
    private void* _around;
    private nint _leftBytes;
    private nint _rightBytes;
    private nint _aroundBytes;

    ~GemmBuffers()
    {
        NativeMemory.AlignedFree(_left);
        NativeMemory.AlignedFree(_right);
        NativeMemory.AlignedFree(_around);
    }

    /// <summary>Room for a packed block of A; the thread that computes with it owns it.</summary>
    public static void* Left(nint bytes)
    {
        var own = _ofThread ??= new();
        return Grow(ref own._left, ref own._leftBytes, bytes);
    }

    /// <summary>Room for packed panels of B; the thread that called the product owns it and others read it.</summary>
    public static void* Right(nint bytes)
    {
        var own = _ofThread ??= new();
        return Grow(ref own._right, ref own._rightBytes, bytes);
    }

    /// <summary>Room for what one thread puts into products and takes out of them.</summary>
    public static void* Around(nint bytes)
    {
        var own = _ofThread ??= new();
        return Grow(ref own._around, ref own._aroundBytes, bytes);
    }

    private static void* Grow(ref void* pointer, ref nint size, nint bytes)
    {
        if (bytes <= size)
            return pointer;
        NativeMemory.AlignedFree(pointer);
        pointer = null;
        size = 0;
        pointer = NativeMemory.AlignedAlloc((nuint)bytes, Alignment);
        size = bytes;
        return pointer;
    }
}
