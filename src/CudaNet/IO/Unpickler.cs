using System.Buffers.Binary;
using System.Text;

namespace CudaNet.IO;

/// <summary>
/// Reads Python's pickle format as far as state dicts need it, and executes nothing: the few names that it knows are turned into
/// plain values by <see cref="TorchGlobals"/>, and any other is an error. Source: CPython's <c>Lib/pickletools.py</c>, protocols 0 to 5.
/// </summary>
/// <remarks>All memory is taken from <paramref name="budget"/> first.</remarks>
internal sealed class Unpickler(byte[] data, string source, MemoryBudget budget, int start = 0)
{
    public const string Where = "pickled objects";

    private const int MaxProtocol = 5;

    // Python's integers of more bytes than this are no sizes, counts or seeds.
    private const int MostIntegerBytes = 9;

    private readonly PickleSequence _empty = new();
    private readonly Dictionary<long, PickleValue> _memo = [];
    private PickleValue[] _stack = new PickleValue[64];
    private int _depth;
    private int _at = start;

    /// <summary>One past the last byte that was read.</summary>
    public int Position => _at;

    /// <summary>Runs the pickle to its end.</summary>
    /// <returns>The value that it stands for.</returns>
    /// <exception cref="CorruptFileException">It breaks the format, or asks for what is not allowed.</exception>
    public PickleValue Run()
    {
        while (true)
        {
            var first = _at;
            var code = Take(1)[0];
            if (code == (byte)'.')
                return Pop(first);
            Step(code, first);
        }
    }

