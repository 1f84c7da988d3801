namespace CudaNet.IO;

/// <summary>
/// Passes reads of a zip entry through, keeps the CRC-32 of what was read and names the entry when its data is damaged;
/// disposing it disposes the inner stream.
/// </summary>
internal sealed class ChecksumStream(Stream inner, string source) : Stream
{
    /// <summary>The CRC-32 of all bytes read so far.</summary>
    public uint Checksum { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        try
        {
            int got = inner.Read(buffer);
            Checksum = Crc32.Append(Checksum, buffer[..got]);
            return got;
        }
        catch (Exception error) when (Npz.IsZipFault(error))
        {
            throw Npz.ZipFault(source, error);
        }
    }

    public override void Flush() { }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }
}
