using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;

namespace CudaNet.IO;

/// <summary>The values of a CSV column while it is read.</summary>
internal abstract class CsvCells(string name, DType type, int rows, string source)
{
    private readonly byte[] _bytes = new byte[checked(rows * type.Size)];

    private DType Type => type;

    /// <summary>Takes a field.</summary>
    /// <param name="row">From 0.</param>
    /// <param name="field">In UTF-8, without quotes.</param>
    /// <param name="line">Where it is, for messages.</param>
    public abstract void Set(int row, ReadOnlySpan<byte> field, long line);

    public virtual CsvColumn Finish() => new(new NamedArray(name, type, [rows], _bytes), null);

    /// <summary>A column of a type; null is text.</summary>
    public static CsvCells Of(string name, DType? type, int rows, string source) =>
        type switch
        {
            null => new Texts(name, rows, source),
            DType.Float32 => new Numbers<float>(name, DType.Float32, rows, source),
            DType.Float64 => new Numbers<double>(name, DType.Float64, rows, source),
            DType.Float16 => new Numbers<Half>(name, DType.Float16, rows, source),
            DType.Int64 => new Numbers<long>(name, DType.Int64, rows, source),
            DType.Int32 => new Numbers<int>(name, DType.Int32, rows, source),
            DType.UInt8 => new Numbers<byte>(name, DType.UInt8, rows, source),
            DType.Bool => new Truths(name, rows, source),
            _ => throw new DTypeException(
                $"column '{name}': fields are not read as {type.Value.Name}; read f32 and cast the tensor"
            ),
        };

    /// <summary>A value of a column as f32.</summary>
    public static float ToSingle(NamedArray column, int row) =>
        column.Type switch
        {
            DType.Float32 => MemoryMarshal.Cast<byte, float>(column.Bytes)[row],
            DType.Float64 => (float)MemoryMarshal.Cast<byte, double>(column.Bytes)[row],
            DType.Float16 => (float)MemoryMarshal.Cast<byte, Half>(column.Bytes)[row],
            DType.Int64 => MemoryMarshal.Cast<byte, long>(column.Bytes)[row],
            DType.Int32 => MemoryMarshal.Cast<byte, int>(column.Bytes)[row],
            _ => column.Bytes[row],
        };

    /// <exception cref="CorruptFileException">The field is not UTF-8.</exception>
    public static string ToText(ReadOnlySpan<byte> field, string source, long line)
    {
        try
        {
            return Utf8.GetString(field);
        }
        catch (DecoderFallbackException e)
        {
            throw new CorruptFileException(
                source,
                $"line {line}",
                "text in UTF-8",
                "other bytes",
                "Convert the file to UTF-8.",
                e
            );
        }
    }

    private CorruptFileException Fault(ReadOnlySpan<byte> field, long line)
    {
        var text = Encoding.UTF8.GetString(field[..Math.Min(field.Length, 40)]);
        return new(source, $"line {line}, column '{name}'", $"a value of {type.Name}", $"'{text}'");
    }

    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    private sealed class Numbers<T>(string name, DType type, int rows, string source)
        : CsvCells(name, type, rows, source)
        where T : unmanaged, INumber<T>
    {
        public override void Set(int row, ReadOnlySpan<byte> field, long line)
        {
            T value;
            if (field.IsEmpty && Type.IsFloating)
                value = T.CreateSaturating(double.NaN);
            else if (!T.TryParse(field, NumberStyles.Float, CultureInfo.InvariantCulture, out value))
                throw Fault(field, line);
            MemoryMarshal.Cast<byte, T>(_bytes.AsSpan())[row] = value;
        }
    }

    private sealed class Truths(string name, int rows, string source) : CsvCells(name, DType.Bool, rows, source)
    {
        public override void Set(int row, ReadOnlySpan<byte> field, long line) =>
            _bytes[row] = field switch
            {
                [(byte)'1'] => 1,
                [(byte)'0'] => 0,
                _ when Ascii.EqualsIgnoreCase(field, "true"u8) => 1,
                _ when Ascii.EqualsIgnoreCase(field, "false"u8) => 0,
                _ => throw Fault(field, line),
            };
    }

    private sealed class Texts : CsvCells
    {
        private readonly Dictionary<string, long> _numbers = new(StringComparer.Ordinal);
        private readonly Dictionary<string, long>.AlternateLookup<ReadOnlySpan<char>> _lookup;
        private readonly List<string> _categories = [];
        private readonly string _source;
        private char[] _characters = new char[64];

        public Texts(string name, int rows, string source)
            : base(name, DType.Int64, rows, source)
        {
            _source = source;
            _lookup = _numbers.GetAlternateLookup<ReadOnlySpan<char>>();
        }

        public override void Set(int row, ReadOnlySpan<byte> field, long line)
        {
            if (field.Length > _characters.Length)
                _characters = new char[2 * field.Length];
            // Most fields repeat a text that is known; those make no string.
            var isValid = Encoding.UTF8.TryGetChars(field, _characters, out var count);
            if (!isValid || !_lookup.TryGetValue(_characters.AsSpan(0, count), out var number))
            {
                var text = ToText(field, _source, line);
                if (!_numbers.TryGetValue(text, out number))
                {
                    number = _categories.Count;
                    _numbers.Add(text, number);
                    _categories.Add(text);
                }
            }
            MemoryMarshal.Cast<byte, long>(_bytes.AsSpan())[row] = number;
        }

        public override CsvColumn Finish() => base.Finish() with { Categories = _categories };
    }
}
