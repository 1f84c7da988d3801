using CudaNet.Random;

namespace CudaNet.Tests.Random;

/// <summary>Random tensors: which words they are made of, that devices agree, and that they are distributed as they should be.</summary>
[TestFixture]
public sealed class RandomTensorTests
{
    private static readonly long[] Seeds = [0, 1, -5, 0x123456789ABCDEF];

    [Test]
    public void UniformElementsAreTheWordsOfTheirCounters()
    {
        var generator = new Generator(77) { Offset = (1L << 32) - 2 };
        var single = Tensor.Rand([11], generator: generator).ToArray<float>();
        var wide = Tensor.Rand([3], dtype: DType.Float64, generator: generator).ToDoubles();
        using var all = Assert.EnterMultipleScope();
        for (var i = 0; i < single.Length; i++)
        {
            var block = Philox.Block(77, (ulong)((1L << 32) - 2 + i / 4), 0);
            uint[] words = [block.W0, block.W1, block.W2, block.W3];
            Assert.That(single[i], Is.EqualTo((words[i % 4] >> 8) * (1f / (1 << 24))), $"element {i}");
        }
        var first = Philox.Block(77, (1L << 32) + 1, 0);
        Assert.That(wide[1], Is.EqualTo(((first.W2 | (ulong)first.W3 << 32) >> 11) * Math.Pow(2, -53)));
        Assert.That(
            generator.Offset,
            Is.EqualTo((1L << 32) - 2 + 3 + 2),
            "11 f32 values take 3 counters, 3 f64 values 2"
        );
    }

    [Test]
    public void EachDrawConsumesItsCounters()
    {
        var generator = new Generator();
        using var all = Assert.EnterMultipleScope();
        Consumes(2, () => Tensor.RandN([5], generator: generator));
        Consumes(3, () => Tensor.RandN([5], dtype: DType.Float64, generator: generator));
        Consumes(2, () => Tensor.Bernoulli([5], dtype: DType.Float64, generator: generator));
        Consumes(1, () => Tensor.RandPerm(1000, generator: generator));
        Consumes(3, () => Tensor.Ones([9]).Dropout(0.5, generator: generator));
        Consumes(0, () => Tensor.Rand([0], generator: generator));
        Consumes(0, () => Tensor.Ones([9]).Dropout(0.5, training: false, generator: generator));

        void Consumes(long counters, Func<Tensor> draw)
        {
            var before = generator.Offset;
            draw();
            Assert.That(generator.Offset - before, Is.EqualTo(counters));
        }
    }

    [TestCaseSource(nameof(Seeds))]
    public void SeedAndOffsetReplayDraws(long seed)
    {
        var generator = new Generator().ManualSeed(seed);
        Tensor.Rand([7], generator: generator);
        var state = generator.State;
        var first = Tensor.RandN([9], generator: generator).ToDoubles();
        var second = Tensor.RandN([9], generator: generator).ToDoubles();
        generator.State = state;
        var again = Tensor.RandN([9], generator: generator).ToDoubles();
        generator.ManualSeed(seed + 1).Offset = state.Offset;
        var other = Tensor.RandN([9], generator: generator).ToDoubles();
        using var all = Assert.EnterMultipleScope();
        Assert.That(again, Is.EqualTo(first));
        Assert.That(second, Is.Not.EqualTo(first));
        Assert.That(other, Is.Not.EqualTo(first));
    }

    [Test]
    public void ABaseOnTheDeviceMovesDrawsOn()
    {
        var generator = new Generator(3);
        var expected = Tensor.Rand([8, 4], generator: new Generator(3)).Slice(0, 5).ToDoubles();
        generator.DeviceState(Device.Cpu).CopyFrom<long>([3, 5]);
        Assert.That(Tensor.Rand([3, 4], generator: generator).ToDoubles(), Is.EqualTo(expected));
    }

    [Test, Category("Simt")]
    public void DevicesAgreeBitByBit([ValueSource(nameof(Seeds))] long seed)
    {
        var simt = TestDevices.Open("simt");
        using var all = Assert.EnterMultipleScope();
        foreach (
            var draw in new Func<Device, Generator, Tensor>[]
            {
                (d, g) => Tensor.Rand([1001], -0.3, 1.7, DType.Float32, d, g),
                (d, g) => Tensor.Rand([1001], -0.3, 1.7, DType.Float64, d, g),
                (d, g) => Tensor.Rand([1001], -0.3, 1.7, DType.BFloat16, d, g),
                (d, g) => Tensor.Bernoulli([1001], 0.3, DType.Bool, d, g),
                (d, g) => Tensor.RandPerm(1001, d, g),
            }
        )
            Assert.That(
                draw(simt, new Generator(seed) { Offset = (1L << 32) - 3 }).ToDoubles(),
                Is.EqualTo(draw(Device.Cpu, new Generator(seed) { Offset = (1L << 32) - 3 }).ToDoubles())
            );
    }

