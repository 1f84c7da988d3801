using CudaNet.Verification;

namespace CudaNet.Tests.Verification;

/// <summary>
/// Whether the checks are sharp: a term too few or too many in a reduction is beyond the tolerance in at least one case of each
/// dtype, and kernels with planted mistakes are caught.
/// </summary>
[TestFixture]
public sealed class SensitivityTests
{
    // The inputs whose elements are terms of the output's reductions.
    private static readonly (string Op, int Input)[] s_reductions =
    [
        ("sum", 0),
        ("mean", 0),
        ("matmul", 0),
        ("layer_norm", 0),
        ("rms_norm", 0),
        ("group_norm", 0),
        ("conv_transpose2d", 0),
        ("upsample_bilinear2d", 0),
    ];

    public static IEnumerable<TestCaseData> Reductions =>
        from reduction in s_reductions
        where Registry.All.Any(op => op.Name == reduction.Op)
        from dtype in DTypes.All.Where(d => d.IsFloating)
        from factor in new[] { 0.0, 2.0 }
        select new TestCaseData(reduction.Op, reduction.Input, dtype, factor).SetArgDisplayNames(
            reduction.Op,
            dtype.Name,
            factor == 0 ? "dropped" : "doubled"
        );

    [TestCaseSource(nameof(Reductions))]
    public void OneTermMatters(string name, int input, DType dtype, double factor)
    {
        var op = Registry.Find(name);
        var cases = op.Cases().Where(c => c.DType == dtype && !c.IsBenchmark && c.Inputs[input]!.Shape.NumElements > 1);
        Assert.That(cases.Any(c => IsNoticed(c, input, factor)), Is.True);
    }

    /// <summary>Whether the results with one element of the input left out or counted twice are told from the right ones.</summary>
    private static bool IsNoticed(OpCase opCase, int input, double factor)
    {
        var drawn = CaseInputs.Draw(opCase, 0);
        var like = Outputs(opCase, drawn);
        var (_, right) = Checker.Evaluate(opCase.Op, opCase.Attributes, drawn, like);
        var values = (double[])drawn[input]!.Values.Clone();
        values[values.Length / 2] *= factor;
        drawn[input] = drawn[input]! with { Values = values };
        var (_, wrong) = Checker.Evaluate(opCase.Op, opCase.Attributes, drawn, like);
        double worst = 0;
        for (var i = 0; i < right.Length; i++)
            if (right[i] is { } expected)
                Tolerance.Compare(
                    "",
                    wrong[i]!.Values,
                    expected,
                    opCase.DType.Accumulator,
                    opCase.Op.ErrorConstant,
                    null,
                    ref worst
                );
        return worst > 1;
    }

    private static ReferenceTensor?[] Outputs(OpCase opCase, DrawnInput?[] drawn)
    {
        using var frame = Lifetime.Frame();
        var inputs = Array.ConvertAll(drawn, d => d is null ? null : CaseInputs.Place(d, Device.Cpu));
        return
        [
            .. opCase
                .Op.ApplyAll(inputs, opCase.Attributes)
                .Select(t => t is null ? null : ReferenceRunner.Empty(t.Shape, t.DType)),
        ];
    }

    [Test]
    public void ARightKernelPasses() => Assert.That(Failures(Planted.Nothing), Is.Empty);

    [TestCase(Planted.UnwrittenElement, "got NaN")]
    [TestCase(Planted.WritesBehind, "bytes behind a block")]
    [TestCase(Planted.WritesBefore, "bytes before a block")]
    [TestCase(Planted.WrongMask, "output: 1 of 37 wrong; [36]")]
    [TestCase(Planted.WritesInput, "was changed")]
    [TestCase(Planted.WrongGradientKernel, "gradient of input 0: 1 of 37 wrong; [36]")]
    [TestCase(Planted.Throws, "threw")]
    public void APlantedMistakeIsFound(Planted mistake, string text) =>
        Assert.That(Failures(mistake), Has.Some.Contains(text));

    [TestCase(Planted.Nothing, 0)]
    [TestCase(Planted.DependsOnTheRun, 1)]
    public void RunsHaveToGiveTheSameBits(Planted mistake, int found)
    {
        var opCase = new PlantedOp(mistake).Cases().Single();
        Assert.That(Checker.Run(opCase, Device.Cpu).Failures, Is.Empty, "it is within the tolerance");
        var failures = Checker.Run(opCase, Device.Cpu, repeats: 1).Failures;
        Assert.That(failures, Has.Exactly(found).Contains("output depends on the run: [0]"));
    }

