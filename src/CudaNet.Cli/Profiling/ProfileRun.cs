using CudaNet.Models;
using CudaNet.Training;
using CudaNet.Verification;

namespace CudaNet.Cli.Profiling;

/// <summary>What is run while times are taken: some steps to warm up, then those that count, within a range of their own.</summary>
/// <param name="Device">Where.</param>
/// <param name="Steps">Steps that count.</param>
/// <param name="Warmup">Steps before.</param>
/// <param name="Ops">Whether to time each op; otherwise only ranges are opened, for another profiler.</param>
internal sealed record ProfileRun(Device Device, int Steps, int Warmup, bool Ops)
{
    /// <summary>Trains a recipe, in a folder that is thrown away.</summary>
    /// <exception cref="UsageException">The recipe ends before there were enough steps.</exception>
    public ProfileResult Recipe(IRecipe recipe, IReadOnlyDictionary<string, string> given)
    {
        using var isDefault = Device.AsDefault();
        var prepared = recipe.Prepare(new RecipeOptions(recipe, given));
        var folder = Directory.CreateTempSubdirectory("cudanet-profile-");
        using var stop = new CancellationTokenSource();
        using var recording = Profiler.Record(Ops);
        var whole = Warmup == 0 ? Profiler.Range(ProfileResult.Whole) : default;
        var done = 0;
        recording.RangeClosed += span =>
        {
            if (span.Name != Trainer.StepRange || stop.IsCancellationRequested)
                return;
            done++;
            if (done == Warmup)
                whole = Begin(recording);
            if (done != Warmup + Steps)
                return;
            End(recording, whole);
            stop.Cancel();
        };
        try
        {
            prepared.Run(new RecipeRun(RunFolder.CreateAt(folder.FullName), Stop: stop.Token));
        }
        finally
        {
            if (!stop.IsCancellationRequested)
                whole.Dispose();
            folder.Delete(recursive: true);
        }
        return done >= Warmup + Steps
            ? new(recipe.Name, Device, Steps, Warmup, recording.Spans)
            : throw new UsageException(
                $"profile {recipe.Name}: the run ended after {done} steps, {Warmup + Steps} are needed; ask for fewer with --steps and --warmup, or for more epochs"
            );
    }

    /// <summary>Calls ops on the inputs of their benchmark cases.</summary>
    /// <exception cref="AttributeException">No op or case has such a name.</exception>
    public ProfileResult Cases(string? pattern, string? name)
    {
        using var noGrad = Autograd.NoGrad();
        using var frame = Lifetime.Frame();
        var calls = BenchRunner.Calls(
            new BenchOptions
            {
                Device = Device,
                Op = pattern,
                Case = name,
            }
        );
        foreach (var (_, call) in calls)
            for (var i = 0; i < Warmup; i++)
                call();
        Device.Synchronize();
        using var recording = Profiler.Record(Ops);
        var whole = Profiler.Range(ProfileResult.Whole);
        foreach (var (opCase, call) in calls)
        {
            using var range = Profiler.Range(opCase.Name);
            for (var i = 0; i < Steps; i++)
                call();
        }
        End(recording, whole);
        return new(name ?? pattern!, Device, Steps, Warmup, recording.Spans);
    }

    private ProfilerRange Begin(ProfileRecording recording)
    {
        Device.Synchronize();
        recording.Clear();
        return Profiler.Range(ProfileResult.Whole);
    }

    private void End(ProfileRecording recording, ProfilerRange whole)
    {
        // What is still under way on a GPU belongs to the steps that are recorded.
        Device.Synchronize();
        whole.Dispose();
        recording.Dispose();
    }
}
