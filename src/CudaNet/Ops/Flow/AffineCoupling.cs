namespace CudaNet;

/// <summary>
/// The coupling layer of RealNVP (Dinh, Sohl-Dickstein, Bengio 2017): x · exp(s) + t, with Σ s of each sample as the logarithm of its
/// Jacobian determinant; without log_scale the additive one of NICE (Dinh, Krueger, Bengio 2015), whose determinant is 1. Elements whose
/// mask is true pass unchanged. With a bound b the scale is s = b · tanh(log_scale / b).
/// </summary>
internal sealed class AffineCouplingOp()
    : Op(
        "affine_coupling",
        "input, log_scale?, shift, mask?; bound: float = 0, inverse: bool = false -> output, log_det?"
    )
{
    public static readonly AffineCouplingOp Instance = new();

    public override IReadOnlyList<string> Aliases => ["additive_coupling"];

    protected internal override bool AcceptsStrides => true;

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel? Cpu => CpuAffineCoupling.Forward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating(0, 2);
        var shape = CouplingRules.Require(call, input: 0, like: [1, 2], mask: 3, call.Attributes.Float(0));
        outputs[0] = new(shape, dtype);
        if (call.Has(1))
            outputs[1] = new(new Shape(shape[0]), dtype.Accumulator);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, shift, y, logDet) = (call.Input(), call.Input(2), call.Output(), call.OutputOrNull(1));
        var (logScale, mask) = (call.InputOrNull(1), call.InputOrNull(3));
        var (bound, inverse) = (call.Attributes.Float(0), call.Attributes.Bool(1));
        var length = CouplingRules.SampleLength(x.Shape);
        for (long i = 0; i < x.Shape.NumElements; i++)
        {
            if (mask is not null && mask[i % length] != 0)
            {
                y[i] = x[i];
                continue;
            }
            var (s, _) = CouplingRules.Scale(logScale?[i] ?? 0, bound);
            // An error of s is a relative one of its power.
            var (power, noise) = (Math.Exp(inverse ? -s : s), 1 + Math.Abs(s));
            y[i] = inverse ? (x[i] - shift[i]) * power : x[i] * power + shift[i];
            y.Magnitude[i] = inverse
                ? (Math.Abs(x[i]) + Math.Abs(shift[i])) * power * noise
                : Math.Abs(x[i]) * power * noise + Math.Abs(shift[i]);
            if (logDet is null)
                continue;
            logDet[i / length] += inverse ? -s : s;
            logDet.Magnitude[i / length] += Math.Abs(s);
            logDet.Terms = length;
        }
    }

    protected internal override void Backward(BackwardCall call)
    {
        var inverse = call.Attributes.Bool(1);
        if (call.Has(1))
        {
            var gradients = AffineCouplingBackwardOp.Instance.ApplyAll(
                [
                    call.GradOutput(),
                    call.Input(0),
                    call.Input(1),
                    call.Input(2),
                    call.GradOutput(1),
                    call.InputOrNull(3),
                ],
                call.Attributes
            );
            for (var i = 0; i < 3; i++)
                call.Set(i, gradients[i]);
            return;
        }
        var gradient = call.GradOutput();
        call.Set(0, gradient);
        if (!call.Needs(2))
            return;
        var moved = call.InputOrNull(3) is { } mask ? Tensor.Where(mask, 0, gradient) : gradient;
        call.Set(2, inverse ? moved.Neg() : moved);
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (dtype, accumulator) = (inputs[0]!.DType, inputs[0]!.DType.Accumulator);
        var (x, t) = (inputs[0]!.Cast(accumulator), inputs[2]!.Cast(accumulator));
        var inverse = attributes.Bool(1);
        var s = inputs[1] is { } raw ? CouplingRules.Scale(raw.Cast(accumulator), attributes.Float(0)) : null;
        var y =
            s is null ? (inverse ? x.Sub(t) : x.Add(t))
            : inverse ? x.Sub(t).Mul(s.Neg().Exp())
            : x.Mul(s.Exp()).Add(t);
        if (inputs[3] is { } mask)
        {
            y = Tensor.Where(mask, x, y);
            s = s is null ? null : Tensor.Where(mask, 0, s);
        }
        var sum = s?.Reshape(x.Shape[0], CouplingRules.SampleLength(x.Shape)).Sum(1);
        return [y.Cast(dtype), inverse ? sum?.Neg() : sum];
    }

    public override double Flops(in OpCall call) => (call.Has(1) ? 12.0 : 1.0) * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases() =>
        CouplingCases.For(
            this,
            (_, shape, isMasked, isAffine) =>
                [
                    Draw.Normal(shape),
                    isAffine ? new CaseInput(shape, DrawKind.Normal, 0, 0.7) : null,
                    Draw.Normal(shape),
                    isMasked ? Draw.Bools(shape[1..]) : null,
                ]
        );
}

