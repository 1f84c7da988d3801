namespace CudaNet;

/// <summary>Whose potentials an update makes.</summary>
public enum SinkhornSide
{
    /// <summary>Those of the rows, from the columns'.</summary>
    Rows,

    /// <summary>Those of the columns, from the rows'.</summary>
    Columns,
}

/// <summary>
/// Half an iteration of Sinkhorn's algorithm in the log domain (Cuturi 2013; Peyré, Cuturi 2019, section 4.4):
/// f_i = ε log a_i − ε log Σ_j exp((g_j − C_ij) / ε), which makes the plan exp((f_i + g_j − C_ij) / ε) have the row sums a; for columns
/// with the roles exchanged. Without marginals they are uniform.
/// </summary>
internal sealed class SinkhornUpdateOp()
    : Op("sinkhorn_update", "cost, potential, log_marginal?; epsilon: float, side: rows|columns = rows -> output")
{
    public static readonly SinkhornUpdateOp Instance = new();

    protected internal override Saved Saves => Saved.AllInputs.AndOutputs(0);

    internal override CpuKernel? Cpu => CpuSinkhorn.Update;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var side = (SinkhornSide)call.Attributes.Int(1);
        var (rows, columns) = SinkhornRules.RequireCost(call, call.Attributes.Float(0));
        var (own, other) = side == SinkhornSide.Rows ? (rows, columns) : (columns, rows);
        SinkhornRules.RequirePotential(call, 1, other);
        if (call.Has(2))
            SinkhornRules.RequirePotential(call, 2, own);
        outputs[0] = new(own, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (cost, g, marginal, f) = (call.Input(0), call.Input(1), call.InputOrNull(2), call.Output());
        var (epsilon, side) = (call.Attributes.Float(0), (SinkhornSide)call.Attributes.Int(1));
        var (rows, columns) = (cost.Shape[-2], cost.Shape[-1]);
        var (own, other) = side == SinkhornSide.Rows ? (rows, columns) : (columns, rows);
        var z = new double[other];
        var sizes = new double[other];
        for (long i = 0; i < f.Shape.NumElements; i++)
        {
            var (batch, at) = (i / own, i % own);
            for (long j = 0; j < other; j++)
            {
                var c = cost[
                    batch * rows * columns + (side == SinkhornSide.Rows ? at * columns + j : j * columns + at)
                ];
                z[j] = (g[batch * other + j] - c) / epsilon;
                sizes[j] = (Math.Abs(g[batch * other + j]) + Math.Abs(c)) / epsilon;
            }
            var sum = ExpSum.Of(z);
            var logMarginal = marginal?[i] ?? -Math.Log(own);
            f[i] = epsilon * (logMarginal - sum.Log);
            // An error of an exponent is a relative one of its power, which enters by its share.
            double noise = 0;
            for (long j = 0; j < other; j++)
                noise += Math.Exp(z[j] - sum.Max) / sum.Sum * sizes[j];
            f.Magnitude[i] = epsilon * (Math.Abs(logMarginal) + sum.LogMagnitude + noise);
        }
        f.Terms = Math.Max(1, other);
    }

    /// <summary>With P_ij the softmax over j of (g_j − C_ij) / ε: ∂f_i/∂C_ij = P_ij, ∂f_i/∂g_j = −P_ij and ∂f_i/∂log a_i = ε.</summary>
    protected internal override void Backward(BackwardCall call)
    {
        var (epsilon, side) = (call.Attributes.Float(0), (SinkhornSide)call.Attributes.Int(1));
        var (gradient, cost, potential) = (call.GradOutput(), call.Input(0), call.Input(1));
        if (call.Has(2))
            call.Set(2, gradient.Affine(epsilon));
        if (!call.Needs(0) && !call.Needs(1))
            return;
        var isRows = side == SinkhornSide.Rows;
        // P is the plan of the potentials that leave the marginals out.
        var soft = call.Has(2)
            ? call.Output().Sub(call.Input(2).Affine(epsilon))
            : call.Output().Affine(1, epsilon * Math.Log(call.Output().Shape[-1]));
        if (call.Has(2))
            // A point without mass has the potential −∞ and takes no part: no weights rather than ∞ − ∞.
            soft = Tensor.Where(call.Input(2).Eq(double.NegativeInfinity), double.NegativeInfinity, soft);
        var weights = isRows
            ? cost.SinkhornPlan(soft, potential, epsilon)
            : cost.SinkhornPlan(potential, soft, epsilon);
        var part = weights.Mul(gradient.Unsqueeze(isRows ? -1 : -2));
        call.Set(0, part);
        call.Set(1, part.Sum(isRows ? -2 : -1).Neg());
    }

    public override double Flops(in OpCall call) => 5.0 * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var side in Enum.GetValues<SinkhornSide>())
        {
            foreach (var dtype in CaseSizes.Floating)
            {
                foreach (
                    var shape in new long[][]
                    {
                        [0, 3],
                        [3, 0],
                        [1, 1],
                        [5, 31],
                        [33, 7],
                        [2, 32, 65],
                        [0, 2, 3],
                        [3, 9, 33],
                        [2, 2, 3, 5],
                        [3, 1031],
                        [261, 34],
                    }
                )
                    yield return Case(dtype, side, 0.3, true, shape);
                yield return Case(dtype, side, 0.05, false, 9, 17);
                foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
                    yield return Case(dtype, side, 0.3, true, 2, 5, 19).With(layout);
            }
            yield return Case(DType.Float64, side, 0.4, true, 2, 3) with
            {
                CheckGradient = true,
            };
            yield return Case(DType.Float64, side, 0.5, false, 2, 2, 2) with
            {
                CheckGradient = true,
            };
            yield return Case(DType.Float32, side, 0.05, true, 8, 512, 512) with
            {
                IsBenchmark = true,
            };
        }
    }

    private OpCase Case(DType dtype, SinkhornSide side, double epsilon, bool hasMarginal, params long[] shape)
    {
        var isRows = side == SinkhornSide.Rows;
        long[] rows = shape[..^1];
        long[] columns = [.. shape[..^2], shape[^1]];
        return new(
            this,
            dtype,
            System.FormattableString.Invariant(
                $"cost={string.Join('x', shape)},eps={epsilon},side={(isRows ? "rows" : "columns")},marginal={(hasMarginal ? "yes" : "no")}"
            ),
            [
                Draw.Uniform(0, 2, shape),
                Draw.Uniform(-1, 1, isRows ? columns : rows),
                hasMarginal ? Draw.Uniform(-3, -0.5, isRows ? rows : columns) : null,
            ],
            Attributes.Of(epsilon, (long)side)
        );
    }
}

/// <summary>What the ops of optimal transport agree on.</summary>
internal static class SinkhornRules
{
    /// <summary>Checks cost and ε; gives the shapes of the potentials of rows and of columns.</summary>
    public static (Shape Rows, Shape Columns) RequireCost(in OpCall call, double epsilon)
    {
        var cost = call.Input(0).Shape;
        if (cost.Rank < 2)
            throw call.ShapeError("expected a cost (…, rows, columns)");
        if (!(epsilon > 0 && double.IsFinite(epsilon)))
            throw new AttributeException($"{call.Describe()}: expected a finite epsilon > 0, got {epsilon}");
        return (new Shape(cost.Dims[..^1]), new Shape([.. cost.Dims[..^2], cost[-1]]));
    }

    public static void RequirePotential(in OpCall call, int input, Shape expected)
    {
        if (!call.Input(input).Shape.Equals(expected))
            throw call.ShapeError(
                $"expected {call.Op.Signature.Inputs[input].Name} with the shape {expected}; nothing is broadcast"
            );
    }
}
