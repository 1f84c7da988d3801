using CudaNet.Random;

namespace CudaNet;

/// <summary>What ops share that draw random numbers: the state tensor {seed, base} and the counters that a draw consumes.</summary>
internal abstract class RandomOp(string name, string signature) : Op(name, signature)
{
    public override string? NoBackwardReason => "random draws do not depend on differentiable inputs";

    /// <summary>Where the signature has the attribute <c>offset</c>.</summary>
    internal abstract int OffsetAttribute { get; }

    /// <summary>How many counters a draw with this output consumes.</summary>
    internal abstract long Counters(Shape shape, DType dtype);

    internal static void RequireState(in OpCall call, int input)
    {
        var state = call.Input(input);
        if (state.DType != DType.Int64 || state.Rank != 1 || state.NumElements != 2)
            throw call.ShapeError("expected a state of two i64 values, {seed, base}; Generator.DeviceState makes it");
    }

    /// <summary>The key and the counter of element 0.</summary>
    internal static (ulong Seed, ulong First) Origin(ReferenceTensor state, long offset) =>
        ((ulong)(long)state[0], (ulong)((long)state[1] + offset));

    /// <summary>Draws with the next counters of a generator.</summary>
    internal Tensor Draw(
        Generator? generator,
        Device? device,
        Shape shape,
        DType dtype,
        Func<long, Attributes> attributes
    )
    {
        generator ??= Generator.Default;
        var offset = generator.Advance(Counters(shape, dtype));
        return Apply([generator.DeviceState(device ?? Device.Default)], attributes(offset));
    }

    protected static CaseInput State => new([2], DrawKind.Integers, 0, 1 << 30) { DType = DType.Int64 };
}

/// <summary>What draws share whose shape and dtype are attributes: <c>shape, two numbers or one, dtype, offset</c>.</summary>
internal abstract class ShapedRandomOp(string name, string signature) : RandomOp(name, signature)
{
    /// <summary>The index of the attribute dtype; offset follows it.</summary>
    private int DTypeAttribute => OffsetAttribute - 1;

    internal override CpuKernel? Cpu => CpuRandom.Run;

    protected virtual bool Takes(DType dtype) => dtype.IsFloating;

    /// <summary>Elements for each counter.</summary>
    internal virtual int Lanes(DType dtype) => RandomFormulas.Lanes(dtype);

    /// <summary>The elements of one counter; what goes beyond the tensor's end is dropped.</summary>
    internal abstract void Fill(
        in (uint W0, uint W1, uint W2, uint W3) block,
        Span<double> lanes,
        DType dtype,
        Attributes attributes
    );

    public override void Reference(ReferenceCall call)
    {
        var y = call.Output();
        var (seed, first) = Origin(call.Input(0), call.Attributes.Int(OffsetAttribute));
        Span<double> lanes = stackalloc double[Lanes(y.DType)];
        for (long i = 0; i < y.Shape.NumElements; i++)
        {
            Fill(Philox.Block(seed, first + (ulong)(i / lanes.Length), 0), lanes, y.DType, call.Attributes);
            y[i] = lanes[(int)(i % lanes.Length)];
        }
    }

    protected abstract void CheckAttributes(in OpCall call);

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        RequireState(call, 0);
        CheckAttributes(call);
        var dtype = call.Attributes.DType(DTypeAttribute);
        if (!Takes(dtype))
            throw new DTypeException($"{Name}: does not draw {dtype.Name}; expected one of {Names()}");
        outputs[0] = new(new Shape(call.Attributes.Ints(0)), dtype);
    }

    private string Names() => string.Join(", ", DTypes.All.Where(Takes).Select(d => d.Name));

    internal override long Counters(Shape shape, DType dtype) =>
        RandomFormulas.Counters(shape.NumElements, Lanes(dtype));

    protected abstract Attributes CaseAttributes(long[] shape, DType dtype, long offset);

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in DTypes.All.Where(Takes))
        foreach (var n in CaseSizes.Lengths)
            yield return new OpCase(this, dtype, $"n={n},offset={n * 7}", [State], CaseAttributes([n], dtype, n * 7));
        yield return new OpCase(
            this,
            DType.Float32,
            "shape=3x5x7,offset=4294967290",
            [State],
            CaseAttributes([3, 5, 7], DType.Float32, 4294967290)
        );
        yield return new OpCase(this, DType.Float32, "n=1048576", [State], CaseAttributes([1048576], DType.Float32, 0))
        {
            IsBenchmark = true,
        };
    }
}

