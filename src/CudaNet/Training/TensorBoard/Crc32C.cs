namespace CudaNet.Training;

/// <summary>The CRC-32C of TFRecord files (Castagnoli 1993; RFC 3720: reflected polynomial 0x82F63B78), and the mask that they put over it.</summary>
internal static class Crc32C
{
    private static readonly uint[] s_table = MakeTable();

    /// <summary>The checksum of some bytes.</summary>
    public static uint Of(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var b in data)
            crc = (crc >> 8) ^ s_table[(byte)(crc ^ b)];
        return ~crc;
    }

    /// <summary>The checksum as it is stored: rotated and offset, because the CRC of data that contain their own CRC is of little use.</summary>
    public static uint Masked(ReadOnlySpan<byte> data) => uint.RotateRight(Of(data), 15) + 0xA282EAD8;

    private static uint[] MakeTable()
    {
        var table = new uint[256];
        for (uint i = 0; i < 256; i++)
        {
            var value = i;
            for (var bit = 0; bit < 8; bit++)
                value = (value & 1) != 0 ? (value >> 1) ^ 0x82F63B78 : value >> 1;
            table[i] = value;
        }
        return table;
    }
}
