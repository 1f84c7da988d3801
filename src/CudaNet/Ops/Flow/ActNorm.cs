namespace CudaNet;

/// <summary>
/// Activation normalisation of Glow (Kingma, Dhariwal 2018): input · scale + bias with one scale and bias for each channel (axis 1), and
/// for each sample the logarithm of the Jacobian determinant, Σ log|scale| times the positions of a channel. With no bias and one
/// position it is also the diagonal scaling that ends NICE.
/// </summary>
internal sealed class ActNormOp() : Op("act_norm", "input, scale, bias?; inverse: bool = false -> output, log_det")
{
    public static readonly ActNormOp Instance = new();

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel? Cpu => CpuActNorm.Run;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var shape = call.Input(0).Shape;
        if (shape.Rank < 2)
            throw call.ShapeError("expected an input (samples, channels, …)");
        for (var i = 1; i <= 2; i++)
            if (call.Has(i) && (call.Input(i).Rank != 1 || call.Input(i).Shape[0] != shape[1]))
                throw call.ShapeError(
                    $"expected {Signature.Inputs[i].Name} with one value for each of the {shape[1]} channels"
                );
        outputs[0] = new(shape, dtype);
        outputs[1] = new(new Shape(shape[0]), dtype.Accumulator);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, scale, bias) = (call.Input(), call.Input(1), call.InputOrNull(2));
        var (y, logDet, inverse) = (call.Output(), call.Output(1), call.Attributes.Bool(0));
        var (channels, positions) = (x.Shape[1], Positions(x.Shape));
        for (long i = 0; i < x.Shape.NumElements; i++)
        {
            var (s, b) = (scale[i / positions % channels], bias?[i / positions % channels] ?? 0);
            y[i] = inverse ? (x[i] - b) / s : x[i] * s + b;
            y.Magnitude[i] = inverse ? (Math.Abs(x[i]) + Math.Abs(b)) / Math.Abs(s) : Math.Abs(x[i] * s) + Math.Abs(b);
        }
        double sum = 0,
            absolute = 0;
        for (long c = 0; c < channels; c++)
        {
            sum += Math.Log(Math.Abs(scale[c]));
            absolute += Math.Abs(Math.Log(Math.Abs(scale[c])));
        }
        for (long n = 0; n < logDet.Shape.NumElements; n++)
        {
            logDet[n] = (inverse ? -sum : sum) * positions;
            logDet.Magnitude[n] = absolute * positions;
        }
        logDet.Terms = Math.Max(1, channels);
    }

    /// <summary>The elements of one channel of one sample.</summary>
    internal static long Positions(Shape shape) => new Shape(shape.Dims[2..]).NumElements;

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (input, inverse) = (inputs[0]!, attributes.Bool(0));
        var accumulator = input.DType.Accumulator;
        var (channels, positions) = (input.Shape[1], Positions(input.Shape));
        var x = input.Cast(accumulator).Reshape(input.Shape[0], channels, positions);
        var scale = inputs[1]!.Cast(accumulator).Reshape(1, channels, 1);
        var bias = inputs[2]?.Cast(accumulator).Reshape(1, channels, 1);
        var y =
            inverse ? (bias is null ? x : x.Sub(bias)).Div(scale)
            : bias is null ? x.Mul(scale)
            : x.Mul(scale).Add(bias);
        var logDet = scale.Abs().Log().Sum().Affine(inverse ? -positions : positions);
        return [y.Cast(input.DType).Reshape(input.Shape), logDet.Reshape(1).Expand(input.Shape[0])];
    }

    public override double Flops(in OpCall call) => 2.0 * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases()
    {
        OpCase Case(DType dtype, bool inverse, bool hasBias, params long[] shape) =>
            new(
                this,
                dtype,
                $"shape={string.Join('x', shape)},inverse={(inverse ? "yes" : "no")},bias={(hasBias ? "yes" : "no")}",
                [Draw.Normal(shape), Draw.Away(0.5, 2, shape[1]), hasBias ? Draw.Normal(shape[1]) : null],
                Attributes.Of(inverse)
            );
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (var inverse in new[] { false, true })
            {
                foreach (
                    var shape in new long[][]
                    {
                        [0, 3, 4],
                        [2, 0, 4],
                        [2, 3, 0],
                        [1, 1],
                        [33, 7],
                        [300, 3],
                        [5, 31, 4],
                        [2, 8, 4, 4],
                        [3, 5, 3, 11],
                        [1, 257, 2, 4],
                        [2, 3, 1032],
                    }
                )
                    yield return Case(dtype, inverse, true, shape);
                yield return Case(dtype, inverse, false, 5, 33);
            }
            foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
                yield return Case(dtype, false, true, 3, 5, 16).With(layout);
        }
        foreach (var inverse in new[] { false, true })
        {
            yield return Case(DType.Float64, inverse, true, 2, 3, 2) with
            {
                CheckGradient = true,
            };
            yield return Case(DType.Float64, inverse, false, 3, 2) with
            {
                CheckGradient = true,
            };
        }
        yield return Case(DType.Float32, false, true, 64, 48, 16, 16) with
        {
            IsBenchmark = true,
        };
    }
}

/// <summary>Activation normalisation.</summary>
public static class ActNormExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// input · scale + bias for each channel (axis 1), and for each sample h·w·Σ log|scale|, the logarithm of its Jacobian determinant:
        /// the actnorm layer of Glow (Kingma, Dhariwal 2018, table 1).
        /// </summary>
        /// <param name="scale">One factor for each channel; none may be 0.</param>
        /// <param name="bias">One summand for each channel.</param>
        /// <param name="inverse">(input − bias) / scale and −h·w·Σ log|scale| instead.</param>
        /// <returns>The output, and the log-determinants (samples), in f64 for f64 and else in f32.</returns>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        public (Tensor Output, Tensor LogDet) ActNorm(Tensor scale, Tensor? bias = null, bool inverse = false)
        {
            var outputs = ActNormOp.Instance.ApplyAll([input, scale, bias], Attributes.Of(inverse));
            return (outputs[0]!, outputs[1]!);
        }
    }
}