/// <summary>Uniform values: low + (high − low)·u, where u has 24 random bits (53 for f64).</summary>
internal sealed class UniformOp()
    : ShapedRandomOp(
        "uniform",
        "state; shape: ints, low: float = 0, high: float = 1, dtype: dtype = f32, offset: int = 0 -> output"
    )
{
    public static readonly UniformOp Instance = new();

    public override bool IsExact => true;

    internal override int OffsetAttribute => 4;

    protected override void CheckAttributes(in OpCall call)
    {
        var (low, high) = (call.Attributes.Float(1), call.Attributes.Float(2));
        if (!(low <= high) || !double.IsFinite(high - low))
            throw new AttributeException($"uniform: expected finite low ≤ high, got {low} and {high}");
    }

    internal override void Fill(
        in (uint W0, uint W1, uint W2, uint W3) block,
        Span<double> lanes,
        DType dtype,
        Attributes attributes
    )
    {
        RandomFormulas.Uniform(block, lanes);
        var (low, high) = (attributes.Float(1), attributes.Float(2));
        foreach (ref var lane in lanes)
        {
            lane = low + (high - low) * lane;
            // 16-bit outputs are rounded f32 values, on every device.
            if (dtype != DType.Float64)
                lane = (float)lane;
        }
    }

    protected override Attributes CaseAttributes(long[] shape, DType dtype, long offset) =>
        Attributes.Of(shape, -1.5, 3.25, dtype, offset);
}

/// <summary>Normal values by the method of Box and Muller.</summary>
internal sealed class NormalOp()
    : ShapedRandomOp(
        "normal",
        "state; shape: ints, mean: float = 0, std: float = 1, dtype: dtype = f32, offset: int = 0 -> output"
    )
{
    public static readonly NormalOp Instance = new();

    internal override int OffsetAttribute => 4;

    protected override void CheckAttributes(in OpCall call)
    {
        var (mean, std) = (call.Attributes.Float(1), call.Attributes.Float(2));
        if (!double.IsFinite(mean) || !double.IsFinite(std) || std < 0)
            throw new AttributeException($"normal: expected a finite mean and std ≥ 0, got {mean} and {std}");
    }

    internal override void Fill(
        in (uint W0, uint W1, uint W2, uint W3) block,
        Span<double> lanes,
        DType dtype,
        Attributes attributes
    )
    {
        RandomFormulas.Normal(block, lanes);
        foreach (ref var lane in lanes)
            lane = attributes.Float(1) + attributes.Float(2) * lane;
    }

    public override void Reference(ReferenceCall call)
    {
        base.Reference(call);
        var (y, mean) = (call.Output(), call.Attributes.Float(1));
        for (long i = 0; i < y.Shape.NumElements; i++)
            y.Magnitude[i] = Math.Abs(mean) + Math.Abs(y[i] - mean);
    }

    public override double Flops(in OpCall call) => 8.0 * call.Output(0).NumElements;

    protected override Attributes CaseAttributes(long[] shape, DType dtype, long offset) =>
        Attributes.Of(shape, 0.5, 2.0, dtype, offset);
}

/// <summary>Ones with probability p, else zeros: u &lt; p for the u of an f32 uniform draw.</summary>
internal sealed class BernoulliOp()
    : ShapedRandomOp("bernoulli", "state; shape: ints, p: float = 0.5, dtype: dtype = f32, offset: int = 0 -> output")
{
    public static readonly BernoulliOp Instance = new();

    public override bool IsExact => true;

    internal override int OffsetAttribute => 3;

    protected override bool Takes(DType dtype) => true;

    internal override int Lanes(DType dtype) => 4;

    protected override void CheckAttributes(in OpCall call) => RequireProbability(Name, call.Attributes.Float(1));

    internal static void RequireProbability(string op, double p)
    {
        if (!(p >= 0 && p <= 1))
            throw new AttributeException($"{op}: expected a probability from 0 to 1, got {p}");
    }

    internal override void Fill(
        in (uint W0, uint W1, uint W2, uint W3) block,
        Span<double> lanes,
        DType dtype,
        Attributes attributes
    )
    {
        RandomFormulas.Uniform(block, lanes);
        foreach (ref var lane in lanes)
            lane = lane < attributes.Float(1) ? 1 : 0;
    }

    protected override Attributes CaseAttributes(long[] shape, DType dtype, long offset) =>
        Attributes.Of(shape, 0.3, dtype, offset);
}

