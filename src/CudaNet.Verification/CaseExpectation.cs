using System.Diagnostics;

namespace CudaNet.Verification;

/// <summary>
/// The inputs of one case, and what the textbook loop makes of them: drawn and evaluated once, however often and on whatever variant the
/// kernel then runs.
/// </summary>
internal sealed class CaseExpectation(OpCase opCase, long seed)
{
    private readonly Stopwatch _watch = new();
    private DrawnInput?[]? _drawn;
    private (ReferenceTensor?[] Inputs, ReferenceTensor?[] Outputs)? _evaluated;

    public OpCase Case => opCase;
    public long Seed => seed;
    public DrawnInput?[] Drawn => _drawn ??= Timed(() => CaseInputs.Draw(opCase, seed));

    /// <summary>What drawing and evaluating have taken.</summary>
    public double Seconds => _watch.Elapsed.TotalSeconds;

    /// <summary>Inputs and outputs after the textbook loop; the first call's outputs tell their shapes and dtypes.</summary>
    public (ReferenceTensor?[] Inputs, ReferenceTensor?[] Outputs) Evaluate(ReferenceTensor?[] like) =>
        _evaluated ??= Timed(() => Checker.Evaluate(opCase.Op, opCase.Attributes, Drawn, like));

    private T Timed<T>(Func<T> work)
    {
        _watch.Start();
        try
        {
            return work();
        }
        finally
        {
            _watch.Stop();
        }
    }
}
