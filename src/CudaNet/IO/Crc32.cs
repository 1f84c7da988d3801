using System.Buffers.Binary;

namespace CudaNet.IO;

/// <summary>
/// The CRC-32 of zip, gzip and PNG (ISO 3309: reflected polynomial 0xEDB88320), eight bytes per step by Sprague's
/// "slicing by 8". The framework has it only inside its own streams, and its zip reader does not check it.
/// </summary>
internal static class Crc32
{
    private static readonly uint[] Tables = MakeTables();

    /// <summary>Continues a checksum; start with 0.</summary>
    /// <param name="crc">The checksum of what came before.</param>
    /// <param name="data">The next bytes.</param>
    public static uint Append(uint crc, ReadOnlySpan<byte> data)
    {
        uint[] t = Tables;
        crc = ~crc;
        while (data.Length >= 8)
        {
            uint low = BinaryPrimitives.ReadUInt32LittleEndian(data) ^ crc;
            uint high = BinaryPrimitives.ReadUInt32LittleEndian(data[4..]);
            crc =
                t[(7 * 256) + (low & 255)]
                ^ t[(6 * 256) + ((low >> 8) & 255)]
                ^ t[(5 * 256) + ((low >> 16) & 255)]
                ^ t[(4 * 256) + (low >> 24)]
                ^ t[(3 * 256) + (high & 255)]
                ^ t[(2 * 256) + ((high >> 8) & 255)]
                ^ t[256 + ((high >> 16) & 255)]
                ^ t[high >> 24];
            data = data[8..];
        }

        foreach (byte b in data)
        {
            crc = (crc >> 8) ^ t[(crc ^ b) & 255];
        }

        return ~crc;
    }

    private static uint[] MakeTables()
    {
        var t = new uint[8 * 256];
        for (uint i = 0; i < 256; i++)
        {
            uint value = i;
            for (int bit = 0; bit < 8; bit++)
            {
                value = (value & 1) != 0 ? (value >> 1) ^ 0xEDB88320 : value >> 1;
            }

            t[i] = value;
        }

        for (int i = 256; i < t.Length; i++)
        {
            t[i] = (t[i - 256] >> 8) ^ t[t[i - 256] & 255];
        }

        return t;
    }
}
