using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace CudaNet.IO;

/// <summary>How a CSV file is to be read.</summary>
public sealed record CsvOptions
{
    /// <summary>What stands between fields; one byte in UTF-8, such as <c>,</c> <c>;</c> or a tab.</summary>
    public char Separator { get; init; } = ',';

    /// <summary>Whether the first record names the columns; otherwise they are called 0, 1, 2, …</summary>
    public bool HasHeader { get; init; } = true;

    /// <summary>
    /// Element types of columns by name. For others the type is found: whole numbers become i64, other numbers f32 (an empty field is NaN), anything else
    /// text.
    /// </summary>
    public IReadOnlyDictionary<string, DType>? Types { get; init; }
}

/// <summary>A column of a CSV file.</summary>
/// <param name="Values">One value per row, under the column's name; for text the number of its category, i64.</param>
/// <param name="Categories">The different texts in the order in which they first occur; null for columns of numbers.</param>
public sealed record CsvColumn(NamedArray Values, IReadOnlyList<string>? Categories)
{
    /// <summary>The column's name.</summary>
    public string Name => Values.Name;
}

/// <summary>The columns of a CSV file, all of the same length.</summary>
/// <param name="Columns">In the file's order; names are unique.</param>
/// <param name="Rows">How many rows.</param>
public sealed record CsvTable(IReadOnlyList<CsvColumn> Columns, int Rows)
{
    /// <summary>A column by its name.</summary>
    /// <exception cref="KeyNotFoundException">There is none of this name; the message lists those that there are.</exception>
    public CsvColumn this[string name] =>
        Columns.FirstOrDefault(column => column.Name == name)
        ?? throw new KeyNotFoundException(
            $"there is no column '{name}'; there are {string.Join(", ", Columns.Take(20).Select(column => column.Name))}"
        );

    /// <summary>Some columns side by side, as features for example.</summary>
    /// <param name="columns">Their names in the order wanted; null for all.</param>
    /// <returns>(rows, columns) f32.</returns>
    /// <exception cref="KeyNotFoundException">There is no column of a name.</exception>
    public NamedArray Matrix(IReadOnlyList<string>? columns = null)
    {
        var chosen = columns is null ? Columns : [.. columns.Select(name => this[name])];
        var bytes = new byte[checked(4 * Rows * chosen.Count)];
        var values = MemoryMarshal.Cast<byte, float>(bytes.AsSpan());
        for (var c = 0; c < chosen.Count; c++)
        for (var row = 0; row < Rows; row++)
            values[row * chosen.Count + c] = CsvCells.ToSingle(chosen[c].Values, row);
        return new NamedArray("columns", DType.Float32, [Rows, chosen.Count], bytes);
    }
}

/// <summary>Reads tables of comma-separated values as typed arrays.</summary>
public static class Csv
{
    private const int MaxColumns = 1 << 16;

    private enum Kind
    {
        Empty,
        Integer,
        Real,
        Text,
    }

    /// <summary>Reads a file, which is gone through twice: once for the types, once for the values.</summary>
    /// <param name="path">The file, in UTF-8.</param>
    /// <param name="options">Null for commas, a header and types as found.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="CorruptFileException">A quote is not closed, a record has more or fewer fields than the first, two columns have
    /// one name, or a field does not fit the type asked for.</exception>
    public static CsvTable Read(string path, CsvOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var stream = File.OpenRead(path);
        return Read(stream, path, options);
    }

    /// <summary>Reads from the stream's position to its end.</summary>
    /// <param name="stream">A stream that can seek.</param>
    /// <param name="source">What to call the stream in messages.</param>
    /// <param name="options">Null for commas, a header and types as found.</param>
    /// <exception cref="CorruptFileException">As for <see cref="Read(string, CsvOptions?)"/>.</exception>
    public static CsvTable Read(Stream stream, string source = "csv stream", CsvOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (!stream.CanSeek)
            throw new ArgumentException("The stream must be able to seek; copy it to a file first.", nameof(stream));
        options ??= new CsvOptions();
        if (options.Separator is > '\x7F' or '"' or '\r' or '\n')
            throw new ArgumentException($"'{options.Separator}' cannot separate fields", nameof(options));
        var start = stream.Position;
        var (names, kinds, rows) = Survey(new CsvScanner(stream, source, (byte)options.Separator), source, options);
        var cells = new CsvCells[names.Length];
        for (var c = 0; c < cells.Length; c++)
            cells[c] = CsvCells.Of(names[c], TypeOf(names[c], kinds[c], options), rows, source);
        stream.Position = start;
        var scanner = new CsvScanner(stream, source, (byte)options.Separator);
        if (options.HasHeader)
            scanner.Next();
        for (var row = 0; row < rows && scanner.Next(); row++)
        for (var c = 0; c < cells.Length; c++)
            cells[c].Set(row, scanner[c], scanner.Line);
        return new CsvTable([.. cells.Select(column => column.Finish())], rows);
    }

    private static (string[] Names, Kind[] Kinds, int Rows) Survey(
        CsvScanner scanner,
        string source,
        CsvOptions options
    )
    {
        if (!scanner.Next())
            throw new CorruptFileException(source, "line 1", "a record", "an empty file");
        if (scanner.Count > MaxColumns)
            throw new CorruptFileException(source, "line 1", $"at most {MaxColumns} columns", $"{scanner.Count}");
        var names = Names(scanner, source, options.HasHeader);
        var kinds = new Kind[names.Length];
        var hasEmpty = new bool[names.Length];
        var rows = 0;
        for (var isThere = !options.HasHeader || scanner.Next(); isThere; isThere = scanner.Next(), rows++)
        {
            if (scanner.Count != names.Length)
                throw new CorruptFileException(
                    source,
                    $"line {scanner.Line}",
                    $"{names.Length} fields, as in the first line",
                    $"{scanner.Count}"
                );
            for (var c = 0; c < kinds.Length; c++)
            {
                var kind = KindOf(scanner[c]);
                hasEmpty[c] |= kind == Kind.Empty;
                kinds[c] = kind > kinds[c] ? kind : kinds[c];
            }
        }
        // An integer column has no value for what is missing.
        for (var c = 0; c < kinds.Length; c++)
            if (kinds[c] is Kind.Empty or Kind.Integer && hasEmpty[c])
                kinds[c] = Kind.Real;
        return (names, kinds, rows);
    }

    private static string[] Names(CsvScanner scanner, string source, bool hasHeader)
    {
        var names = new string[scanner.Count];
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var c = 0; c < names.Length; c++)
        {
            names[c] = hasHeader
                ? CsvCells.ToText(scanner[c], source, scanner.Line)
                : c.ToString(CultureInfo.InvariantCulture);
            if (!seen.Add(names[c]))
                throw new CorruptFileException(
                    source,
                    "line 1",
                    "columns of different names",
                    $"'{names[c]}' twice",
                    "If the first line is data, say so with HasHeader."
                );
        }
        return names;
    }

    private static Kind KindOf(ReadOnlySpan<byte> field) =>
        field.IsEmpty ? Kind.Empty
        : long.TryParse(field, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _) ? Kind.Integer
        : double.TryParse(field, NumberStyles.Float, CultureInfo.InvariantCulture, out _) ? Kind.Real
        : Kind.Text;

    // Null is text.
    private static DType? TypeOf(string name, Kind kind, CsvOptions options) =>
        options.Types is { } types && types.TryGetValue(name, out var type)
            ? type
            : kind switch
            {
                Kind.Integer or Kind.Empty => DType.Int64,
                Kind.Real => DType.Float32,
                _ => null,
            };
}
