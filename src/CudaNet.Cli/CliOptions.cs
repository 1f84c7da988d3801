using System.CommandLine;
using System.Globalization;
using System.Numerics;

namespace CudaNet.Cli;

/// <summary>The options that several verbs share, spelled and explained in one way.</summary>
internal static class CliOptions
{
    public static Option<bool> Json() => new("--json") { Description = "Print one JSON document instead of text." };

    public static Option<string> Device() =>
        new("--device", "-d")
        {
            Description = "Where to run: cpu, simt (the CUDA kernels on the CPU) or cuda:N.",
            HelpName = "DEVICE",
            DefaultValueFactory = _ => "cpu",
        };

    /// <summary>A number with a default and a least value.</summary>
    public static Option<T> Number<T>(string name, string valueName, string description, T otherwise, T minimum)
        where T : struct, INumber<T> =>
        new(name)
        {
            Description = description,
            HelpName = valueName,
            DefaultValueFactory = _ => otherwise,
            CustomParser = result =>
            {
                var text = result.Tokens[0].Value;
                if (T.TryParse(text, CultureInfo.InvariantCulture, out var value) && value >= minimum)
                    return value;
                result.AddError($"{name} {text}: expected a number of at least {minimum}");
                return default;
            },
        };

    /// <summary>What was given as KEY=VALUE, each key once.</summary>
    /// <exception cref="UsageException">A text has no value, or a key comes twice; the message names the verb and the option.</exception>
    public static Dictionary<string, string> Pairs(string verb, string option, IEnumerable<string> texts)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var text in texts)
        {
            var equals = text.IndexOf('=');
            if (equals <= 0)
                throw new UsageException($"{verb}: {option} '{text}' has no value; expected {option} KEY=VALUE");
            if (!values.TryAdd(text[..equals], text[(equals + 1)..]))
                throw new UsageException($"{verb}: {option} {text[..equals]} is given twice");
        }
        return values;
    }

    /// <summary>The device that was named.</summary>
    /// <exception cref="UsageException">There is no such device; the message lists those that there are.</exception>
    public static Device Open(string name)
    {
        try
        {
            return CudaNet.Device.Parse(name);
        }
        catch (DeviceException e)
        {
            var available = Diagnostics.Devices().Where(device => device.IsAvailable).Select(device => device.Name);
            throw new UsageException($"--device {name}: {e.Message}. Available here: {string.Join(", ", available)}");
        }
    }
}
