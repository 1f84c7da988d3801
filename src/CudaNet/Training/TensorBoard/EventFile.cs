using System.Buffers.Binary;
using System.Text;

namespace CudaNet.Training;

/// <summary>
/// Writes scalars as TensorBoard reads them: a file of TFRecords (length, its checksum, data, their checksum), each a protocol buffer
/// <c>Event</c>. Source: tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto and tensorflow/core/lib/io/record_writer.h.
/// </summary>
public sealed class EventFile
{
    private const string Version = "brain.Event:2";

    // Numbers and wire types (0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes) of the fields.
    private const byte EventWallTime = (1 << 3) | 1;
    private const byte EventStep = (2 << 3) | 0;
    private const byte EventFileVersion = (3 << 3) | 2;
    private const byte EventSummary = (5 << 3) | 2;
    private const byte SummaryValue = (1 << 3) | 2;
    private const byte ValueTag = (1 << 3) | 2;
    private const byte ValueNumber = (2 << 3) | 5;

    /// <summary>A file of events; what it has already stays.</summary>
    /// <param name="path">TensorBoard finds files whose names contain <c>tfevents</c>.</param>
    public EventFile(string path)
    {
        Path = path;
        if (new FileInfo(path) is not { Exists: true, Length: > 0 })
            Append(Message(writer => Bytes(writer, EventFileVersion, Encoding.UTF8.GetBytes(Version))));
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Adds scalars of one step; they are in the file when the call returns.</summary>
    /// <param name="step">The place on the horizontal axis.</param>
    /// <param name="values">By tag; stored as f32.</param>
    public void Append(long step, IEnumerable<(string Tag, double Value)> values)
    {
        using var summary = new MemoryStream();
        Span<byte> bits = stackalloc byte[sizeof(float)];
        foreach (var (tag, number) in values)
        {
            using var value = new MemoryStream();
            Bytes(value, ValueTag, Encoding.UTF8.GetBytes(tag));
            value.WriteByte(ValueNumber);
            BinaryPrimitives.WriteSingleLittleEndian(bits, (float)number);
            value.Write(bits);
            Bytes(summary, SummaryValue, value.ToArray());
        }
        Append(
            Message(writer =>
            {
                writer.WriteByte(EventStep);
                Varint(writer, (ulong)step);
                Bytes(writer, EventSummary, summary.ToArray());
            })
        );
    }

    /// <summary>Takes back the events that were written after a checkpoint, since its continuation writes them again.</summary>
    /// <param name="path">A file that is there.</param>
    /// <param name="length">Its length in bytes when the checkpoint was written.</param>
    public static void Cut(string path, long length)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Write);
        if (stream.Length > length)
            stream.SetLength(length);
    }

    private static byte[] Message(Action<MemoryStream> write)
    {
        using var message = new MemoryStream();
        message.WriteByte(EventWallTime);
        Span<byte> seconds = stackalloc byte[sizeof(double)];
        BinaryPrimitives.WriteDoubleLittleEndian(seconds, (DateTime.UtcNow - DateTime.UnixEpoch).TotalSeconds);
        message.Write(seconds);
        write(message);
        return message.ToArray();
    }

    private void Append(ReadOnlySpan<byte> data)
    {
        // One write, so that a program that is killed leaves whole records but for the last.
        var record = new byte[sizeof(ulong) + sizeof(uint) + data.Length + sizeof(uint)];
        BinaryPrimitives.WriteUInt64LittleEndian(record, (ulong)data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), Crc32C.Masked(record.AsSpan(0, 8)));
        data.CopyTo(record.AsSpan(12));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(12 + data.Length), Crc32C.Masked(data));
        using var stream = new FileStream(Path, FileMode.Append, FileAccess.Write, FileShare.Read);
        stream.Write(record);
    }

    private static void Bytes(Stream stream, byte field, ReadOnlySpan<byte> data)
    {
        stream.WriteByte(field);
        Varint(stream, (ulong)data.Length);
        stream.Write(data);
    }

    private static void Varint(Stream stream, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            stream.WriteByte((byte)(value | 0x80));
        stream.WriteByte((byte)value);
    }
}
