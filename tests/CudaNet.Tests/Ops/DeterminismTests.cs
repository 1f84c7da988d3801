using CudaNet.Tests.Devices;
using CudaNet.Verification;

namespace CudaNet.Tests.Ops;

/// <summary>Results are repeatable until that is switched off; then sums come in any order, in a kernel of their own.</summary>
[TestFixture, Category("Simt")]
public sealed class DeterminismTests
{
    private const int Rows = 5;
    private const int Count = 400;
    private const int Columns = 3;

    /// <summary>Summands of very different sizes: another order of additions rounds differently.</summary>
    private static readonly float[] Values =
    [
        .. Enumerable.Range(0, Count * Columns).Select(i => MathF.Sin(i) * MathF.Pow(10, i * 7 % 11 - 3)),
    ];

    private static readonly long[] Places = [.. Enumerable.Range(0, Count).Select(i => i * 31L % 17 % Rows)];

    private static float[] ScatterAdd(Device device)
    {
        using var frame = Lifetime.Frame();
        var index = Tensor.From(Places, [Count, 1], device).Expand(Count, Columns);
        var values = Tensor.From(Values, [Count, Columns], device);
        return Tensor.Zeros([Rows, Columns], DType.Float32, device).ScatterAdd(0, index, values).ToArray<float>();
    }

    private static float[] EmbeddingGradient(Device device)
    {
        using var frame = Lifetime.Frame();
        var weight = Tensor.Zeros([Rows, Columns], DType.Float32, device);
        weight.RequiresGrad = true;
        var picked = weight.Embedding(Tensor.From(Places, [Count], device));
        (picked * Tensor.From(Values, [Count, Columns], device)).Sum().Backward();
        return weight.Grad!.ToArray<float>();
    }

    private static float[] Compute(string op, Device device) =>
        op == "scatter_add" ? ScatterAdd(device) : EmbeddingGradient(device);

    private static float[] Compute(string op, Device device, long seed)
    {
        using var schedule = SimtSchedule.Deferred(device, seed);
        return Compute(op, device);
    }

    /// <summary>For each place, the sum in float64 and how much an f32 sum may be off: n·u·Σ|x|.</summary>
    private static (double Sum, double Allowed)[] Expected()
    {
        var result = new (double Sum, double Allowed)[Rows * Columns];
        for (var i = 0; i < Values.Length; i++)
        {
            ref var place = ref result[Places[i / Columns] * Columns + i % Columns];
            place.Sum += Values[i];
            place.Allowed += Math.Abs(Values[i]) * Count * DType.Float32.UnitRoundoff;
        }
        return result;
    }

    [Test]
    public void IsOnUntilItIsSwitchedOffInAScope()
    {
        Assert.That(Engine.AreDeterministicAlgorithmsEnabled, Is.True);
        using (Engine.UseDeterministicAlgorithms(false))
        {
            Assert.That(Engine.AreDeterministicAlgorithmsEnabled, Is.False);
            using (Engine.UseDeterministicAlgorithms(true))
                Assert.That(Engine.AreDeterministicAlgorithmsEnabled, Is.True);
        }
        Assert.That(Engine.AreDeterministicAlgorithmsEnabled, Is.True);
    }

    [TestCase("scatter_add")]
    [TestCase("embedding")]
    public void SwitchedOnGivesTheSameBitsWhateverTheSchedule(string op)
    {
        var device = TestDevices.Open("simt");
        var first = Compute(op, Device.Cpu);
        for (var seed = 0; seed <= 8; seed++)
            Assert.That(Compute(op, device, seed), Is.EqualTo(first));
    }

    [TestCase("scatter_add")]
    [TestCase("embedding")]
    public void SwitchedOffAddsInTheOrderOfArrivalWithinTheTolerance(string op)
    {
        var device = TestDevices.Open("simt");
        using var scope = Engine.UseDeterministicAlgorithms(false);
        var expected = Expected();
        var seen = new HashSet<string>();
        for (var seed = 1; seed <= 8; seed++)
        {
            var sums = Compute(op, device, seed);
            for (var i = 0; i < sums.Length; i++)
                Assert.That(sums[i], Is.EqualTo(expected[i].Sum).Within(expected[i].Allowed), $"seed {seed}, [{i}]");
            seen.Add(string.Join(' ', sums.Select(BitConverter.SingleToUInt32Bits)));
        }
        Assert.That(seen, Has.Count.GreaterThan(1), "what does not depend on the schedule was not added by atomics");
    }

    /// <summary>A copy and the additions, where the deterministic kernel for small outputs is one launch.</summary>
    [Test]
    public void SwitchedOffLaunchesTheVariantThatTheOpNames()
    {
        var device = (NativeDevice)TestDevices.Open("simt");
        Assert.That(Launches(), Is.EqualTo(1));
        using (Engine.UseDeterministicAlgorithms(false))
            Assert.That(Launches(), Is.EqualTo(2));

        long Launches()
        {
            using var frame = Lifetime.Frame();
            var index = Tensor.From(Places, device: device);
            var (zeros, ones) = (Tensor.Zeros([Rows], device: device), Tensor.Ones([Count], device: device));
            var before = device.LaunchCount;
            zeros.ScatterAdd(0, index, ones);
            return device.LaunchCount - before;
        }
    }

    /// <summary>What ops say about their variants is what the kernels say.</summary>
    [Test]
    public void OpsKnowWhichVariantsAddInAnyOrder()
    {
        var device = (NativeDevice)TestDevices.Open("simt");
        foreach (var op in Registry.All)
        {
            var variants = device.VariantsOf(op.Name);
            var said = Enumerable.Range(1, variants.Count).Where(i => variants[i - 1].Contains("in any order"));
            Assert.That(said, Is.EquivalentTo(op.NondeterministicVariants.ToArray()), op.Name);
        }
        Assert.That(ScatterAddOp.Instance.NondeterministicVariants.IsEmpty, Is.False);
    }

    /// <summary><c>check --repeat</c> asks the same bits of the kernels that promise them, and the tolerance of the one that does not.</summary>
    [Test]
    public void RepeatedChecksAskForBitsOnlyWhereTheyArePromised([Values(1, 2, 3)] int variant)
    {
        var device = TestDevices.Open("simt");
        using var schedule = SimtSchedule.Deferred(device, seed: 5);
        var opCase = ScatterAddOp.Instance.Cases().First(c => c.Name.Contains("shape=1,index=31"));
        var result = Checker.Run(opCase, device, variant, repeats: 6);
        Assert.That(result.Failures, Is.Empty);
        Assert.That(result.Refused, Is.Null);
    }
}
