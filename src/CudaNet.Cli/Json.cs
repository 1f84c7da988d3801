using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CudaNet.Cli;

/// <summary>Writes JSON without reflection, so that it survives trimming.</summary>
internal static class Json
{
    public static void Print(CliConsole console, JsonNode node)
    {
        var buffer = new ArrayBufferWriter<byte>();
        var options = new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var writer = new Utf8JsonWriter(buffer, options))
            node.WriteTo(writer);
        console.Out.WriteLine(Encoding.UTF8.GetString(buffer.WrittenSpan));
    }

    public static JsonArray Array(IEnumerable<JsonNode?> items) => new([.. items]);

    public static JsonArray Array(IEnumerable<string> items) => Array(items.Select(item => (JsonNode?)item));
}
