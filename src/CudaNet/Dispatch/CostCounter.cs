namespace CudaNet;

/// <summary>
/// Counts what the ops cost that run until it is disposed, by the formulas of <see cref="Op.Flops"/> and <see cref="Op.Bytes"/>, on whatever
/// device. Counters nest: the inner one's ops count in the outer one, too.
/// </summary>
/// <example><code>
/// using var cost = CostCounter.Start();
/// model.Call(x);
/// Console.WriteLine(cost.Flops);
/// </code></example>
public sealed class CostCounter : IDisposable
{
    private readonly CostCounter? _outer;
    private readonly SortedDictionary<string, OpCost> _byOp = new(StringComparer.Ordinal);
    private StateScope _scope;

    private CostCounter()
    {
        _outer = EngineState.Current.Costs;
        _scope = EngineState.Enter(EngineState.Current with { Costs = this });
    }

    /// <summary>Begins to count.</summary>
    public static CostCounter Start() => new();

    /// <summary>Floating operations so far; a fused multiply-add counts 2.</summary>
    public double Flops { get; private set; }

    /// <summary>Bytes that had to be read and written once each.</summary>
    public double Bytes { get; private set; }

    /// <summary>The same by op.</summary>
    public IReadOnlyDictionary<string, OpCost> ByOp => _byOp;

    internal void Add(in OpCall call)
    {
        var (flops, bytes) = (call.Op.Flops(call), call.Op.Bytes(call));
        for (var counter = this; counter is not null; counter = counter._outer)
            counter.Add(call.Op.Name, flops, bytes);
    }

    private void Add(string op, double flops, double bytes)
    {
        Flops += flops;
        Bytes += bytes;
        var sum = _byOp.GetValueOrDefault(op);
        _byOp[op] = new(sum.Calls + 1, sum.Flops + flops, sum.Bytes + bytes);
    }

    /// <summary>Ends the counting; the numbers stay.</summary>
    public void Dispose() => _scope.Dispose();
}

/// <summary>What the calls of one op cost together.</summary>
/// <param name="Calls">How often it ran.</param>
/// <param name="Flops">Floating operations.</param>
/// <param name="Bytes">Bytes read and written.</param>
public readonly record struct OpCost(long Calls, double Flops, double Bytes);
