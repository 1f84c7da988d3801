namespace CudaNet.IO;

/// <summary>
/// Cuts a CSV file into records and fields: fields may be quoted, quoted ones may hold separators, line ends and doubled quotes. Source: RFC 4180,
/// with lines ended by CR LF, LF or CR. Lines that are empty are passed over.
/// </summary>
/// <remarks>One record is held at a time.</remarks>
internal sealed class CsvScanner(Stream stream, string source, byte separator)
{
    private const int End = -1;
    private const byte Quote = (byte)'"';

    private readonly byte[] _buffer = new byte[1 << 14];
    private byte[] _record = new byte[256];
    private int[] _ends = new int[16];
    private int _filled;
    private int _at;
    private int _length;
    private long _lines = 1;

    /// <summary>Fields of the record at hand.</summary>
    public int Count { get; private set; }

    /// <summary>The line on which the record at hand begins, from 1.</summary>
    public long Line { get; private set; }

    /// <summary>A field of the record at hand, without its quotes; valid until the next record.</summary>
    public ReadOnlySpan<byte> this[int field] => _record.AsSpan(Start(field), _ends[field] - Start(field));

    /// <summary>Goes on to the next record.</summary>
    /// <returns>False at the end of the file.</returns>
    /// <exception cref="CorruptFileException">A quote is not closed, or text follows one that is.</exception>
    public bool Next()
    {
        if (_lines == 1 && _at == 0)
            SkipByteOrderMark();
        int next;
        while ((next = Peek()) is '\r' or '\n')
            EndLine();
        if (next == End)
            return false;
        (Count, _length, Line) = (0, 0, _lines);
        do
        {
            if (Peek() == Quote)
                Quoted();
            else
                Plain();
            EndField();
            next = Peek();
            if (next == separator)
                _at++;
        } while (next == separator);
        if (next != End)
            EndLine();
        return true;
    }

    private int Start(int field) => field == 0 ? 0 : _ends[field - 1];

    private void Plain()
    {
        for (int next; (next = Peek()) != separator && next is not (End or '\r' or '\n'); _at++)
            Append((byte)next);
    }

    private void Quoted()
    {
        var line = _lines;
        _at++;
        while (true)
        {
            var next = Peek();
            if (next == End)
                throw Fault(line, "a quote that ends the field", "the end of the file");
            _at++;
            if (next == Quote)
            {
                if (Peek() != Quote)
                    break;
                _at++;
            }
            else if (next == '\n')
            {
                _lines++;
            }
            Append((byte)next);
        }
        if (Peek() is var after && after != separator && after is not (End or '\r' or '\n'))
            throw Fault(_lines, "a separator or the end of the line after a quoted field", $"byte 0x{after:x2}");
    }

    private void Append(byte value)
    {
        if (_length == _record.Length)
            Array.Resize(ref _record, checked(2 * _length));
        _record[_length++] = value;
    }

    private void EndField()
    {
        if (Count == _ends.Length)
            Array.Resize(ref _ends, 2 * Count);
        _ends[Count++] = _length;
    }

    private void EndLine()
    {
        var isPair = Peek() == '\r';
        _at++;
        if (isPair && Peek() == '\n')
            _at++;
        _lines++;
    }

    private int Peek()
    {
        if (_at == _filled)
        {
            _at = 0;
            _filled = stream.Read(_buffer);
            if (_filled == 0)
                return End;
        }
        return _buffer[_at];
    }

    private void SkipByteOrderMark()
    {
        if (Peek() != End && _buffer.AsSpan(0, _filled).StartsWith("\uFEFF"u8))
            _at = 3;
    }

    private CorruptFileException Fault(long line, string expected, string found) =>
        new(source, $"line {line}", expected, found);
}
