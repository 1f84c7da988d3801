using System.Text.Json.Nodes;
using CudaNet.IO;

namespace CudaNet.Models;

/// <summary>A prepared recipe whose trained network can show what it does: generate, or judge what it is given.</summary>
public interface ISampler
{
    /// <summary>Samples one after the other, each as soon as it is there.</summary>
    /// <exception cref="RecipeOptionException">The recipe reads no input, or the request cannot be met.</exception>
    /// <exception cref="CorruptFileException">The input is not what the recipe reads.</exception>
    IEnumerable<Sample> Sample(SampleRequest request);
}

/// <summary>What to sample.</summary>
/// <param name="Count">How many samples; null leaves it to the recipe.</param>
/// <param name="Seed">Chooses what is drawn.</param>
/// <param name="Input">A file to work on, or null.</param>
public sealed record SampleRequest(int? Count = null, ulong Seed = 0, string? Input = null);

/// <summary>What a network made of one thing, or made up.</summary>
/// <param name="Text">For people, one line.</param>
/// <param name="Picture">What it looks like, or null. The samples of a request have pictures of one size.</param>
/// <param name="Values">For programs.</param>
public sealed record Sample(string Text, Picture? Picture, JsonObject Values);
