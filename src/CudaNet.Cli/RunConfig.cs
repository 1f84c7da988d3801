using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using CudaNet.IO;
using CudaNet.Models;
using CudaNet.Training;

namespace CudaNet.Cli;

/// <summary>What <c>config.json</c> of a run says: what is trained, how, and where.</summary>
/// <param name="Recipe">The recipe's name.</param>
/// <param name="Options">Its options, defaults included.</param>
/// <param name="Device">The device that it was begun on.</param>
internal sealed record RunConfig(string Recipe, Dictionary<string, string> Options, string Device)
{
    public static void Write(RunFolder folder, IRecipe recipe, RecipeOptions values, Device device)
    {
        var chosen = new JsonObject();
        foreach (var (name, value) in values.Values)
            chosen[name] = value;
        folder.WriteConfig(
            new JsonObject
            {
                ["recipe"] = recipe.Name,
                ["device"] = device.Name,
                ["version"] = EngineVersion.Text,
                ["options"] = chosen,
                ["environment"] = new JsonObject
                {
                    [".NET"] = $"{RuntimeInformation.FrameworkDescription} ({RuntimeInformation.RuntimeIdentifier})",
                    ["system"] = RuntimeInformation.OSDescription,
                    ["processor"] = $"{Environment.ProcessorCount} cores, vectors: {Diagnostics.VectorInstructions}",
                },
            }
        );
    }

    /// <summary>A run that was begun before, with what it trains.</summary>
    /// <exception cref="RunFolderException">There is no such folder, or it is no run's.</exception>
    /// <exception cref="CorruptFileException">Its config.json is damaged.</exception>
    /// <exception cref="RecipeOptionException">It is of a recipe or has options that are not known here.</exception>
    public static (RunFolder Folder, IRecipe Recipe, RecipeOptions Options) Open(string path)
    {
        var folder = RunFolder.Open(path);
        var config = Read(folder);
        var recipe = RecipeRegistry.Find(config.Recipe);
        return (folder, recipe, new RecipeOptions(recipe, config.Options));
    }

    /// <exception cref="CorruptFileException">The file is damaged.</exception>
    public static RunConfig Read(RunFolder folder)
    {
        var config = folder.ReadConfig();
        if (
            config["recipe"] is not JsonValue name
            || config["options"] is not JsonObject stored
            || config["device"] is not JsonValue device
        )
            throw new CorruptFileException(
                Path.Combine(folder.Path, "config.json"),
                "document",
                "recipe, device and options",
                "something else"
            );
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (option, value) in stored)
            if (value is not null)
                values[option] = value.ToString();
        return new(name.ToString(), values, device.ToString());
    }
}