    [TestCase(Planted.Nothing, true)]
    [TestCase(Planted.WrongGradientKernel, true)]
    [TestCase(Planted.WrongGradient, false)]
    [TestCase(Planted.WrongSecondGradient, false)]
    public void DifferencesProveGradients(Planted mistake, bool right)
    {
        var opCase = new PlantedOp(mistake).Cases().Single();
        Assert.That(CaseGradCheck.Run(opCase).Passed, Is.EqualTo(right));
    }

    [Test]
    public void GradCheckTakesAnyFunction()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.From([0.3, -1.2, 2.5]);
        var right = GradCheck.Run(t => [t[0].Mul(t[0]).Mul(t[0])], [x]);
        Assert.That(right.Passed, Is.True, right.ToString);
        var wrong = GradCheck.Run(t => [t[0].Mul(t[0].Detach())], [x]);
        Assert.That(wrong.Passed, Is.False);
        Assert.Throws<AutogradException>(wrong.ThrowIfFailed);
        Assert.Throws<DTypeException>(() => GradCheck.Run(t => t, [x.Cast(DType.Float32)]));
    }

    [Test]
    public void FailuresTellHowToReplay()
    {
        var result = Checker.Run(new PlantedOp(Planted.WrongMask).Cases().Single(), Device.Cpu, seed: 3);
        Assert.That(result.Replay, Is.EqualTo("cudanet check --device cpu --case 'planted(dtype=f64,n=37)' --seed 3"));
        Assert.That(result.ToString(), Does.Contain(result.Replay));
    }

    private static IReadOnlyList<string> Failures(Planted mistake) =>
        Checker.Run(new PlantedOp(mistake).Cases().Single(), Device.Cpu).Failures;
}

/// <summary>The mistakes that <see cref="PlantedOp"/> can make.</summary>
public enum Planted
{
    Nothing,
    UnwrittenElement,
    WritesBehind,
    WritesBefore,
    WrongMask,
    WritesInput,
    DependsOnTheRun,
    WrongGradient,
    WrongSecondGradient,
    WrongGradientKernel,
    Throws,
}

/// <summary>x³, with a mistake in its kernel or gradients. Not in the registry.</summary>
internal sealed unsafe class PlantedOp(Planted mistake) : Op("planted", "input -> output")
{
    private int _runs;

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel? Cpu => Run;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs) =>
        outputs[0] = new(call.Input(0).Shape, call.RequireFloating());

    public override void Reference(ReferenceCall call)
    {
        for (long i = 0; i < call.Output().Values.Length; i++)
            call.Output()[i] = Math.Pow(call.Input()[i], 3);
    }

    protected internal override void Backward(BackwardCall call)
    {
        var x = call.Input(0);
        if (mistake == Planted.WrongGradientKernel)
        {
            // The formula is right, so that differences of the textbook loops find nothing.
            var cube = new PlantedOp(Planted.WrongMask).Apply([x]);
            call.Set(0, call.GradOutput().Mul(cube).Mul(x.Pow(-1)).Affine(3));
            return;
        }
        var square = mistake == Planted.WrongSecondGradient ? x.Mul(x.Detach()) : x.Mul(x);
        var factor = mistake == Planted.WrongGradient ? 2.9 : 3;
        call.Set(0, call.GradOutput().Mul(square).Affine(factor));
    }

    private void Run(in OpCall call)
    {
        if (mistake == Planted.Throws)
            throw new InvalidOperationException("planted");
        var x = (double*)call.Input(0).Data;
        var y = (double*)call.Output(0).Data;
        var n = call.Output(0).NumElements;
        for (long i = 0; i < n; i++)
            if (mistake != Planted.UnwrittenElement || i != n / 2)
                y[i] = x[i] * x[i] * x[i];
        if (mistake == Planted.WritesBehind)
            y[n] = 0;
        if (mistake == Planted.WritesBefore)
            y[-1] = 0;
        if (mistake == Planted.WrongMask)
            y[n - 1] = 0;
        if (mistake == Planted.WritesInput)
            x[0] += 1;
        if (mistake == Planted.DependsOnTheRun && _runs++ % 2 == 1)
            y[0] = Math.BitIncrement(y[0]);
    }

    public override IEnumerable<OpCase> Cases() => [new OpCase(this, DType.Float64, "n=37", [Draw.Normal(37)])];
}
