using System.Text.Json.Nodes;
using CudaNet.Models;

namespace CudaNet.Cli.Commands;

/// <summary><c>cudanet recipes</c>: what can be trained.</summary>
internal static class RecipesCommand
{
    public static CliCommand Create(CliConsole console)
    {
        var json = CliOptions.Json();
        var command = new CliCommand("recipes", "List what can be trained, with the options of each.") { json };
        command.SetAction(parsed => Run(console, parsed.GetValue(json)));
        return command;
    }

    private static int Run(CliConsole console, bool json)
    {
        if (json)
        {
            Json.Print(console, Json.Array(RecipeRegistry.All.Select(Describe)));
            return ExitCode.Ok;
        }
        foreach (var recipe in RecipeRegistry.All)
        {
            console.Out.WriteLine($"{recipe.Name, -10} {recipe.Description}");
            foreach (var option in recipe.Options)
                console.Out.WriteLine($"{"", -10}   --{option.Name, -12} {option.Explanation}");
        }
        return ExitCode.Ok;
    }

    private static JsonObject Describe(IRecipe recipe) =>
        new()
        {
            ["name"] = recipe.Name,
            ["description"] = recipe.Description,
            ["options"] = Json.Array(
                recipe.Options.Select(option => new JsonObject
                {
                    ["name"] = option.Name,
                    ["description"] = option.Description,
                    ["default"] = option.Default,
                })
            ),
        };
}
