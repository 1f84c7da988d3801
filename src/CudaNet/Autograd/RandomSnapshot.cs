namespace CudaNet;

/// <summary>What the random generators that a segment uses stood at, so that a second run of it draws the same numbers.</summary>
internal sealed class RandomSnapshot
{
    private readonly List<(IRandomState Generator, long Position)> _positions = [];

    /// <summary>Supplied by the generators, which lie above the graph.</summary>
    public static Func<IEnumerable<IRandomState>> Generators { get; set; } = () => [];

    public static RandomSnapshot Take()
    {
        var snapshot = new RandomSnapshot();
        foreach (var generator in Generators())
            snapshot._positions.Add((generator, generator.Position));
        return snapshot;
    }

    /// <summary>Winds the generators back until the scope is disposed, which puts them where they were.</summary>
    public Scope Replay()
    {
        var now = Take();
        Restore();
        return new Scope(now);
    }

    private void Restore()
    {
        foreach (var (generator, position) in _positions)
            generator.Position = position;
    }

    internal readonly struct Scope(RandomSnapshot before) : IDisposable
    {
        public void Dispose() => before.Restore();
    }
}

/// <summary>A random generator as the graph sees it: a position that can be set.</summary>
internal interface IRandomState
{
    long Position { get; set; }
}
