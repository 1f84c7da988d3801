using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace CudaNet.Verification;

/// <summary>
/// The process that tries mutants: one simt library that holds many, and the cases of some ops, whose inputs and expected results are kept. It is
/// told what to do line by line, and ends when a kernel crashes or takes too long, which its parent counts as found.
/// </summary>
public static unsafe class MutantServer
{
    /// <summary>The first line of all: the library is loaded.</summary>
    internal const string Ready = "ready";

    /// <summary>Serves until the input ends: lines <c>measure LIMIT</c> and <c>try MUTANT SCHEDULE GRID LIMIT RUN,RUN,…</c>, where a run is a case on a
    /// variant, by its place in the list of all, and LIMIT the milliseconds of processor time that it may take.</summary>
    /// <param name="ops">The ops, separated by commas.</param>
    /// <param name="kernels">Whose kernels run.</param>
    /// <param name="input">Where lines come from.</param>
    /// <param name="output">Where answers go.</param>
    /// <exception cref="DeviceException">The library that simt loaded holds no mutants.</exception>
    public static void Serve(string ops, KernelSource kernels, TextReader input, TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        var device = (NativeDevice)Device.Parse("simt");
        using var source = Engine.UseKernels(kernels);
        using var session = new Session(
            device,
            new CheckOptions
            {
                Device = device,
                Op = ops,
                AllVariants = true,
            }
        );
        output.WriteLine(Ready);
        output.Flush();
        while (input.ReadLine() is { } line)
        {
            var words = line.Split(' ');
            if (words[0] == "measure")
                session.Measure(Number(words[1]), output);
            else
                output.WriteLine(session.Try(words));
            output.Flush();
        }
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private sealed class Session : IDisposable
    {
        private readonly NativeDevice _device;
        private readonly delegate* unmanaged<int, void> _choose;
        private readonly delegate* unmanaged<byte*> _reached;
        private readonly List<(CaseExpectation Case, int Variant)> _runs;
        private readonly Watchdog _watchdog = new();

        public Session(NativeDevice device, CheckOptions options)
        {
            _device = device;
            var library = NativeLibrary.Load(device.Api.Path);
            if (!NativeLibrary.TryGetExport(library, KernelBuild.Choose, out var choose))
                throw new DeviceException($"{device.Api.Path} holds no mutants");
            _choose = (delegate* unmanaged<int, void>)choose;
            _reached = (delegate* unmanaged<byte*>)NativeLibrary.GetExport(library, KernelBuild.Reached);
            _runs =
            [
                .. from opCase in CheckRunner.Select(options)
                let expectation = new CaseExpectation(opCase, seed: 0)
                from variant in CheckRunner.Variants(options, opCase.Op)
                select (expectation, variant),
            ];
        }

        /// <summary>Writes for each run that is not refused: how long it takes without a mutant, and which mutants it comes to.</summary>
        public void Measure(int limit, TextWriter output)
        {
            for (var i = 0; i < _runs.Count; i++)
            {
                var expectation = _runs[i].Case;
                var before = expectation.Seconds;
                var result = Run(i, mutant: 0, schedule: 0, grid: 0, limit);
                if (result.Refused is not null)
                    continue;
                if (!result.Passed)
                {
                    output.WriteLine($"wrong {result.ToString().ReplaceLineEndings(" ")}");
                    return;
                }
                var milliseconds = 1000 * Math.Max(0, result.Seconds - (expectation.Seconds - before));
                output.WriteLine(
                    FormattableString.Invariant($"run {i} {milliseconds:F3} {Convert.ToHexString(Bits())}")
                );
            }
            output.WriteLine("measured");
        }

        /// <summary>Runs the cases in the order given, until one fails. If it then fails without the mutant as well, an earlier mutant has
        /// damaged this process.</summary>
        public string Try(string[] words)
        {
            var (mutant, schedule, grid, limit) = (
                Number(words[1]),
                Number(words[2]),
                Number(words[3]),
                Number(words[4])
            );
            foreach (var run in words[5].Split(',').Select(Number))
                if (!Run(run, mutant, schedule, grid, limit).Passed)
                    return Run(run, 0, schedule, grid, limit).Passed ? $"killed {run}" : $"damaged {run}";
            return "survived";
        }

        private CaseResult Run(int run, int mutant, int schedule, int grid, int limit)
        {
            var simt = new SimtOptions(Workers: 1, ScheduleSeed: schedule, LargestGrid: grid);
            CheckRunner.Configure(_device, simt);
            using var watched = _watchdog.Watch(limit);
            _choose(mutant);
            try
            {
                // Shuffled, the kernel runs twice: a sum whose order is open gives other bits.
                var repeats = schedule == 0 ? 0 : 1;
                return Checker.Run(_runs[run].Case, _device, _runs[run].Variant, gradients: false, repeats);
            }
            finally
            {
                Settle();
            }
        }

        /// <summary>Takes what else a failed launch has left to be reported.</summary>
        private void Settle()
        {
            try
            {
                _device.Synchronize();
            }
            catch (CudaNetException) { }
        }

        private byte[] Bits()
        {
            var bits = new byte[KernelBuild.MostMutants / 8 + 1];
            var reached = _reached();
            for (var i = 0; i <= KernelBuild.MostMutants; i++)
                bits[i / 8] |= (byte)(reached[i] << (i % 8));
            return bits;
        }

        public void Dispose() => _watchdog.Dispose();
    }

    /// <summary>Ends the process when something takes too much of the processor, or waits for ever. By processor time, so that a busy machine finds no
    /// mutants.</summary>
    private sealed class Watchdog : IDisposable
    {
        private const int Milliseconds = 100;
        private const int Waiting = 60; // how many times longer by the clock

        private readonly Timer _timer;
        private readonly Lock _lock = new();
        private TimeSpan _processorEnd;
        private long _clockEnd;
        private bool _watching;

        public Watchdog() => _timer = new(_ => Look(), null, Milliseconds, Milliseconds);

        public IDisposable Watch(int milliseconds)
        {
            lock (_lock)
            {
                _processorEnd = Environment.CpuUsage.TotalTime + TimeSpan.FromMilliseconds(milliseconds);
                _clockEnd = Environment.TickCount64 + (long)Waiting * milliseconds;
                _watching = true;
            }
            return new Watched(this);
        }

        private void Look()
        {
            lock (_lock)
                if (
                    _watching && (Environment.CpuUsage.TotalTime > _processorEnd || Environment.TickCount64 > _clockEnd)
                )
                    Process.GetCurrentProcess().Kill();
        }

        public void Dispose() => _timer.Dispose();

        private sealed class Watched(Watchdog watchdog) : IDisposable
        {
            public void Dispose()
            {
                lock (watchdog._lock)
                    watchdog._watching = false;
            }
        }
    }
}