/// <summary>A random permutation of 0 … n − 1; takes one counter.</summary>
internal sealed class RandPermOp() : RandomOp("randperm", "state; n: int, offset: int = 0 -> output")
{
    public static readonly RandPermOp Instance = new();

    public override bool IsExact => true;

    internal override CpuKernel? Cpu => CpuRandom.RandPerm;

    internal override int OffsetAttribute => 1;

    internal override long Counters(Shape shape, DType dtype) => 1;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        RequireState(call, 0);
        var n = call.Attributes.Int(0);
        if (n < 0)
            throw new AttributeException($"randperm: expected n ≥ 0, got {n}");
        outputs[0] = new(new Shape(n), DType.Int64);
    }

    public override void Reference(ReferenceCall call)
    {
        var y = call.Output();
        var (seed, first) = Origin(call.Input(0), call.Attributes.Int(OffsetAttribute));
        var images = new long[y.Shape.NumElements];
        SwapOrNot.Map(seed, first, images.Length, 0, images);
        for (var i = 0; i < images.Length; i++)
            y[i] = images[i];
    }

    public override double Flops(in OpCall call) => 0;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var n in CaseSizes.Lengths.Append(2).Append(3))
            yield return new OpCase(this, DType.Int64, $"n={n}", [State], Attributes.Of(n, 11L));
        yield return new OpCase(this, DType.Int64, "n=1048576", [State], Attributes.Of(1048576L, 0L))
        {
            IsBenchmark = true,
        };
    }
}

/// <summary>Random tensors. Every draw moves its generator, the default one unless another is named, on.</summary>
public static class RandomExtensions
{
    extension(Tensor)
    {
        /// <summary>Uniform values on [low, high), before rounding to the dtype.</summary>
        /// <exception cref="AttributeException">low &gt; high, or they are not finite.</exception>
        public static Tensor Rand(
            Shape shape,
            double low = 0,
            double high = 1,
            DType dtype = DType.Float32,
            Device? device = null,
            Generator? generator = null
        ) =>
            UniformOp.Instance.Draw(
                generator,
                device,
                shape,
                dtype,
                offset => Attributes.Of(shape, low, high, dtype, offset)
            );

        /// <summary>Normal values.</summary>
        /// <exception cref="AttributeException">std is negative, or mean or std are not finite.</exception>
        public static Tensor RandN(
            Shape shape,
            double mean = 0,
            double std = 1,
            DType dtype = DType.Float32,
            Device? device = null,
            Generator? generator = null
        ) =>
            NormalOp.Instance.Draw(
                generator,
                device,
                shape,
                dtype,
                offset => Attributes.Of(shape, mean, std, dtype, offset)
            );

        /// <summary>Ones with probability <paramref name="p"/>, else zeros.</summary>
        /// <exception cref="AttributeException">p is not from 0 to 1.</exception>
        public static Tensor Bernoulli(
            Shape shape,
            double p = 0.5,
            DType dtype = DType.Float32,
            Device? device = null,
            Generator? generator = null
        ) =>
            BernoulliOp.Instance.Draw(
                generator,
                device,
                shape,
                dtype,
                offset => Attributes.Of(shape, p, dtype, offset)
            );

        /// <summary>The numbers 0 … n − 1 in random order, i64.</summary>
        /// <exception cref="AttributeException">n is negative.</exception>
        public static Tensor RandPerm(long n, Device? device = null, Generator? generator = null) =>
            RandPermOp.Instance.Draw(generator, device, Shape.Scalar, DType.Int64, offset => Attributes.Of(n, offset));
    }
}
