using System.Buffers.Binary;
using System.Text;

namespace CudaNet.Tests.Training;

/// <summary>An event as it is in a file.</summary>
internal sealed record RecordedEvent(
    double WallTime,
    long Step,
    string Version,
    IReadOnlyList<(string Tag, float Value)> Values
);

/// <summary>Reads TensorBoard's files by their specification alone, checking every checksum bit by bit.</summary>
internal static class EventFileReader
{
    public static IReadOnlyList<RecordedEvent> Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var events = new List<RecordedEvent>();
        for (var at = 0; at < bytes.Length; )
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at, 8));
            Check(bytes.AsSpan(at, 8), bytes.AsSpan(at + 8, 4));
            var data = bytes.AsSpan(at + 12, length);
            Check(data, bytes.AsSpan(at + 12 + length, 4));
            events.Add(Event(data));
            at += 16 + length;
        }
        return events;
    }

    private static void Check(ReadOnlySpan<byte> data, ReadOnlySpan<byte> stored)
    {
        var crc = Castagnoli(data);
        var masked = ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
        Assert.That(BinaryPrimitives.ReadUInt32LittleEndian(stored), Is.EqualTo(masked), "a checksum");
    }

    /// <summary>Polynomial division, most significant bit first, of the bits in transmission order: no table and no reflection tricks.</summary>
    public static uint Castagnoli(ReadOnlySpan<byte> data)
    {
        var remainder = uint.MaxValue;
        foreach (var b in data)
            for (var bit = 0; bit < 8; bit++)
            {
                var isSet = (remainder >> 31) != (uint)((b >> bit) & 1);
                remainder = (remainder << 1) ^ (isSet ? 0x1EDC6F41u : 0);
            }
        uint reflected = 0;
        for (var bit = 0; bit < 32; bit++)
            reflected |= ((remainder >> bit) & 1) << (31 - bit);
        return ~reflected;
    }

    private static RecordedEvent Event(ReadOnlySpan<byte> data)
    {
        var (time, step, version) = (0.0, 0L, "");
        var values = new List<(string, float)>();
        foreach (var (field, number, bytes) in Fields(data))
            switch (field)
            {
                case 1:
                    time = BitConverter.UInt64BitsToDouble(number);
                    break;
                case 2:
                    step = (long)number;
                    break;
                case 3:
                    version = Encoding.UTF8.GetString(bytes);
                    break;
                case 5:
                    values.AddRange(Fields(bytes).Select(f => Value(f.Bytes)));
                    break;
                default:
                    Assert.Fail($"an event has no field {field} of ours");
                    break;
            }
        return new(time, step, version, values);
    }

    private static (string Tag, float Value) Value(ReadOnlySpan<byte> data)
    {
        var fields = Fields(data);
        return (
            Encoding.UTF8.GetString(fields.Single(f => f.Field == 1).Bytes),
            BitConverter.UInt32BitsToSingle((uint)fields.Single(f => f.Field == 2).Number)
        );
    }

    private static List<(int Field, ulong Number, byte[] Bytes)> Fields(ReadOnlySpan<byte> data)
    {
        var fields = new List<(int, ulong, byte[])>();
        while (data.Length > 0)
        {
            var key = Varint(ref data);
            var (number, bytes) = (0UL, Array.Empty<byte>());
            switch (key & 7)
            {
                case 0:
                    number = Varint(ref data);
                    break;
                case 1:
                    number = BinaryPrimitives.ReadUInt64LittleEndian(data);
                    data = data[8..];
                    break;
                case 2:
                    var length = (int)Varint(ref data);
                    bytes = data[..length].ToArray();
                    data = data[length..];
                    break;
                case 5:
                    number = BinaryPrimitives.ReadUInt32LittleEndian(data);
                    data = data[4..];
                    break;
                default:
                    Assert.Fail($"wire type {key & 7}");
                    break;
            }
            fields.Add(((int)(key >> 3), number, bytes));
        }
        return fields;
    }

    private static ulong Varint(ref ReadOnlySpan<byte> data)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var b = data[0];
            data = data[1..];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
                return value;
        }
    }
}