    [TestCase("f32", 0, 1)]
    [TestCase("f64", -3, 0.5)]
    [TestCase("bf16", 2, 4)]
    public void NormalMoments(string dtype, double mean, double std)
    {
        const int n = 200_000;
        var z = Tensor
            .RandN([n], mean, std, DTypes.Parse(dtype), generator: new Generator(9))
            .ToDoubles()
            .Select(x => (x - mean) / std)
            .ToArray();
        // Five standard errors: sqrt(1, 2, 15, 96) / sqrt(n) for the first four moments.
        var error = 5 / Math.Sqrt(n);
        using var all = Assert.EnterMultipleScope();
        Assert.That(z.Average(), Is.EqualTo(0).Within(error));
        Assert.That(z.Average(x => x * x), Is.EqualTo(1).Within(Math.Sqrt(2) * error));
        Assert.That(z.Average(x => x * x * x), Is.EqualTo(0).Within(Math.Sqrt(15) * error));
        Assert.That(z.Average(x => x * x * x * x), Is.EqualTo(3).Within(Math.Sqrt(96) * error));
        Assert.That(z.Zip(z.Skip(1), (a, b) => a * b).Average(), Is.EqualTo(0).Within(error), "neighbours");
    }

    [Test]
    public void UniformFillsItsCells()
    {
        const int cells = 64;
        var counts = new double[cells];
        foreach (var x in Tensor.Rand([64_000], -2, 6, generator: new Generator(4)).ToDoubles())
            counts[(int)((x + 2) / 8 * cells)]++;
        Assert.That(ChiSquare(counts), Is.LessThan(115), "the 0.9999 quantile with 63 degrees of freedom");
    }

    [TestCase(0.0)]
    [TestCase(0.25)]
    [TestCase(1.0)]
    public void BernoulliHasItsProbability(double p)
    {
        var mean = Tensor.Bernoulli([100_000], p, generator: new Generator(1)).ToDoubles().Average();
        Assert.That(mean, Is.EqualTo(p).Within(5 * Math.Sqrt(p * (1 - p) / 100_000)));
    }

    [TestCase(3, 6, 25.7)]
    [TestCase(4, 24, 61.5)]
    [TestCase(5, 120, 188)]
    public void AllPermutationsAreEquallyLikely(int n, int permutations, double bound)
    {
        var counts = new Dictionary<string, double>();
        for (var seed = 0; seed < 200 * permutations; seed++)
        {
            var order = string.Join(' ', Tensor.RandPerm(n, generator: new Generator(seed)).ToArray<long>());
            counts[order] = counts.GetValueOrDefault(order) + 1;
        }
        using var all = Assert.EnterMultipleScope();
        Assert.That(counts, Has.Count.EqualTo(permutations));
        Assert.That(ChiSquare([.. counts.Values]), Is.LessThan(bound), "the 0.9999 quantile");
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(1000)]
    [TestCase(65537)]
    public void RandPermHoldsEveryNumberOnce(int n)
    {
        var order = Tensor.RandPerm(n, generator: new Generator(n)).ToArray<long>();
        Assert.That(order.Order(), Is.EqualTo(Enumerable.Range(0, n)));
        if (n >= 1000)
            Assert.That(order, Is.Not.Ordered);
    }

    private static double ChiSquare(double[] counts)
    {
        var expected = counts.Average();
        return counts.Sum(c => (c - expected) * (c - expected) / expected);
    }

    private static readonly (string Message, Action Call)[] Refused =
    [
        ("low ≤ high", () => Tensor.Rand([2], 1, 0)),
        ("low ≤ high", () => Tensor.Rand([2], double.NaN, 0)),
        ("does not draw i64", () => Tensor.Rand([2], dtype: DType.Int64)),
        ("std ≥ 0", () => Tensor.RandN([2], 0, -1)),
        ("does not draw bool", () => Tensor.RandN([2], dtype: DType.Bool)),
        ("probability", () => Tensor.Bernoulli([2], 1.5)),
        ("probability", () => Tensor.Bernoulli([2], double.NaN)),
        ("probability", () => Tensor.Ones([2]).Dropout(-0.1)),
        ("floating dtype", () => Tensor.Arange(2).Dropout()),
        ("n ≥ 0", () => Tensor.RandPerm(-1)),
        (
            "two i64 values",
            () =>
                UniformOp.Instance.Apply(
                    [Tensor.Ones([2])],
                    Attributes.Of(new long[] { 2 }, 0.0, 1.0, DType.Float32, 0L)
                )
        ),
        (
            "mask of dtype bool",
            () => DropoutBackwardOp.Instance.Apply([Tensor.Ones([2]), Tensor.Ones([2])], Attributes.Of(0.5))
        ),
    ];

    [TestCaseSource(nameof(RefusedNames))]
    public void Refuses(int which) =>
        Assert.That(
            () => Refused[which].Call(),
            Throws.InstanceOf<CudaNetException>().With.Message.Contains(Refused[which].Message)
        );

    private static IEnumerable<TestCaseData> RefusedNames =>
        Refused.Select((refused, i) => new TestCaseData(i).SetArgDisplayNames($"{i}: {refused.Message}"));
}
