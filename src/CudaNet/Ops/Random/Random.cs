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

    internal static CaseInput State => new([2], DrawKind.Integers, 0, 1 << 30) { DType = DType.Int64 };
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
