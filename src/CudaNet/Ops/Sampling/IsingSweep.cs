using CudaNet.Random;

namespace CudaNet;

/// <summary>
/// Gibbs sweeps over square lattices of spins ±1 that close around their edges, p(s) ∝ exp(J Σ s_i s_j + h Σ s_i) with the first sum over
/// pairs of neighbours (Ising 1925; heat bath, Geman and Geman 1984). The sites are coloured like a chessboard: those of one colour depend
/// on the other only, and are drawn together; a sweep draws the sites of even row + column, then the odd ones. Site number m of a colour,
/// over all lattices, takes lane m mod 4 of counter m / 4; the half-sweeps follow each other in the counters.
/// </summary>
internal sealed class IsingSweepOp()
    : Op("ising_sweep", "input, state; coupling: float, field: float = 0, sweeps: int = 1, offset: int = 0 -> output")
{
    public static readonly IsingSweepOp Instance = new();

    public override string? NoBackwardReason => "samples of spins have no derivative";

    public override bool IsExact => true;

    internal override CpuKernel? Cpu => CpuSampling.IsingSweep;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating(0, 0);
        RandomOp.RequireState(call, 1);
        var shape = call.Input(0).Shape;
        if (shape.Rank < 2 || shape[-2] % 2 != 0 || shape[-1] % 2 != 0)
            throw call.ShapeError(
                "expected spins (…, height, width) with even height and width, so that neighbours across the edges differ in colour"
            );
        var (coupling, field, sweeps) = (call.Attributes.Float(0), call.Attributes.Float(1), call.Attributes.Int(2));
        if (!double.IsFinite(coupling) || !double.IsFinite(field) || sweeps < 0)
            throw new AttributeException(
                $"{call.Describe()}: expected a finite coupling and field and sweeps ≥ 0, got {coupling}, {field} and {sweeps}"
            );
        outputs[0] = new(shape, dtype);
    }

    /// <summary>The counters of one half-sweep.</summary>
    internal static long Counters(long spins) => RandomFormulas.Counters(spins / 2, 4);

    /// <summary>For each number of neighbours that are up: a spin is drawn up when its 24 bits are below this.</summary>
    internal static uint[] Thresholds(double coupling, double field)
    {
        var thresholds = new uint[5];
        for (var up = 0; up <= 4; up++)
            thresholds[up] = (uint)Math.Ceiling((1 << 24) / (1 + Math.Exp(-2 * (coupling * (2 * up - 4) + field))));
        return thresholds;
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, y) = (call.Input(), call.Output());
        var (height, width) = (x.Shape[-2], x.Shape[-1]);
        var thresholds = Thresholds(call.Attributes.Float(0), call.Attributes.Float(1));
        var (seed, first) = RandomOp.Origin(call.Input(1), call.Attributes.Int(3));
        for (long i = 0; i < x.Shape.NumElements; i++)
            y[i] = x[i] > 0 ? 1 : -1;
        for (long half = 0; half < 2 * call.Attributes.Int(2); half++)
        for (long i = 0; i < x.Shape.NumElements; i++)
        {
            var (lattice, row, column) = (i / (height * width), i / width % height, i % width);
            if ((row + column) % 2 != half % 2)
                continue;
            double At(long r, long c) => y[(lattice * height + (r + height) % height) * width + (c + width) % width];
            var sum = At(row - 1, column) + At(row + 1, column) + At(row, column - 1) + At(row, column + 1);
            // Each pair of neighbours in a row holds one site of either colour.
            var m = i / 2;
            var counter = first + (ulong)(half * Counters(x.Shape.NumElements) + m / 4);
            var word = RandomFormulas.Word(Philox.Block(seed, counter, 0), (int)(m % 4));
            y[i] = word >> 8 < thresholds[(int)(sum + 4) / 2] ? 1 : -1;
        }
    }

    public override double Flops(in OpCall call) => 8.0 * call.Input(0).NumElements * call.Attributes.Int(2);

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        {
            yield return Case(dtype, 0.44, 0, 3, 2, 2);
            yield return Case(dtype, 0.44, 0.1, 3, 6, 10);
            yield return Case(dtype, -0.3, 0, 2, 3, 2, 6);
            yield return Case(dtype, 0.2, -0.2, 2, 2, 3, 4, 34);
            yield return Case(dtype, 0.44, 0, 0, 2, 4, 4);
            yield return Case(dtype, 0.44, 0, 1, 5, 18, 30);
            yield return Case(dtype, 0.44, 0, 2, 0, 4, 4);
            yield return Case(dtype, 0.44, 0, 2, 3, 0, 4);
            foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
                yield return Case(dtype, 0.44, 0, 1, 2, 4, 8).With(layout);
        }
        yield return Case(DType.Float32, 0.44, 0, 1, 258, 200);
        yield return Case(DType.Float32, 0.44, 0, 10, 64, 64, 64) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, double coupling, double field, long sweeps, params long[] shape) =>
        new(
            this,
            dtype,
            System.FormattableString.Invariant(
                $"shape={string.Join('x', shape)},coupling={coupling},field={field},sweeps={sweeps}"
            ),
            [new CaseInput(shape, DrawKind.SignedAway, 1, 1), RandomOp.State],
            Attributes.Of(coupling, field, sweeps, shape[0])
        );
}

/// <summary>Samples of spins.</summary>
public static class IsingSweepExtensions
{
    extension(Tensor spins)
    {
        /// <summary>
        /// Gibbs sweeps over lattices of spins (…, height, width) that close around their edges, in chessboard order:
        /// p(s) ∝ exp(coupling · Σ s_i s_j + field · Σ s_i), the first sum over pairs of neighbours. Results depend on the generator's state
        /// alone. Draws from the default generator unless another is named.
        /// </summary>
        /// <param name="coupling">J / kT; without a field the infinite lattice is ordered above ½ ln(1 + √2) ≈ 0.4407.</param>
        /// <param name="field">h / kT.</param>
        /// <param name="sweeps">How many times each spin is drawn.</param>
        /// <param name="generator">Where the numbers come from.</param>
        /// <returns>Spins ±1. In the input, what is above 0 counts as +1 and all else as −1.</returns>
        /// <exception cref="ShapeException">Height or width is odd.</exception>
        public Tensor IsingSweep(double coupling, double field = 0, int sweeps = 1, Generator? generator = null)
        {
            generator ??= Generator.Default;
            var offset = generator.Advance(2L * Math.Max(0, sweeps) * IsingSweepOp.Counters(spins.NumElements));
            return IsingSweepOp.Instance.Apply(
                [spins, generator.DeviceState(spins.Device)],
                Attributes.Of(coupling, field, (long)sweeps, offset)
            );
        }

        /// <summary>
        /// −coupling · Σ s_i s_j − field · Σ s_i of each lattice, each pair of neighbours once: the energy in units of kT, of spins
        /// (…, height, width) with edges closed.
        /// </summary>
        public Tensor IsingEnergy(double coupling, double field = 0)
        {
            var (height, width) = (spins.Shape[-2], spins.Shape[-1]);
            var below = Tensor.Concat([spins.Slice(-2, 1, height), spins.Slice(-2, 0, 1)], -2);
            var right = Tensor.Concat([spins.Slice(-1, 1, width), spins.Slice(-1, 0, 1)], -1);
            var pairs = spins.Mul(below.Add(right)).Sum([-2, -1]);
            return pairs.Affine(-coupling).Add(spins.Sum([-2, -1]).Affine(-field));
        }
    }
}
