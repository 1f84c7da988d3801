namespace CudaNet.Training;

/// <summary>
/// Writes what metrics.jsonl has, and the scalars of every step, into a file that TensorBoard shows: <c>tensorboard --logdir runs</c>. Tags are
/// <c>step/loss</c> and <c>epoch/loss</c>; the axis counts steps. A resumed run goes on in its file.
/// </summary>
public sealed class TensorBoardEvents(RunFolder folder) : TrainingCallback
{
    // The time in the name is TensorBoard's convention; it sorts the files of a folder by it.
    private string _name = $"events.out.tfevents.{DateTimeOffset.UtcNow.ToUnixTimeSeconds()}.cudanet";
    private EventFile? _file;

    /// <summary>The file; it is made when there is something to write.</summary>
    public string Path => System.IO.Path.Combine(folder.Path, _name);

    /// <inheritdoc/>
    public override void OnScalars(long step, IReadOnlyList<(string Name, double Value)> values) =>
        Append("step", step, values);

    /// <inheritdoc/>
    public override void OnEpochEnd(TrainingProgress progress) => Append("epoch", progress.Step, progress.Metrics);

    /// <inheritdoc/>
    public override void SaveState(TrainingState state)
    {
        state.Add("file", _name);
        state.Add("length", new FileInfo(Path) is { Exists: true } file ? file.Length : 0);
    }

    /// <inheritdoc/>
    public override void LoadState(TrainingState state)
    {
        _name = state.Text("file");
        if (_name != System.IO.Path.GetFileName(_name))
            throw new CheckpointException(
                $"the checkpoint names '{_name}' for events, which is no file of its run's folder"
            );
        _file = null;
        if (File.Exists(Path))
            EventFile.Cut(Path, state.Integer("length"));
    }

    private void Append(string group, long step, IReadOnlyList<(string Name, double Value)> values) =>
        (_file ??= new EventFile(Path)).Append(step, values.Select(value => ($"{group}/{value.Name}", value.Value)));
}
