namespace CudaNet.Training;

/// <summary>A checkpoint is missing, damaged, or of another network; the message names the file and what to do.</summary>
public sealed class CheckpointException : CudaNetException
{
    /// <summary>An error with its message.</summary>
    public CheckpointException(string message)
        : base(message) { }

    /// <summary>An error with its message and its cause.</summary>
    public CheckpointException(string message, Exception inner)
        : base(message, inner) { }
}

/// <summary>A run folder is missing, is no run folder, or cannot be made.</summary>
public sealed class RunFolderException(string message) : CudaNetException(message);
