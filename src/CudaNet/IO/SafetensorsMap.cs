using System.IO.MemoryMappedFiles;

namespace CudaNet.IO;

/// <summary>
/// A safetensors file mapped into memory: the header is read and checked when it is opened, and an array's pages are read from the
/// disk when the array is used. Opening a file of any size costs its header; loading tensors one by one costs no second copy.
/// </summary>
/// <remarks>
/// May be used from several threads. The file must not be shortened by anyone while it is mapped: the operating system ends a program
/// that reads beyond the end. <see cref="Safetensors.Write(string, IReadOnlyList{NamedArray}, IReadOnlyDictionary{string, string}?)"/>
/// replaces files as a whole, which is safe.
/// </remarks>
public sealed unsafe class SafetensorsMap : IDisposable
{
    private readonly string _path;
    private readonly SafetensorsHeader _header;
    private readonly Dictionary<string, SafetensorsEntry> _byName = new(StringComparer.Ordinal);
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    private SafetensorsMap(string path, SafetensorsHeader header, MemoryMappedFile file, MemoryMappedViewAccessor view)
    {
        (_path, _header, _file, _view) = (path, header, file, view);
        foreach (var entry in header.Entries)
            _byName.Add(entry.Name, entry);
    }

    /// <summary>The arrays in the order of their data.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries => _header.Entries;

    /// <summary>The <c>__metadata__</c> map; empty when the file has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Maps a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="CorruptFileException">The header breaks the format, or a dtype is not supported.</exception>
    /// <exception cref="IOException">The file cannot be mapped.</exception>
    public static SafetensorsMap Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        var header = Safetensors.ReadHeader(stream, path);
        var file = MemoryMappedFile.CreateFromFile(
            stream,
            mapName: null,
            capacity: 0,
            MemoryMappedFileAccess.Read,
            HandleInheritability.None,
            leaveOpen: true
        );
        try
        {
            var view = file.CreateViewAccessor(0, stream.Length, MemoryMappedFileAccess.Read);
            return new SafetensorsMap(path, header, file, view);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Whether there is an array of this name.</summary>
    public bool Contains(string name) => _byName.ContainsKey(name);

    /// <summary>Type, shape and place of an array.</summary>
    /// <exception cref="KeyNotFoundException">There is no array of this name; the message lists some that there are.</exception>
    public SafetensorsEntry this[string name] =>
        _byName.TryGetValue(name, out var entry)
            ? entry
            : throw new KeyNotFoundException(
                $"{_path}: there is no array '{name}'; it holds {_byName.Count}: "
                    + string.Join(", ", Entries.Take(5).Select(e => e.Name))
                    + (Entries.Count > 5 ? ", …" : "")
            );

    /// <summary>Calls <paramref name="use"/> with an array's bytes where they are mapped; nothing is copied.</summary>
    /// <param name="name">The array.</param>
    /// <param name="use">Given the elements, little-endian and in C order; they are there until it returns.</param>
    /// <returns>What <paramref name="use"/> returned.</returns>
    /// <exception cref="KeyNotFoundException">There is no array of this name.</exception>
    /// <exception cref="CorruptFileException">An element of a bool array is neither 0 nor 1.</exception>
    /// <exception cref="NotSupportedException">The array is larger than a span can be (2 GiB).</exception>
    /// <exception cref="ObjectDisposedException">The file is no longer mapped.</exception>
    public TResult Use<TResult>(string name, Func<ReadOnlySpan<byte>, TResult> use)
    {
        ArgumentNullException.ThrowIfNull(use);
        var entry = this[name];
        var length = entry.End - entry.Begin;
        BoundedReader.CheckArrayLimit(_path, name, length);
        var handle = _view.SafeMemoryMappedViewHandle;
        byte* start = null;
        // Holds the mapping, so that another thread's Dispose waits for the last use.
        handle.AcquirePointer(ref start);
        try
        {
            var bytes = new ReadOnlySpan<byte>(
                start + _view.PointerOffset + _header.DataStart + entry.Begin,
                (int)length
            );
            BoundedReader.CheckBooleans(_path, name, entry.Type, bytes);
            return use(bytes);
        }
        finally
        {
            handle.ReleasePointer();
        }
    }

    /// <summary>A copy of one array.</summary>
    /// <inheritdoc cref="Use{TResult}" path="/exception"/>
    public NamedArray Read(string name)
    {
        var entry = this[name];
        return new NamedArray(name, entry.Type, [.. entry.Shape], Use(name, bytes => bytes.ToArray()));
    }

    /// <summary>Unmaps the file; uses that are under way finish first.</summary>
    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }
}
