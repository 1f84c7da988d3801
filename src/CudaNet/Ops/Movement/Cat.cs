namespace CudaNet;

/// <summary>Tensors joined along one axis.</summary>
internal sealed class CatOp() : Op("cat", "tensors*; dim: int = 0 -> output")
{
    public static readonly CatOp Instance = new();

    public override IReadOnlyList<string> Aliases => ["concat"];

    public override bool IsExact => true;

    internal override CpuKernel? Cpu => CpuMovement.Cat;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        if (call.Inputs.IsEmpty)
            throw new AttributeException("cat: needs at least one tensor");
        var dtype = call.RequireSameDType();
        var shape = call.Input(0).Shape;
        if (shape.Rank == 0)
            throw call.ShapeError("a scalar has no axis to join along; use Stack");
        var dim = shape.Axis(call.Attributes.Int(0), Name);
        long extent = 0;
        foreach (var tensor in call.Inputs)
        {
            if (tensor!.Rank != shape.Rank || !tensor.Shape.With(dim, shape[dim]).Equals(shape))
                throw call.ShapeError($"expected equal extents except along axis {dim}");
            extent += tensor.Shape[dim];
        }
        outputs[0] = new(shape.With(dim, extent), dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var y = call.Output();
        var dim = y.Shape.Axis(call.Attributes.Int(0), Name);
        var inner = y.Shape.ContiguousStrides[dim];
        long start = 0;
        foreach (var x in call.Inputs)
        {
            var extent = x!.Shape[dim];
            for (long i = 0; i < x.Shape.NumElements; i++)
            {
                var (outer, at) = (i / inner / extent, i / inner % extent);
                y[(outer * y.Shape[dim] + start + at) * inner + i % inner] = x[i];
            }
            start += extent;
        }
    }

    protected internal override void Backward(BackwardCall call)
    {
        var gradient = call.GradOutput();
        var dim = gradient.Shape.Axis(call.Attributes.Int(0), Name);
        long start = 0;
        for (var i = 0; i < call.InputCount; i++)
        {
            var extent = call.InputShape(i)[dim];
            if (call.Needs(i))
                call.Set(i, gradient.Slice(dim, start, start + extent));
            start += extent;
        }
    }

    public override double Flops(in OpCall call) => 0;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in DTypes.All)
        {
            yield return Case(dtype, 0, [4, 3], [1, 3], [33, 3]);
            yield return Case(dtype, 1, [5, 7, 3], [5, 0, 3], [5, 2, 3], [5, 31, 3]);
            yield return Case(dtype, -1, [3, 32], [3, 64]);
            yield return Case(dtype, 1, [3, 257], [3, 1]);
        }
        yield return Case(DType.Float32, 0, [5]);
        yield return Case(DType.Float32, 0, [0, 4], [0, 4]);
        yield return Case(DType.Float32, 1, [.. Enumerable.Range(0, 300).Select(i => new long[] { 3, i % 3 })]);
        foreach (var layout in Enum.GetValues<CaseLayout>())
            yield return Case(DType.Float32, 1, [6, 8], [6, 5]).With(layout);
        yield return Case(DType.Float64, 1, [2, 3], [2, 1]) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float32, 1, [1024, 512], [1024, 256], [1024, 256]) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, long dim, params long[][] shapes) =>
        new(
            this,
            dtype,
            shapes.Length > 8
                ? $"tensors={shapes.Length},dim={dim}"
                : $"shapes={string.Join('+', shapes.Select(s => string.Join('x', s)))},dim={dim}",
            [
                .. shapes.Select(s =>
                    dtype.IsFloating
                        ? Draw.Normal(s)
                        : new CaseInput(s, DrawKind.Integers, 0, dtype == DType.Bool ? 2 : 200)
                ),
            ],
            Attributes.Of(dim)
        );
}

/// <summary>Joining tensors.</summary>
public static class CatExtensions
{
    extension(Tensor)
    {
        /// <summary>The tensors one after the other along an axis; extents must be equal along all others, and dtypes.</summary>
        public static Tensor Concat(ReadOnlySpan<Tensor> tensors, int dim = 0) =>
            CatOp.Instance.Apply(Inputs(tensors), Attributes.Of((long)dim));

        /// <summary>Tensors of one shape along a new axis at <paramref name="dim"/>, which counts from the end when negative.</summary>
        public static Tensor Stack(ReadOnlySpan<Tensor> tensors, int dim = 0)
        {
            var raised = new Tensor[tensors.Length];
            for (var i = 0; i < raised.Length; i++)
            {
                if (!tensors[i].Shape.Equals(tensors[0].Shape))
                    throw new ShapeException(
                        $"stack: tensor {i} has shape {tensors[i].Shape}, the first one {tensors[0].Shape}; expected one shape"
                    );
                var rank = tensors[i].Rank;
                if (dim < -rank - 1 || dim > rank)
                    throw new ShapeException(
                        $"stack: a new axis {dim} of {tensors[i].Shape} does not exist; expected {-rank - 1} to {rank}"
                    );
                raised[i] = tensors[i].Unsqueeze(dim);
            }
            return Tensor.Concat(raised, dim);
        }
    }

    private static Tensor?[] Inputs(ReadOnlySpan<Tensor> tensors)
    {
        var inputs = new Tensor?[tensors.Length];
        for (var i = 0; i < inputs.Length; i++)
            inputs[i] = tensors[i];
        return inputs;
    }
}