    private void Step(byte code, int start)
    {
        switch (code)
        {
            case 0x80: // PROTO
                if (Take(1)[0] > MaxProtocol)
                    throw Fault(start, $"a pickle of protocol 0 to {MaxProtocol}", $"{data[_at - 1]}");
                break;
            case 0x95: // FRAME: only says how much to read ahead
                Take(8);
                break;
            case (byte)'(':
                Push(new(PickleKind.Mark));
                break;
            case (byte)'0':
                Pop(start);
                break;
            case (byte)'1':
                PopToMark(start);
                break;
            case (byte)'2':
                Push(Peek(start));
                break;
            case (byte)'N':
                Push(default);
                break;
            case 0x88 or 0x89: // NEWTRUE, NEWFALSE
                Push(PickleValue.Of(code == 0x88));
                break;
            case (byte)'K':
                Push(PickleValue.Of((long)Take(1)[0]));
                break;
            case (byte)'M':
                Push(PickleValue.Of((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2))));
                break;
            case (byte)'J':
                Push(PickleValue.Of((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4))));
                break;
            case 0x8a: // LONG1
                Push(Integer(Take(Take(1)[0]), start));
                break;
            case (byte)'G':
                Push(PickleValue.Of(BinaryPrimitives.ReadDoubleBigEndian(Take(8))));
                break;
            case (byte)'X': // BINUNICODE
                Push(Text(Length(4), Utf8, start));
                break;
            case 0x8c: // SHORT_BINUNICODE
                Push(Text(Take(1)[0], Utf8, start));
                break;
            case 0x8d: // BINUNICODE8
                Push(Text(Length(8), Utf8, start));
                break;
            case (byte)'T' or (byte)'B': // BINSTRING, BINBYTES
                Push(Text(Length(4), Encoding.Latin1, start));
                break;
            case (byte)'U' or (byte)'C': // SHORT_BINSTRING, SHORT_BINBYTES
                Push(Text(Take(1)[0], Encoding.Latin1, start));
                break;
            case (byte)'q':
                Remember(Take(1)[0], start);
                break;
            case (byte)'r':
                Remember(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)), start);
                break;
            case 0x94: // MEMOIZE
                Remember(_memo.Count, start);
                break;
            case (byte)'h':
                Recall(Take(1)[0], start);
                break;
            case (byte)'j':
                Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)), start);
                break;
            default:
                Build(code, start);
                break;
        }
    }

    /// <summary>The steps that make and fill tuples, lists and dictionaries, or call a name.</summary>
    private void Build(byte code, int start)
    {
        switch (code)
        {
            case (byte)')' or (byte)']' or (byte)'}':
                Push(
                    code == ')' ? new(PickleKind.Tuple, Item: _empty)
                    : code == ']' ? New(PickleKind.List, [])
                    : New(PickleKind.Dict, [])
                );
                break;
            case (byte)'t' or (byte)'l' or (byte)'d':
                var kind =
                    code == 't' ? PickleKind.Tuple
                    : code == 'l' ? PickleKind.List
                    : PickleKind.Dict;
                var items = PopToMark(start);
                if (kind == PickleKind.Dict)
                    CheckPairs(items, start);
                Push(New(kind, items));
                break;
            case 0x85 or 0x86 or 0x87: // TUPLE1 to TUPLE3
                Push(New(PickleKind.Tuple, PopSpan(code - 0x84, start)));
                break;
            case (byte)'a' or (byte)'e': // APPEND, APPENDS
                var added = code == 'a' ? PopSpan(1, start) : PopToMark(start);
                Filled(PickleKind.List, start).Add(added, budget);
                break;
            case (byte)'s' or (byte)'u': // SETITEM, SETITEMS
                var pairs = code == 's' ? PopSpan(2, start) : PopToMark(start);
                CheckPairs(pairs, start);
                Filled(PickleKind.Dict, start).Add(pairs, budget);
                break;
            case (byte)'c': // GLOBAL
                Push(Name($"{Line(start)} {Line(start)}"));
                break;
            case 0x93: // STACK_GLOBAL
                var parts = PopSpan(2, start);
                if (parts[0].Text is not { } module || parts[1].Text is not { } name)
                    throw Fault(start, "the two texts of a name", parts[0].Describe());
                Push(Name($"{module} {name}"));
                break;
            case (byte)'Q': // BINPERSID
                Push(new TorchGlobals(this, budget, start).Storage(Pop(start)));
                break;
            case (byte)'R' or 0x81: // REDUCE, NEWOBJ
                var call = PopSpan(2, start);
                if (call[0].Global is not { } global || call[1].Kind != PickleKind.Tuple)
                    throw Fault(start, "a name and its arguments", call[0].Describe());
                Push(new TorchGlobals(this, budget, start).Call(global, call[1].Sequence!.Items));
                break;
            case (byte)'b': // BUILD: what a state dict keeps beside its items says nothing about tensors
                Pop(start);
                Filled(PickleKind.Dict, start);
                break;
            default:
                throw Fault(start, "a step that state dicts are made of", $"0x{code:x2}", TorchGlobals.Advice);
        }
    }

    private PickleValue New(PickleKind kind, ReadOnlySpan<PickleValue> items)
    {
        budget.Take(PickleValue.ObjectSize, Where);
        var made = new PickleSequence();
        if (items.Length > 0)
            made.Add(items, budget);
        return new(kind, Item: made);
    }

    private PickleValue Name(string name)
    {
        budget.Take(PickleValue.ObjectSize + 2 * name.Length, Where);
        return new(PickleKind.Global, Item: name);
    }

    private PickleValue Integer(ReadOnlySpan<byte> bytes, int start)
    {
        if (bytes.Length > MostIntegerBytes || bytes is [.., not (0 or 255)] && bytes.Length == MostIntegerBytes)
            throw Fault(start, "an integer below 2^64", $"one of {bytes.Length} bytes");
        // Two's complement; a seed may need the whole of 64 bits, and its sign byte adds a ninth.
        var value = bytes.IsEmpty || bytes[^1] < 128 ? 0L : -1L;
        for (var i = Math.Min(bytes.Length, 8) - 1; i >= 0; i--)
            value = value << 8 | bytes[i];
        return PickleValue.Of(value);
    }

    private PickleValue Text(long length, Encoding encoding, int start)
    {
        if (length < 0 || length > data.Length - _at)
            throw Fault(start, $"a text of at most {data.Length - _at} bytes", $"{length}");
        budget.Take(PickleValue.ObjectSize + 2 * length, Where);
        try
        {
            return PickleValue.Of(encoding.GetString(Take((int)length)));
        }
        catch (DecoderFallbackException)
        {
            throw Fault(start, "a text in UTF-8", "other bytes");
        }
    }

    private long Length(int bytes)
    {
        var field = Take(bytes);
        return bytes == 4
            ? BinaryPrimitives.ReadUInt32LittleEndian(field)
            : BinaryPrimitives.ReadInt64LittleEndian(field);
    }

    private string Line(int start)
    {
        var length = data.AsSpan(_at).IndexOf((byte)'\n');
        if (length < 0)
            throw Fault(start, "a name that a line end closes", "the end of the pickle");
        budget.Take(PickleValue.ObjectSize + 2 * length, Where);
        var line = Encoding.Latin1.GetString(data, _at, length);
        _at += length + 1;
        return line;
    }

    private void Remember(long place, int start)
    {
        var value = Peek(start);
        if (!_memo.ContainsKey(place))
            budget.Take(2 * PickleValue.Size + PickleValue.ObjectSize, Where);
        _memo[place] = value;
    }

    private void Recall(long place, int start) =>
        Push(
            _memo.TryGetValue(place, out var value)
                ? value
                : throw Fault(start, "a value that was stored", $"number {place}, which was not")
        );

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > data.Length - _at)
            throw Fault(_at, $"{count} bytes", $"{data.Length - _at}, the end of the pickle");
        _at += count;
        return data.AsSpan(_at - count, count);
    }

    private void Push(PickleValue value)
    {
        if (_depth == _stack.Length)
        {
            budget.Take(2L * _depth * PickleValue.Size, Where);
            Array.Resize(ref _stack, 2 * _depth);
        }
        _stack[_depth++] = value;
    }

    private PickleValue Pop(int start) => PopSpan(1, start)[0];

    private PickleValue Peek(int start)
    {
        var value = Pop(start);
        _depth++;
        return value;
    }

    // What is popped stays where it was until the next push, which copies first.
    private ReadOnlySpan<PickleValue> PopSpan(int count, int start)
    {
        if (_depth < count)
            throw Fault(start, $"{count} values on the stack", $"{_depth}");
        _depth -= count;
        var popped = _stack.AsSpan(_depth, count);
        foreach (ref readonly var value in popped)
            if (value.Kind == PickleKind.Mark)
                throw Fault(start, "a value on the stack", "a mark");
        return popped;
    }

    private ReadOnlySpan<PickleValue> PopToMark(int start)
    {
        for (var mark = _depth - 1; mark >= 0; mark--)
            if (_stack[mark].Kind == PickleKind.Mark)
            {
                var popped = _stack.AsSpan(mark + 1, _depth - mark - 1);
                _depth = mark;
                return popped;
            }
        throw Fault(start, "a mark on the stack", "none");
    }

    private PickleSequence Filled(PickleKind kind, int start)
    {
        var target = Peek(start);
        return target.Kind == kind
            ? target.Sequence!
            : throw Fault(start, $"a {kind.ToString().ToLowerInvariant()} to fill", target.Describe());
    }

    private void CheckPairs(ReadOnlySpan<PickleValue> items, int start)
    {
        if (items.Length % 2 != 0)
            throw Fault(start, "keys and values in pairs", $"{items.Length} items");
    }

    /// <summary>What to throw about the step at an offset.</summary>
    public CorruptFileException Fault(int at, string expected, string found, string? advice = null) =>
        new(source, $"pickle, offset {at}", expected, found, advice);

    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);
}
