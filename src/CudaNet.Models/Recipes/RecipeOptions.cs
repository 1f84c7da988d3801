using System.Globalization;

namespace CudaNet.Models;

/// <summary>An option of a recipe has a value that it cannot have; the message says what was expected.</summary>
public sealed class RecipeOptionException(string message) : CudaNetException(message);

/// <summary>Something that can be chosen about a recipe.</summary>
/// <param name="Name">As on the command line, without dashes.</param>
/// <param name="ValueName">What stands for the value in help.</param>
/// <param name="Default">The default as text; null when there is none.</param>
/// <param name="Description">One sentence.</param>
public sealed record RecipeOption(string Name, string ValueName, string? Default, string Description)
{
    /// <summary>Description and default.</summary>
    public string Explanation => Default is null ? Description : $"{Description} [default: {Default}]";
}

/// <summary>The values chosen for a recipe; what is not chosen has its default.</summary>
public sealed class RecipeOptions
{
    private readonly IRecipe _recipe;
    private readonly Dictionary<string, string> _given;

    /// <summary>Values as text by option name.</summary>
    /// <exception cref="RecipeOptionException">The recipe has no such option.</exception>
    public RecipeOptions(IRecipe recipe, IEnumerable<KeyValuePair<string, string>> given)
    {
        _recipe = recipe;
        _given = new(given, StringComparer.Ordinal);
        var known = recipe.Options.Select(option => option.Name).ToList();
        foreach (var name in _given.Keys.Except(known))
            throw new RecipeOptionException(
                $"the recipe {recipe.Name} has no option --{name}; {Suggestions.For(name, known)}it has {string.Join(", ", known.Select(k => $"--{k}"))}"
            );
    }

    /// <summary>Every option that has a value, given or by default.</summary>
    public IEnumerable<KeyValuePair<string, string>> Values =>
        from option in _recipe.Options
        let value = TextOrNull(option.Name)
        where value is not null
        select KeyValuePair.Create(option.Name, value);

    /// <summary>A text, or null when there is neither a value nor a default.</summary>
    public string? TextOrNull(string name) =>
        _given.GetValueOrDefault(name) ?? _recipe.Options.First(option => option.Name == name).Default;

    /// <summary>A whole number.</summary>
    /// <exception cref="RecipeOptionException">It is none, or out of range.</exception>
    public int Int(string name, int minimum = 1, int maximum = int.MaxValue) => (int)Long(name, minimum, maximum);

    /// <summary>A whole number, or null when there is neither a value nor a default.</summary>
    /// <exception cref="RecipeOptionException">It is none, or out of range.</exception>
    public int? IntOrNull(string name, int minimum = 1) => TextOrNull(name) is null ? null : Int(name, minimum);

    /// <summary>A whole number of 64 bits.</summary>
    /// <exception cref="RecipeOptionException">It is none, or out of range.</exception>
    public long Long(string name, long minimum, long maximum = long.MaxValue) =>
        long.TryParse(TextOrNull(name), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
        && value >= minimum
        && value <= maximum
            ? value
            : throw Bad(
                name,
                maximum is int.MaxValue or long.MaxValue
                    ? $"a whole number of at least {minimum}"
                    : $"a whole number from {minimum} to {maximum}"
            );

    /// <summary>A positive number.</summary>
    /// <exception cref="RecipeOptionException">It is none.</exception>
    public double Positive(string name) =>
        double.TryParse(TextOrNull(name), NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
        && double.IsFinite(value)
        && value > 0
            ? value
            : throw Bad(name, "a positive number such as 0.001");

    private RecipeOptionException Bad(string name, string expected) =>
        new($"--{name} {TextOrNull(name)}: expected {expected}");
}
