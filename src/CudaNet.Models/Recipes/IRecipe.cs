using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>Something that can be trained from the command line: data, network, step and the numbers by which it is judged.</summary>
public interface IRecipe
{
    /// <summary>What it is called on the command line.</summary>
    string Name { get; }

    /// <summary>One sentence.</summary>
    string Description { get; }

    /// <summary>What can be chosen, with defaults.</summary>
    IReadOnlyList<RecipeOption> Options { get; }

    /// <summary>Loads the data and builds the network on the default device. Nothing is written.</summary>
    /// <param name="options">What was chosen.</param>
    /// <param name="loadData">False to load the data only when they are needed, as for a trained network that is given other ones.</param>
    /// <exception cref="RecipeOptionException">A value is out of range.</exception>
    /// <exception cref="FileNotFoundException">The data are not there.</exception>
    IPreparedRecipe Prepare(RecipeOptions options, bool loadData = true);
}

/// <summary>
/// A recipe with its data and its network, ready to train. One that has something to show implements
/// <see cref="Reporting.IReportSections"/> too, and one whose network can be tried <see cref="ISampler"/>.
/// </summary>
public interface IPreparedRecipe
{
    /// <summary>What is trained on what, in one line.</summary>
    string Description { get; }

    /// <summary>Parameters of the network.</summary>
    long ParameterCount { get; }

    /// <summary>Gives the network the weights of a run's checkpoint.</summary>
    /// <exception cref="CheckpointException">There is no checkpoint, or it is damaged or of another network.</exception>
    void Restore(RunFolder folder);

    /// <summary>Trains, and at the end evaluates on the test set.</summary>
    /// <returns>The numbers by which the run is judged, or null when it was asked to stop before the end.</returns>
    IReadOnlyDictionary<string, double>? Run(RecipeRun run);
}

/// <summary>Where a recipe trains.</summary>
/// <param name="Folder">Receives metrics and checkpoints.</param>
/// <param name="Resume">Whether to continue from the folder's checkpoint.</param>
/// <param name="Observer">Is told how it goes.</param>
/// <param name="Stop">Asks to stop after the step at hand.</param>
public sealed record RecipeRun(
    RunFolder Folder,
    bool Resume = false,
    ITrainingObserver? Observer = null,
    CancellationToken Stop = default
);
