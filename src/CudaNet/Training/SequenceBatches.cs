using CudaNet.Random;

namespace CudaNet.Training;

/// <summary>Pieces of a text, with what comes next.</summary>
/// <param name="Inputs">(count, length) i64 tokens.</param>
/// <param name="Targets">(count, length) i64: the token after each of the inputs.</param>
public sealed record SequenceBatch(Tensor Inputs, Tensor Targets) : IBatch
{
    /// <inheritdoc/>
    public int Count => (int)Inputs.Shape[0];
}

/// <summary>Pieces of a text on the host.</summary>
public sealed class HostSequences
{
    internal HostSequences(int tokens) => (Inputs, Targets) = (new long[tokens], new long[tokens]);

    internal long[] Inputs { get; }

    internal long[] Targets { get; }
}

/// <summary>
/// Cuts a sequence of tokens into batches of pieces that begin anywhere, for language models. Where a piece begins is drawn from (seed, epoch) and its place; an epoch has as many
/// pieces as lie side by side in the text.
/// </summary>
public sealed class SequenceBatches : BatchSource<HostSequences, SequenceBatch>
{
    private readonly int[] _tokens;
    private readonly ulong _seed;

    /// <summary>Batches of a text.</summary>
    /// <param name="tokens">The text, longer than a piece.</param>
    /// <param name="length">Tokens per piece, at least 1.</param>
    /// <param name="batchSize">Pieces per batch; all batches have as many.</param>
    /// <param name="seed">What the beginnings are drawn from.</param>
    /// <exception cref="ArgumentException">The text is too short, or a number is out of range.</exception>
    public SequenceBatches(int[] tokens, int length, int batchSize, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        if (tokens.Length <= length)
            throw new ArgumentException(
                $"a text of {tokens.Length} tokens has no piece of {length} with a next token",
                nameof(tokens)
            );
        (_tokens, _seed, Length, BatchSize) = (tokens, seed, length, batchSize);
    }

    /// <summary>Tokens per piece.</summary>
    public int Length { get; }

    /// <summary>Pieces per batch.</summary>
    public int BatchSize { get; }

    /// <inheritdoc/>
    public override int Count => Math.Max(1, (_tokens.Length - 1) / Length / BatchSize);

    /// <inheritdoc/>
    protected override HostSequences Allocate() => new(BatchSize * Length);

    /// <inheritdoc/>
    protected override void Prepare(long epoch, int index, HostSequences host)
    {
        var random = new PhiloxStream(_seed, (ulong)(epoch * Count + index));
        for (var i = 0; i < BatchSize; i++)
        {
            var start = random.NextInt(_tokens.Length - Length);
            for (var t = 0; t < Length; t++)
            {
                host.Inputs[i * Length + t] = _tokens[start + t];
                host.Targets[i * Length + t] = _tokens[start + t + 1];
            }
        }
    }

    /// <inheritdoc/>
    protected override SequenceBatch Upload(HostSequences host)
    {
        var shape = new Shape(BatchSize, Length);
        return new(Tensor.From<long>(host.Inputs, shape), Tensor.From<long>(host.Targets, shape));
    }
}
