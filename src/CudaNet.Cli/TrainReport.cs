using System.Globalization;
using CudaNet.Reporting;
using CudaNet.Training;
using Spectre.Console;

namespace CudaNet.Cli;

/// <summary>Shows how a run goes: a bar on a terminal, a line per epoch elsewhere.</summary>
internal abstract class TrainReport(CliConsole console) : ITrainingObserver
{
    protected CliConsole Console => console;

    public static TrainReport For(CliConsole console) =>
        console.IsTerminal ? new TerminalReport(console) : new PlainReport(console);

    public void Begin(string description) => console.Out.WriteLine(description);

    public abstract T Run<T>(Func<ITrainingObserver, T> body);

    public abstract void OnProgress(TrainingProgress progress);

    public abstract void OnEpoch(TrainingProgress progress);

    protected static string Describe(TrainingProgress progress)
    {
        var metrics = progress.Metrics.Select(metric =>
            $"{Numbers.Words(metric.Name)} {(Numbers.IsShare(metric.Name) ? Numbers.Percent(metric.Value) : metric.Value.ToString("F4", CultureInfo.InvariantCulture))}"
        );
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{string.Join("  ", metrics)}  {progress.ItemsPerSecond:N0} images/s"
        );
    }

    protected static string EpochLine(TrainingProgress progress)
    {
        var width = progress.Epochs.ToString(CultureInfo.InvariantCulture).Length;
        var number = progress.Epoch.ToString(CultureInfo.InvariantCulture).PadLeft(width);
        return $"epoch {number}/{progress.Epochs}  {Describe(progress)}";
    }

    private sealed class PlainReport(CliConsole console) : TrainReport(console)
    {
        public override T Run<T>(Func<ITrainingObserver, T> body) => body(this);

        public override void OnProgress(TrainingProgress progress) { }

        public override void OnEpoch(TrainingProgress progress) => Console.Out.WriteLine(EpochLine(progress));
    }

    private sealed class TerminalReport(CliConsole console) : TrainReport(console)
    {
        private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(100);

        private readonly IAnsiConsole _terminal = AnsiConsole.Create(
            new AnsiConsoleSettings { Out = new AnsiConsoleOutput(console.Out) }
        );
        private ProgressTask? _task;
        private long _shown;

        public override T Run<T>(Func<ITrainingObserver, T> body) =>
            _terminal
                .Progress()
                .AutoClear(true)
                .Columns(
                    new TaskDescriptionColumn { Alignment = Justify.Left },
                    new ProgressBarColumn { Width = 24 },
                    new PercentageColumn(),
                    new RemainingTimeColumn()
                )
                .Start(context =>
                {
                    _task = context.AddTask("starting");
                    return body(this);
                });

        public override void OnProgress(TrainingProgress progress)
        {
            var now = Environment.TickCount64;
            if (_task is null || now - _shown < Refresh.TotalMilliseconds)
                return;
            _shown = now;
            _task.MaxValue = progress.Epochs * progress.Batches;
            _task.Value = progress.Step;
            _task.Description = Markup.Escape(EpochLine(progress));
        }

        // Written above the bar, which moves on below.
        public override void OnEpoch(TrainingProgress progress) => _terminal.WriteLine(EpochLine(progress));
    }
}
