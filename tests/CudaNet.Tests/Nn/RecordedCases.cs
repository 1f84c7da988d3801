using System.Text.Json;

namespace CudaNet.Tests.Nn;

/// <summary>The cases of a file in tests/golden, each of a <c>module</c>, and the tests that run them: on cpu and simt, in f64 and f32.</summary>
internal static class RecordedCases
{
    public static JsonElement[] Read(string file) =>
        [
            .. JsonDocument
                .Parse(File.ReadAllText(Path.Combine(RepositoryRoot.Find(), "tests/golden", file)))
                .RootElement.GetProperty("cases")
                .EnumerateArray(),
        ];

    /// <summary>Arguments: a device's name, a dtype and the number of the case.</summary>
    public static IEnumerable<TestCaseData> Everywhere(JsonElement[] cases) =>
        from device in new[] { "cpu", "simt" }
        from dtype in new[] { DType.Float64, DType.Float32 }
        from i in Enumerable.Range(0, cases.Length)
        select new TestCaseData(device, dtype, i).SetArgDisplayNames(
            device,
            dtype.Name,
            $"{i}: {cases[i].GetProperty("module").GetString()}"
        );
}
