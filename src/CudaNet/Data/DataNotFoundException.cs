namespace CudaNet.Data;

/// <summary>A data set's files are not where they were looked for; the message lists the names that would do.</summary>
public class DataNotFoundException : FileNotFoundException
{
    /// <summary>Makes the exception.</summary>
    /// <param name="message">What was looked for and what to do.</param>
    /// <param name="folder">The folder that was searched.</param>
    public DataNotFoundException(string message, string folder)
        : base(message, folder) { }
}

/// <summary>A data set would be written over another; the message names the file.</summary>
public sealed class DataExistsException(string message) : CudaNetException(message);
