namespace CudaNet;

/// <summary>The transport plan of two potentials, exp((f_i + g_j − C_ij) / ε) (Peyré, Cuturi 2019, equation 4.12 in the log domain).</summary>
internal sealed class SinkhornPlanOp()
    : Op("sinkhorn_plan", "cost, row_potential, column_potential; epsilon: float -> output")
{
    public static readonly SinkhornPlanOp Instance = new();

    protected internal override Saved Saves => Saved.Outputs(0);

    internal override CpuKernel? Cpu => CpuSinkhorn.Plan;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var (rows, columns) = SinkhornRules.RequireCost(call, call.Attributes.Float(0));
        SinkhornRules.RequirePotential(call, 1, rows);
        SinkhornRules.RequirePotential(call, 2, columns);
        outputs[0] = new(call.Input(0).Shape, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (cost, f, g, y) = (call.Input(0), call.Input(1), call.Input(2), call.Output());
        var epsilon = call.Attributes.Float(0);
        var (rows, columns) = (cost.Shape[-2], cost.Shape[-1]);
        for (long at = 0; at < y.Shape.NumElements; at++)
        {
            var (i, j) = (at / columns, at / (rows * columns) * columns + at % columns);
            y[at] = Math.Exp((f[i] + g[j] - cost[at]) / epsilon);
            if (y[at] > 0)
                y.Magnitude[at] = y[at] * (1 + (Math.Abs(f[i]) + Math.Abs(g[j]) + Math.Abs(cost[at])) / epsilon);
        }
    }

    protected internal override void Backward(BackwardCall call)
    {
        var part = call.GradOutput().Mul(call.Output()).Affine(1 / call.Attributes.Float(0));
        if (call.Needs(0))
            call.Set(0, part.Neg());
        if (call.Needs(1))
            call.Set(1, part.Sum(-1));
        if (call.Needs(2))
            call.Set(2, part.Sum(-2));
    }

    public override double Flops(in OpCall call) => 4.0 * call.Input(0).NumElements;

    public override IEnumerable<OpCase> Cases()
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
                    [33, 8],
                    [2, 32, 65],
                    [3, 9, 24],
                    [2, 2, 3, 5],
                    [3, 1032],
                }
            )
                yield return Case(dtype, 0.3, shape);
            foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
                yield return Case(dtype, 0.5, 2, 5, 16).With(layout);
        }
        yield return Case(DType.Float64, 0.4, 2, 3) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float64, 0.5, 2, 2, 2) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float32, 0.05, 8, 512, 512) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, double epsilon, params long[] shape) =>
        new(
            this,
            dtype,
            System.FormattableString.Invariant($"cost={string.Join('x', shape)},eps={epsilon}"),
            [
                Draw.Uniform(0, 2, shape),
                Draw.Uniform(-1, 1, shape[..^1]),
                Draw.Uniform(-1, 1, [.. shape[..^2], shape[^1]]),
            ],
            Attributes.Of(epsilon)
        );
}

/// <summary>Entropy-regularised optimal transport.</summary>
public static class SinkhornExtensions
{
    extension(Tensor cost)
    {
        /// <summary>
        /// Half an iteration of Sinkhorn's algorithm in the log domain, for one problem or a batch: the potentials of one side from those of
        /// the other, f_i = ε log a_i − ε log Σ_j exp((g_j − cost_ij) / ε) (Peyré, Cuturi 2019, section 4.4). Differentiable.
        /// </summary>
        /// <param name="potential">The other side's potentials, in the unit of the cost: (…, columns) for rows, (…, rows) for columns.</param>
        /// <param name="epsilon">The strength of the entropy, in the unit of the cost.</param>
        /// <param name="side">Whose potentials are made.</param>
        /// <param name="logMarginal">The logarithm of this side's masses, −∞ for none; uniform masses of sum 1 when it is null.</param>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        public Tensor SinkhornUpdate(
            Tensor potential,
            double epsilon,
            SinkhornSide side = SinkhornSide.Rows,
            Tensor? logMarginal = null
        ) => SinkhornUpdateOp.Instance.Apply([cost, potential, logMarginal], Attributes.Of(epsilon, (long)side));

        /// <summary>The transport plan exp((row_i + column_j − cost_ij) / ε), in the shape of the cost.</summary>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        public Tensor SinkhornPlan(Tensor rowPotential, Tensor columnPotential, double epsilon) =>
            SinkhornPlanOp.Instance.Apply([cost, rowPotential, columnPotential], Attributes.Of(epsilon));

        /// <summary>
        /// Sinkhorn's algorithm in the log domain: from zero potentials, <paramref name="iterations"/> times the rows' and then the columns'
        /// update. Afterwards the plan's column sums are exact, its row sums as good as the iteration has converged.
        /// </summary>
        /// <param name="epsilon">The strength of the entropy, in the unit of the cost.</param>
        /// <param name="iterations">How many updates of both sides.</param>
        /// <param name="logRowMarginal">The logarithm of the rows' masses (…, rows); uniform when it is null.</param>
        /// <param name="logColumnMarginal">The logarithm of the columns' masses (…, columns); uniform when it is null.</param>
        /// <returns>The potentials of rows and columns; <see cref="SinkhornPlan"/> makes the plan of them.</returns>
        public (Tensor Rows, Tensor Columns) Sinkhorn(
            double epsilon,
            int iterations,
            Tensor? logRowMarginal = null,
            Tensor? logColumnMarginal = null
        )
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(iterations, 1);
            if (cost.Rank < 2)
                throw new ShapeException($"sinkhorn: expected a cost (…, rows, columns), got {cost.Shape}");
            var columns = Tensor.Zeros(new Shape([.. cost.Shape.Dims[..^2], cost.Shape[-1]]), cost.DType, cost.Device);
            Tensor? rows = null;
            for (var i = 0; i < iterations; i++)
            {
                rows = cost.SinkhornUpdate(columns, epsilon, SinkhornSide.Rows, logRowMarginal);
                columns = cost.SinkhornUpdate(rows, epsilon, SinkhornSide.Columns, logColumnMarginal);
            }
            return (rows!, columns);
        }
    }
}
