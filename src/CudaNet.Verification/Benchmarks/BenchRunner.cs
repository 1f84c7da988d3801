using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace CudaNet.Verification;

/// <summary>What <see cref="BenchRunner"/> measures.</summary>
public sealed record BenchOptions
{
    /// <summary>The device.</summary>
    public Device Device { get; init; } = Device.Cpu;

    /// <summary>Patterns of op names with <c>*</c> and <c>?</c>, separated by commas; null means all.</summary>
    public string? Op { get; init; }

    /// <summary>The name of one case.</summary>
    public string? Case { get; init; }

    /// <summary>How often every case is measured; the median counts.</summary>
    public int Rounds { get; init; } = 7;

    /// <summary>The time spent on each case, all rounds together, in seconds. Long calls take longer.</summary>
    public double SecondsPerCase { get; init; } = 0.25;
}

/// <summary>What one case took.</summary>
/// <param name="Name">The case.</param>
/// <param name="Device">Where it ran.</param>
/// <param name="DType">The dtype.</param>
/// <param name="Ms">Milliseconds for a call, the median of the rounds.</param>
/// <param name="Gbps">10⁹ bytes a second, counting what must be read and written once.</param>
/// <param name="Gflops">10⁹ floating operations a second.</param>
/// <param name="Threads">Processor threads in use; 0 on a GPU.</param>
public sealed record BenchRow(
    string Name,
    string Device,
    string DType,
    double Ms,
    double Gbps,
    double Gflops,
    int Threads
);

/// <summary>
/// Measures the ops' benchmark cases: warmed up, on random data, as medians of rounds that go through all cases in turn, so that
/// a machine which slows down for a while slows all of them. On a GPU inputs rotate through more memory than its caches hold.
/// </summary>
public static class BenchRunner
{
    private const long GroupBytes = 1L << 30; // inputs that are held at one time
    private const long RotatedBytes = 256L << 20; // over twice the 50 MB of L2 that an H100 or H200 has
    private const int MostCopies = 64;

    /// <summary>The cases that the options choose.</summary>
    /// <exception cref="AttributeException">No op or case has such a name.</exception>
    public static IReadOnlyList<OpCase> Select(BenchOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return CheckRunner.Select(options.Op, options.Case, benchmarks: true);
    }

