using System.Text.Json.Nodes;
using CudaNet.IO;

namespace CudaNet.Cli;

/// <summary>Tells which arrays a command has written.</summary>
internal static class WrittenArrays
{
    /// <summary>Name, shape and dtype of each, as lines or as a JSON object whose field <paramref name="kind"/> says what ran.</summary>
    public static void Print(
        CliConsole console,
        IReadOnlyList<NamedArray> arrays,
        string path,
        bool json,
        string kind,
        string name,
        params ReadOnlySpan<(string Key, JsonNode Value)> more
    )
    {
        if (!json)
        {
            foreach (var array in arrays)
                console.Out.WriteLine($"{array.Name, -20} {new Shape(array.Shape)} {array.Type.Name}");
            console.Out.WriteLine($"written to {path}");
            return;
        }
        var result = new JsonObject { [kind] = name, ["out"] = Path.GetFullPath(path) };
        foreach (var (key, value) in more)
            result[key] = value;
        result["arrays"] = Json.Array(
            arrays.Select(array => new JsonObject
            {
                ["name"] = array.Name,
                ["dtype"] = array.Type.Name,
                ["shape"] = Json.Array(array.Shape.Select(extent => (JsonNode?)extent)),
            })
        );
        Json.Print(console, result);
    }
}
