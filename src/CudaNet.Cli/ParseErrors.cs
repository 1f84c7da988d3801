using System.CommandLine;

namespace CudaNet.Cli;

/// <summary>What was wrong with the words of a command, as one sentence that names what was expected.</summary>
internal static class ParseErrors
{
    public static string Describe(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var path = PathOf(parsed);
        // An unknown word is the cause; that something else is then missing is only its consequence.
        if (parsed.UnmatchedTokens is [var word, ..])
            return Unknown(command, path, word);
        return $"{parsed.Errors[0].Message.TrimEnd('.')} (see {path} --help)";
    }

    private static string Unknown(Command command, string path, string word)
    {
        if (word.StartsWith('-') && word.Length > 1)
        {
            var name = word.Split('=')[0];
            var options = OptionNames(command);
            return $"{path} has no option '{name}'; {Suggestions.For(name, options)}expected {string.Join(", ", options)}";
        }
        if (command.Subcommands.Count == 0)
            return $"{path}: '{word}' is one word too many (see {path} --help)";
        var kind =
            command is RootCommand ? "verb"
            : command.Name == "train" ? "recipe"
            : $"{command.Name} command";
        var names = command.Subcommands.Select(c => c.Name).ToList();
        return $"there is no {kind} '{word}'; {Suggestions.For(word, names)}expected one of {string.Join(", ", names)}";
    }

    private static List<string> OptionNames(Command command)
    {
        var names = command.Options.Select(option => option.Name).ToList();
        foreach (var parent in command.Parents.OfType<Command>())
            names.AddRange(parent.Options.Where(option => option.Recursive).Select(option => option.Name));
        return [.. names.Distinct()];
    }

    private static string PathOf(ParseResult parsed)
    {
        var words = new List<string>();
        for (
            var result = parsed.CommandResult;
            result is not null;
            result = result.Parent as System.CommandLine.Parsing.CommandResult
        )
            words.Add(result.Command is RootCommand ? "cudanet" : result.Command.Name);
        words.Reverse();
        return string.Join(' ', words);
    }
}
