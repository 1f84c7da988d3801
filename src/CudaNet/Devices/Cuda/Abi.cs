using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>CnTensor of cudanet.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CnTensor
{
    public void* Data;
    public int DType;
    public int Rank;
    public fixed long Shape[CudaNet.Shape.MaxRank];
    public fixed long Strides[CudaNet.Shape.MaxRank];
}

/// <summary>CnArg of cudanet.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CnArg
{
    public CnTensor* Items;
    public long Count;
}

/// <summary>CnCall of cudanet.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CnCall
{
    public int Device;
    public int Variant;
    public int ArgCount;
    public int AttributeCount;
    public CnArg* Args;
    public long* Attributes;
    public nint Stream;
    public void* Workspace;
    public long WorkspaceBytes;
}

/// <summary>CnKernel of cudanet.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CnKernel
{
    public byte* Name;
    public byte* Signature;
    public byte** Variants;
    public int VariantCount;
    public delegate* unmanaged<CnCall*, int> Launch;
    public delegate* unmanaged<CnCall*, long> Workspace;
    public byte* Vendor;
    public delegate* unmanaged<CnCall*, int> VendorLaunch;
    public delegate* unmanaged<CnCall*, long> VendorWorkspace;
}

/// <summary>CnVendorInfo of cudanet.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CnVendorInfo
{
    public fixed byte Name[16];
    public fixed byte Loaded[256];
    public fixed byte Problem[512];
    public long Version;
}

/// <summary>CnError of cudanet.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CnError
{
    public int Status;
    public int CudaError;
    public fixed byte Kernel[64];
    public fixed byte Message[1024];
}

/// <summary>CnDeviceInfo of cudanet.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CnDeviceInfo
{
    public fixed byte Name[128];
    public fixed byte Backend[8];
    public long MemoryBytes;
    public long FreeBytes;
    public int Multiprocessors;
    public int ComputeMajor;
    public int ComputeMinor;
    public int RuntimeVersion;
    public int DriverVersion;
    public int Reserved;
}

/// <summary>CnSimtConfig of cudanet.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CnSimtConfig
{
    public int Workers;
    public int Defer;
    public long ScheduleSeed;
}

internal enum CnStatus
{
    Ok = 0,
    InvalidArgument = 1,
    Unsupported = 2,
    OutOfMemory = 3,
    LaunchFailed = 4,
    DeviceError = 5,
    NotFound = 6,
    Capturing = 7,
}
