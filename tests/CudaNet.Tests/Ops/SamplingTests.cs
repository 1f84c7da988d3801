namespace CudaNet.Tests.Ops;

/// <summary>Gibbs samplers against models that are small enough to add up.</summary>
[TestFixture]
public sealed class SamplingTests
{
    private static readonly double[] s_weight = [0.8, -1.2, 0.5, -0.6, 0.9, 1.1]; // two hidden units by three visible ones
    private static readonly double[] s_hidden = [-0.3, 0.2];
    private static readonly double[] s_visible = [0.4, -0.1, -0.5];

    private static double[] Bits(int number, int count) =>
        [.. Enumerable.Range(0, count).Select(i => (double)(number >> i & 1))];

    private static double MinusEnergy(double[] v, double[] h)
    {
        var sum = v.Zip(s_visible, (x, c) => x * c).Sum() + h.Zip(s_hidden, (x, b) => x * b).Sum();
        for (var j = 0; j < h.Length; j++)
        for (var i = 0; i < v.Length; i++)
            sum += h[j] * s_weight[j * 3 + i] * v[i];
        return sum;
    }

    /// <summary>Unnormalised p(v), by adding up over the hidden units.</summary>
    private static double[] VisibleMasses() =>
        [
            .. Enumerable
                .Range(0, 8)
                .Select(v => Enumerable.Range(0, 4).Sum(h => Math.Exp(MinusEnergy(Bits(v, 3), Bits(h, 2))))),
        ];

    private static Tensor From(double[] values, Device device, params long[] shape) =>
        Tensor.From(values, shape.Length == 0 ? null : new Shape(shape), device);

    [Test]
    public void FreeEnergyIsTheSumOverHiddenUnits()
    {
        using var frame = Lifetime.Frame();
        var states = From([.. Enumerable.Range(0, 8).SelectMany(v => Bits(v, 3))], Device.Cpu, 8, 3);
        var energies = BernoulliRbm.FreeEnergy(
            states,
            From(s_weight, Device.Cpu, 2, 3),
            From(s_visible, Device.Cpu),
            From(s_hidden, Device.Cpu)
        );
        Assert.That(energies.Neg().Exp().ToDoubles(), Is.EqualTo(VisibleMasses()).Within(1e-12));
    }

    [TestCase("cpu", 20_000)]
    [TestCase("simt", 4_000)]
    public void GibbsSweepsOfAMachineReachItsDistribution(string deviceName, int chains)
    {
        using var frame = Lifetime.Frame();
        var device = TestDevices.Open(deviceName);
        var visible = BernoulliRbm.Gibbs(
            Tensor.Zeros([chains, 3], DType.Float64, device),
            From(s_weight, device, 2, 3),
            From(s_visible, device),
            From(s_hidden, device),
            sweeps: 30,
            new Generator(11)
        );
        var values = visible.ToDoubles();
        var counts = new double[8];
        for (var n = 0; n < chains; n++)
            counts[(int)(values[3 * n] + 2 * values[3 * n + 1] + 4 * values[3 * n + 2])]++;
        var masses = VisibleMasses();
        for (var v = 0; v < 8; v++)
        {
            var p = masses[v] / masses.Sum();
            Assert.That(counts[v] / chains, Is.EqualTo(p).Within(5 * Math.Sqrt(p * (1 - p) / chains)));
        }
    }

    /// <summary>A pairwise Markov random field of zeros and ones: p(x₁ = 1 | x₀ = 1, x₂ = 1) = σ(b₁ + W₀₁ + W₁₂).</summary>
    [TestCase("cpu")]
    [TestCase("simt")]
    public void AConditionalIsTheSigmoidOfItsNeighbours(string deviceName)
    {
        using var frame = Lifetime.Frame();
        const int N = 20_000;
        var logits = Tensor.Full([N], -0.5 + 0.7 + 0.3, device: TestDevices.Open(deviceName));
        var (sample, probability) = logits.BernoulliLogits(new Generator(3));
        using var all = Assert.EnterMultipleScope();
        Assert.That(probability.ToDoubles(), Is.All.EqualTo(0.62245933).Within(1e-7));
        Assert.That(sample.ToDoubles().Average(), Is.EqualTo(0.62245933).Within(5 * Math.Sqrt(0.25 / N)));
    }

    /// <summary>A 4 × 4 lattice has 65,536 states: energy and magnetisation of the samples against their means.</summary>
    [TestCase("cpu", 8_000)]
    [TestCase("simt", 1_000)]
    public void IsingSamplesHaveTheEnergyOfTheEnumeration(string deviceName, int lattices)
    {
        const double Coupling = 0.3,
            Field = 0.05;
        var (energy, magnetisation) = Enumerate(Coupling, Field);
        using var frame = Lifetime.Frame();
        var spins = Tensor
            .Ones([lattices, 4, 4], device: TestDevices.Open(deviceName))
            .IsingSweep(Coupling, Field, sweeps: 40, new Generator(5));
        using var all = Assert.EnterMultipleScope();
        IsNear(spins.IsingEnergy(Coupling, Field).ToDoubles(), energy);
        IsNear(spins.Mean([-2, -1]).ToDoubles(), magnetisation);
    }

    private static void IsNear(double[] sample, double expected)
    {
        var mean = sample.Average();
        var deviation = Math.Sqrt(sample.Sum(x => (x - mean) * (x - mean)) / sample.Length);
        Assert.That(mean, Is.EqualTo(expected).Within(5 * deviation / Math.Sqrt(sample.Length)));
    }

    private static (double Energy, double Magnetisation) Enumerate(double coupling, double field)
    {
        double total = 0,
            energies = 0,
            magnetisations = 0;
        for (var state = 0; state < 1 << 16; state++)
        {
            var (pairs, sum) = (0, 0);
            for (var i = 0; i < 16; i++)
            {
                int Spin(int row, int column) => (state >> (row % 4 * 4 + column % 4) & 1) * 2 - 1;
                var (row, column) = (i / 4, i % 4);
                pairs += Spin(row, column) * (Spin(row + 1, column) + Spin(row, column + 1));
                sum += Spin(row, column);
            }
            var energy = -coupling * pairs - field * sum;
            var mass = Math.Exp(-energy);
            total += mass;
            energies += mass * energy;
            magnetisations += mass * sum / 16;
        }
        return (energies / total, magnetisations / total);
    }

    [Test, Category("Simt")]
    public void DevicesDrawTheSameSpinsInOneLaunch()
    {
        var device = (NativeDevice)TestDevices.Open("simt");
        using var frame = Lifetime.Frame();
        var generator = new Generator(7);
        generator.DeviceState(device);
        var start = Tensor.Ones([2, 10, 14], device: device);
        var before = device.LaunchCount;
        var spins = start.IsingSweep(0.44, sweeps: 3, generator: generator);
        var launches = device.LaunchCount - before;
        var again = Tensor.Ones([2, 10, 14]).IsingSweep(0.44, sweeps: 3, generator: new Generator(7));
        using var all = Assert.EnterMultipleScope();
        Assert.That(launches, Is.EqualTo(1));
        Assert.That(spins.ToDoubles(), Is.EqualTo(again.ToDoubles()));
    }

    [Test]
    public void OddLatticesAreRefused() =>
        Assert.That(
            () => Tensor.Ones([3, 4]).IsingSweep(0.4),
            Throws.TypeOf<ShapeException>().With.Message.Contains("even")
        );
}
