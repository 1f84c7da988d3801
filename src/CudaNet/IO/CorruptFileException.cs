namespace CudaNet.IO;

/// <summary>
/// A file's contents are not what its format allows. The message names the file, where the fault is (offset or field),
/// what was expected, what was found and what to do.
/// </summary>
public class CorruptFileException : IOException
{
    /// <summary>Makes the exception with the standard message.</summary>
    /// <param name="source">The file's path, or a description of the stream.</param>
    /// <param name="where">The offset or the field at fault.</param>
    /// <param name="expected">What the format calls for there.</param>
    /// <param name="found">What was there.</param>
    /// <param name="advice">What the user can do; a default suits truncated or damaged files.</param>
    /// <param name="inner">The lower-level error that revealed the fault, if any.</param>
    public CorruptFileException(
        string source,
        string where,
        string expected,
        string found,
        string? advice = null,
        Exception? inner = null
    )
        : base($"{source}: {where}: expected {expected}, found {found}. {advice ?? DefaultAdvice}", inner)
    {
        FileName = source;
        Where = where;
    }

    /// <summary>Makes the exception with a message of the caller's.</summary>
    /// <param name="message">The whole message.</param>
    /// <param name="inner">The lower-level error, if any.</param>
    public CorruptFileException(string message, Exception? inner = null)
        : base(message, inner)
    {
        FileName = "";
        Where = "";
    }

    private const string DefaultAdvice = "The file is damaged or incomplete; copy, download or write it again.";

    /// <summary>The file's path, or the description of the stream; empty when not known.</summary>
    public string FileName { get; }

    /// <summary>The offset or field at fault; empty when not known.</summary>
    public string Where { get; }
}
