using System.Globalization;
using System.Text;

namespace CudaNet.Verification;

/// <summary>What <see cref="MutationRunner"/> does.</summary>
public sealed record MutationOptions
{
    /// <summary>The clone's root; build/simt must be built there, and build/simt-race and build/simt-asan for what only they find.</summary>
    public required string Root { get; init; }

    /// <summary>The program that tries mutants: CudaNet.Cli.dll.</summary>
    public required string Program { get; init; }

    /// <summary>The kernel file, as a path below the root.</summary>
    public required string File { get; init; }

    /// <summary>Its mutants; null means all that can be found in its device code.</summary>
    public IReadOnlyList<Mutant>? Mutants { get; init; }

    /// <summary>Mutants that are tried at one time.</summary>
    public int Workers { get; init; } = 2;

    /// <summary>How many mutants are tried at most, chosen by a hash of what they are, so the same every time; 0 means all.</summary>
    public int Sample { get; init; }

    /// <summary>Begins nothing new after so many seconds; what is left counts as not tried. 0 means that there is no end.</summary>
    public int Seconds { get; init; }

    /// <summary>Where results are kept, by what they depend on, so that nothing is tried twice; null keeps none.</summary>
    public string? Results { get; init; }
}

/// <summary>How a mutant fared.</summary>
internal enum MutantOutcome
{
    /// <summary>Not known.</summary>
    Untried,

    /// <summary>The check found it.</summary>
    Killed,

    /// <summary>The check did not find it on simt; simt-asan and simt-race have not been asked.</summary>
    Left,

    /// <summary>The check did not find it in any build.</summary>
    Survived,

    /// <summary>It is no program.</summary>
    Uncompiled,
}

/// <summary>How the mutants of a file fared.</summary>
/// <param name="File">The kernel file.</param>
/// <param name="Found">How many mutants it has.</param>
/// <param name="Killed">Those that the check found.</param>
/// <param name="Uncompiled">Those that are no program; they do not count.</param>
/// <param name="Untried">Those outside of the sample, or of the time that there was.</param>
/// <param name="Explained">Those that it did not find and whose reason is listed: they compute the same.</param>
/// <param name="Survivors">Those that it did not find, without a reason.</param>
/// <param name="Stale">Those that the list explains although the check finds them.</param>
/// <param name="Seconds">The time that it took.</param>
public sealed record MutationSummary(
    string File,
    int Found,
    int Killed,
    int Uncompiled,
    int Untried,
    IReadOnlyList<Mutant> Explained,
    IReadOnlyList<Mutant> Survivors,
    IReadOnlyList<Mutant> Stale,
    double Seconds
)
{
    /// <summary>What a file's score is to be at least.</summary>
    public const double Wanted = 0.95;

    /// <summary>The part of the mutants that was found; those that compute the same cannot be.</summary>
    public double Score => Killed + Survivors.Count == 0 ? 1 : (double)Killed / (Killed + Survivors.Count);

    /// <summary>The numbers in one line.</summary>
    public string Line =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{File}: {Score:P1}: killed {Killed} of {Killed + Survivors.Count}, {Explained.Count} explained, {Uncompiled} no program, {Untried} of {Found} not tried; {Seconds:F0} s"
        );

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = new StringBuilder(Line);
        foreach (var mutant in Survivors)
            text.Append("\n  survived: ").Append(mutant);
        foreach (var mutant in Stale)
            text.Append("\n  explained, but found: ").Append(mutant);
        return text.ToString();
    }
}