    /// <summary>Measures the chosen cases; <paramref name="report"/> hears each row as soon as its median is known.</summary>
    /// <exception cref="AttributeException">No op or case has such a name.</exception>
    public static IReadOnlyList<BenchRow> Run(
        BenchOptions options,
        Action<BenchRow>? report = null,
        CancellationToken cancel = default
    )
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Rounds, 1);
        using var noGrad = Autograd.NoGrad();
        var rows = new List<BenchRow>();
        var waiting = new Queue<OpCase>(Select(options));
        while (waiting.Count > 0)
        {
            using var frame = Lifetime.Frame();
            var group = new List<Measurement>();
            for (long held = 0; waiting.Count > 0 && (held < GroupBytes || group.Count == 0); )
            {
                cancel.ThrowIfCancellationRequested();
                var measurement = new Measurement(waiting.Dequeue(), options);
                group.Add(measurement);
                held += measurement.HeldBytes;
            }
            for (var round = 0; round < options.Rounds; round++)
                foreach (var measurement in group)
                {
                    cancel.ThrowIfCancellationRequested();
                    measurement.Round();
                }
            foreach (var measurement in group)
            {
                rows.Add(measurement.Row());
                report?.Invoke(rows[^1]);
            }
        }
        return rows;
    }

    /// <summary>The chosen cases with their inputs in place, each ready to be called; a call's results end with it.</summary>
    /// <exception cref="AttributeException">No op or case has such a name.</exception>
    public static IReadOnlyList<(OpCase Case, Action Call)> Calls(BenchOptions options)
    {
        return [.. Select(options).Select(opCase => (opCase, Call(opCase, options.Device)))];

        static Action Call(OpCase opCase, Device device)
        {
            var inputs = CaseInputs
                .Draw(opCase, 0)
                .Select(drawn => drawn is null ? null : CaseInputs.Place(drawn, device))
                .ToArray();
            return () =>
            {
                using var frame = Lifetime.Frame();
                opCase.Op.ApplyAll(inputs, opCase.Attributes, device);
            };
        }
    }

    /// <summary>Rows as a JSON array of objects with the keys name, device, dtype, ms, gbps, gflops and threads.</summary>
    public static string ToJson(IReadOnlyList<BenchRow> rows) =>
        Json.Write(writer =>
        {
            writer.WriteStartArray();
            foreach (var row in rows)
            {
                writer.WriteStartObject();
                writer.WriteString("name", row.Name);
                writer.WriteString("device", row.Device);
                writer.WriteString("dtype", row.DType);
                writer.WriteNumber("ms", row.Ms);
                writer.WriteNumber("gbps", row.Gbps);
                writer.WriteNumber("gflops", row.Gflops);
                writer.WriteNumber("threads", row.Threads);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
        });

    /// <summary>Rows as a table of plain text.</summary>
    public static string ToText(IReadOnlyList<BenchRow> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var width = rows.Select(r => r.Name.Length).Append(4).Max();
        var text = new StringBuilder();
        text.AppendLine($"{"case".PadRight(width)}  {"ms", 10}  {"GB/s", 9}  {"GFLOP/s", 9}");
        foreach (var row in rows)
            text.AppendLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{row.Name.PadRight(width)}  {row.Ms, 10:F4}  {row.Gbps, 9:F2}  {row.Gflops, 9:F2}"
                )
            );
        return text.ToString();
    }

    private static double Significant(double value) =>
        double.Parse(value.ToString("G5", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    /// <summary>One case with its inputs in place.</summary>
    private sealed class Measurement
    {
        private readonly OpCase _case;
        private readonly Device _device;
        private readonly Tensor?[][] _inputs;
        private readonly List<double> _seconds = [];
        private readonly double _bytes;
        private readonly double _flops;
        private readonly int _calls;
        private int _next;

        public Measurement(OpCase opCase, BenchOptions options)
        {
            _case = opCase;
            _device = options.Device;
            var drawn = CaseInputs.Draw(opCase, 0);
            var bytes = drawn.Sum(d => d is null ? 0 : (long)d.Values.Length * d.DType.Size);
            var copies = _device.Name.StartsWith("cuda", StringComparison.Ordinal)
                ? (int)Math.Clamp(RotatedBytes / Math.Max(bytes, 1), 1, MostCopies)
                : 1;
            HeldBytes = bytes * copies;
            _inputs = new Tensor?[copies][];
            for (var i = 0; i < copies; i++)
                _inputs[i] = Array.ConvertAll(drawn, d => d is null ? null : CaseInputs.Place(d, _device));
            using (Lifetime.Frame())
            {
                var outputs = opCase.Op.ApplyAll(_inputs[0], opCase.Attributes, _device);
                var call = new OpCall(opCase.Op, _inputs[0], opCase.Attributes, outputs);
                (_bytes, _flops) = (opCase.Op.Bytes(call), opCase.Op.Flops(call));
            }
            // Warm up until the just-in-time compiler has its final code and the time of a call is known.
            var once = Time(3) / 3;
            var warm = Math.Clamp((int)(0.1 / Math.Max(once, 1e-7)), 1, 2000);
            once = Time(warm) / warm;
            _calls = Math.Max(1, (int)(options.SecondsPerCase / options.Rounds / Math.Max(once, 1e-7)));
        }

        public long HeldBytes { get; }

        public void Round() => _seconds.Add(Time(_calls) / _calls);

        private double Time(int calls)
        {
            _device.Synchronize();
            var watch = Stopwatch.StartNew();
            for (var i = 0; i < calls; i++)
            {
                using var frame = Lifetime.Frame();
                _case.Op.ApplyAll(_inputs[_next++ % _inputs.Length], _case.Attributes, _device);
            }
            _device.Synchronize();
            return watch.Elapsed.TotalSeconds;
        }

        public BenchRow Row()
        {
            var sorted = _seconds.Order().ToArray();
            var median = (sorted[sorted.Length / 2] + sorted[(sorted.Length - 1) / 2]) / 2;
            var threads = _device.Name.StartsWith("cuda", StringComparison.Ordinal) ? 0 : Environment.ProcessorCount;
            return new(
                _case.Name,
                _device.Name,
                _case.DType.Name,
                Significant(median * 1e3),
                Significant(_bytes / median / 1e9),
                Significant(_flops / median / 1e9),
                threads
            );
        }
    }
}