/// <summary>The gradients of an affine coupling layer.</summary>
internal sealed class AffineCouplingBackwardOp()
    : Op(
        "affine_coupling_backward",
        "grad_output, input, log_scale, shift, grad_log_det, mask?; bound: float = 0, inverse: bool = false"
            + " -> grad_input, grad_log_scale, grad_shift"
    )
{
    public static readonly AffineCouplingBackwardOp Instance = new();

    protected internal override bool AcceptsStrides => true;

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel? Cpu => CpuAffineCoupling.Backward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating(0, 3);
        var shape = CouplingRules.Require(call, input: 1, like: [0, 2, 3], mask: 5, call.Attributes.Float(0));
        var sums = call.Input(4);
        if (sums.Rank != 1 || sums.Shape[0] != shape[0] || sums.DType != dtype.Accumulator)
            throw call.ShapeError($"expected grad_log_det to be ({shape[0]}) {dtype.Accumulator.Name}");
        outputs[0] = outputs[1] = outputs[2] = new(shape, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (g, x, raw, shift) = (call.Input(), call.Input(1), call.Input(2), call.Input(3));
        var (gradLogDet, mask) = (call.Input(4), call.InputOrNull(5));
        var (gx, gs, gt) = (call.Output(), call.Output(1), call.Output(2));
        var (bound, inverse) = (call.Attributes.Float(0), call.Attributes.Bool(1));
        var length = CouplingRules.SampleLength(x.Shape);
        for (long i = 0; i < x.Shape.NumElements; i++)
        {
            if (mask is not null && mask[i % length] != 0)
            {
                gx[i] = g[i];
                continue;
            }
            var (s, slope) = CouplingRules.Scale(raw[i], bound);
            var (power, noise) = (Math.Exp(inverse ? -s : s), 1 + Math.Abs(s));
            var value = inverse ? (x[i] - shift[i]) * power : x[i] * power;
            var size = (Math.Abs(x[i]) + (inverse ? Math.Abs(shift[i]) : 0)) * power * noise;
            var sum = g[i] * value + gradLogDet[i / length];
            gx[i] = g[i] * power;
            gx.Magnitude[i] = Math.Abs(g[i]) * power * noise;
            gt[i] = inverse ? -gx[i] : g[i];
            gt.Magnitude[i] = inverse ? gx.Magnitude[i] : 0;
            gs[i] = slope * (inverse ? -sum : sum);
            // 1 − tanh² has an error of its own where it is small.
            gs.Magnitude[i] = (Math.Abs(g[i]) * size + Math.Abs(gradLogDet[i / length])) * (2 - slope);
        }
    }

    public override bool HasComposition => true;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (dtype, accumulator) = (inputs[0]!.DType, inputs[0]!.DType.Accumulator);
        var (bound, inverse) = (attributes.Float(0), attributes.Bool(1));
        var (g, x, t) = (inputs[0]!.Cast(accumulator), inputs[1]!.Cast(accumulator), inputs[3]!.Cast(accumulator));
        var s = CouplingRules.Scale(inputs[2]!.Cast(accumulator), bound);
        var column = new long[x.Rank];
        Array.Fill(column, 1);
        column[0] = x.Shape[0];
        var power = (inverse ? s.Neg() : s).Exp();
        var moved = g.Mul(power);
        var sum = moved.Mul(inverse ? x.Sub(t) : x).Add(inputs[4]!.Reshape(column));
        if (bound > 0)
        {
            var th = s.Affine(1 / bound);
            sum = sum.Mul(th.Mul(th).Affine(-1, 1));
        }
        var (gx, gs, gt) = (moved, inverse ? sum.Neg() : sum, inverse ? moved.Neg() : g);
        if (inputs[5] is { } mask)
            (gx, gs, gt) = (Tensor.Where(mask, g, gx), Tensor.Where(mask, 0, gs), Tensor.Where(mask, 0, gt));
        return [gx.Cast(dtype), gs.Cast(dtype), gt.Cast(dtype)];
    }

    public override double Flops(in OpCall call) => 14.0 * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases() =>
        CouplingCases.For(
            this,
            (dtype, shape, isMasked, _) =>
                [
                    Draw.Normal(shape),
                    Draw.Normal(shape),
                    new CaseInput(shape, DrawKind.Normal, 0, 0.7),
                    Draw.Normal(shape),
                    new CaseInput([shape[0]]) { DType = dtype.Accumulator },
                    isMasked ? Draw.Bools(shape[1..]) : null,
                ]
        );
}

/// <summary>Affine and additive coupling layers.</summary>
public static class CouplingExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// input · exp(s) + shift and, for each sample (axis 0), Σ s, the logarithm of its Jacobian determinant: the affine coupling layer of
        /// RealNVP (Dinh, Sohl-Dickstein, Bengio 2017, equations 4 to 9). <paramref name="logScale"/> and <paramref name="shift"/> are what
        /// networks made of the other part of the sample, in the shape of the input; views of one tensor are read in place.
        /// </summary>
        /// <param name="logScale">s, or what s is made of when there is a bound.</param>
        /// <param name="shift">What is added.</param>
        /// <param name="mask">Bool, with the shape of one sample: elements at which it is true pass unchanged, as in the paper's b.</param>
        /// <param name="bound">With b &gt; 0, s = b · tanh(logScale / b), which never exceeds b; 0 takes logScale as it is.</param>
        /// <param name="inverse">(input − shift) · exp(−s) and −Σ s instead.</param>
        /// <returns>The output, and the log-determinants (samples), in f64 for f64 and else in f32.</returns>
        /// <exception cref="ShapeException">The shapes differ, or the input has no axis of samples.</exception>
        public (Tensor Output, Tensor LogDet) AffineCoupling(
            Tensor logScale,
            Tensor shift,
            Tensor? mask = null,
            double bound = 0,
            bool inverse = false
        )
        {
            var outputs = AffineCouplingOp.Instance.ApplyAll(
                [input, logScale, shift, mask],
                Attributes.Of(bound, inverse)
            );
            return (outputs[0]!, outputs[1]!);
        }

        /// <summary>
        /// input + shift, or input − shift for the inverse, except where the mask is true: the additive coupling layer of NICE (Dinh, Krueger,
        /// Bengio 2015), whose log-determinant is 0.
        /// </summary>
        /// <exception cref="ShapeException">The shapes differ, or the input has no axis of samples.</exception>
        public Tensor AdditiveCoupling(Tensor shift, Tensor? mask = null, bool inverse = false) =>
            AffineCouplingOp.Instance.Apply([input, null, shift, mask], Attributes.Of(0.0, inverse));
    }
}
