namespace CudaNet.Verification;

/// <summary>Facts about the verification library.</summary>
public static class VerificationInfo
{
    /// <summary>The version of the engine that is verified.</summary>
    public static string EngineVersion => EngineInfo.Version;
}
