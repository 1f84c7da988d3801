using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace CudaNet.Verification;

/// <summary>Writes JSON without reflection, so that the program can be trimmed.</summary>
internal static class Json
{
    private static readonly JsonWriterOptions Options = new()
    {
        Indented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static string Write(Action<Utf8JsonWriter> body)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, Options))
            body(writer);
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
