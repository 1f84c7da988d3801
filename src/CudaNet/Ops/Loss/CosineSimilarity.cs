namespace CudaNet;

internal sealed class CosineSimilarityOp()
    : Op("cosine_similarity", "input, other; dim: int = 1, eps: float = 1e-8 -> output")
{
    public static readonly CosineSimilarityOp Instance = new();

    public override OpKind Kind => OpKind.Composition;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var shape = call.Input(0).Shape;
        if (!call.Input(1).Shape.Equals(shape))
            throw call.ShapeError("expected tensors of one shape; use Expand for one that is to be repeated");
        outputs[0] = new(shape.Reduce([call.Attributes.Int(0)], keepAxes: false, Name), dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (a, b, y) = (call.Input(0), call.Input(1), call.Output());
        var axis = (int)((call.Attributes.Int(0) + a.Shape.Rank) % a.Shape.Rank);
        var (eps, n) = (call.Attributes.Float(1), a.Shape[axis]);
        var inner = new Shape(a.Shape.Dims[(axis + 1)..]).NumElements;
        for (long i = 0; i < y.Values.Length; i++)
        {
            double dot = 0,
                size = 0,
                squaresA = 0,
                squaresB = 0;
            for (long k = 0; k < n; k++)
            {
                var at = (i / inner * n + k) * inner + i % inner;
                dot += a[at] * b[at];
                size += Math.Abs(a[at] * b[at]);
                squaresA += a[at] * a[at];
                squaresB += b[at] * b[at];
            }
            var norms = Math.Max(Math.Sqrt(squaresA), eps) * Math.Max(Math.Sqrt(squaresB), eps);
            y[i] = dot / norms;
            // Each norm has the relative error of a sum of its own.
            y.Magnitude[i] = size / norms + 2 * Math.Abs(dot / norms);
        }
        y.Terms = Math.Max(n, 1);
    }

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        // No shape rule runs before a composition, and its ops would broadcast.
        Infer(new OpCall(this, inputs, attributes), new TensorSpec[1]);
        var (dtype, dim, eps) = (inputs[0]!.DType, (int)attributes.Int(0), attributes.Float(1));
        var (a, b) = (inputs[0]!.Cast(dtype.Accumulator), inputs[1]!.Cast(dtype.Accumulator));
        // Divided one by one, because the product of two norms may overflow.
        var cosine = a.Mul(b).Sum(dim).Div(Norm(a)).Div(Norm(b));
        return [cosine.Cast(dtype)];

        Tensor Norm(Tensor x) => x.VectorNorm(2, dim).Clamp(eps);
    }

    public override double Flops(in OpCall call) => 6.0 * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (var n in CaseSizes.Lengths.Where(n => n > 0))
                yield return Case(dtype, 1, 3, n);
            foreach (var layout in Enum.GetValues<CaseLayout>())
                yield return Case(dtype, 1, 13, 29).With(layout);
            yield return Case(dtype, 0, 33, 5, 3);
            yield return Case(dtype, -2, 5, 31, 3);
        }
        foreach (var dim in new[] { 0, 1, -1 })
            yield return Case(DType.Float64, dim, 3, 4) with
            {
                CheckGradient = true,
            };
        // Norms are about 2: some are below this bound and some above.
        var bounded = new OpCase(
            this,
            DType.Float64,
            "shape=5x4,dim=1,eps=2",
            [Draw.Normal(5, 4), Draw.Normal(5, 4)],
            Attributes.Of(1L, 2.0)
        );
        yield return bounded with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float32, 1, 4096, 256) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, long dim, params long[] shape) =>
        new(
            this,
            dtype,
            $"shape={string.Join('x', shape)},dim={dim}",
            [Draw.Normal(shape), Draw.Normal(shape)],
            Attributes.Of(dim, 1e-8)
        );
}

/// <summary>Angles between vectors.</summary>
public static class CosineSimilarityExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// input · other / (‖input‖ ‖other‖) along an axis: the cosine of the angle between them. A norm below <paramref name="eps"/> counts as eps,
        /// a constant (PyTorch takes the gradient as if it did not).
        /// </summary>
        /// <exception cref="ShapeException">The shapes differ; nothing is broadcast.</exception>
        public Tensor CosineSimilarity(Tensor other, int dim = 1, double eps = 1e-8) =>
            CosineSimilarityOp.Instance.Apply([input, other], Attributes.Of((long)dim, eps));
    }
}
