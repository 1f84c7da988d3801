using System.Text.Json;
using CudaNet.Optim;
using CudaNet.Training;

namespace CudaNet.Tests.Optim;

/// <summary>L-BFGS against recorded PyTorch runs (tests/golden/make_optimizers.py).</summary>
[TestFixture]
public sealed class LbfgsTests
{
    private static readonly JsonElement Golden = JsonDocument
        .Parse(File.ReadAllText(Path.Combine(RepositoryRoot.Find(), "tests/golden/optimizers.json")))
        .RootElement.GetProperty("lbfgs");

    private static IEnumerable<string> CaseNames =>
        Golden.EnumerateArray().Select(c => c.GetProperty("name").GetString()!);

    private static Tensor Fill(Func<int, double> formula, Shape shape, DType dtype)
    {
        var values = Enumerable.Range(0, (int)shape.NumElements).Select(formula).ToArray();
        return Tensor.From(values, shape).Cast(dtype);
    }

    private static Tensor Leaf(Tensor tensor)
    {
        tensor.RequiresGrad = true;
        return tensor;
    }

    private static Tensor Logistic(Tensor w, Tensor b)
    {
        var x = Fill(i => Math.Sin(0.9 * (i / 3) + 1.3 * (i % 3)) + 0.1 * (i % 3), [20, 3], w.DType);
        var y = Fill(i => i % 3 == 0 ? 1 : 0, [20], w.DType);
        var z = x.MatMul(w.Reshape(3, 1)).Reshape(20) + b;
        return (z.Softplus() - y * z).Mean() + 0.05 * w.Square().Sum();
    }

    private static Tensor Rosenbrock(Tensor w, Tensor b)
    {
        var chain = Tensor.Concat([w, b]);
        var (head, tail) = (chain.Narrow(0, 0, 3), chain.Narrow(0, 1, 3));
        return (10 * (tail - head.Square()).Square() + (1 - head).Square()).Sum();
    }

    private sealed class Problem
    {
        private readonly Func<Tensor, Tensor, Tensor> _loss;
        private readonly Tensor _w;
        private readonly Tensor _b;

        public Problem(string name, DType dtype)
        {
            _loss = name == "logistic" ? Logistic : Rosenbrock;
            (_w, _b) = (Leaf(Fill(i => Math.Sin(1 + 0.7 * i), [3], dtype)), Leaf(Fill(_ => -0.4, [1], dtype)));
        }

        public Tensor[] Parameters => [_w, _b];

        public double[] Values => [.. _w.ToDoubles(), .. _b.ToDoubles()];

        public double Step(Optimizer optimizer) =>
            optimizer
                .Step(() =>
                {
                    optimizer.ZeroGrad();
                    var loss = _loss(_w, _b);
                    loss.Backward();
                    return loss;
                })
                .Item();
    }

    private static Lbfgs Make(JsonElement of, Problem problem) =>
        new(
            problem.Parameters,
            of.GetProperty("lr").GetDouble(),
            of.GetProperty("max_iter").GetInt32(),
            historySize: of.TryGetProperty("history_size", out var size) ? size.GetInt32() : 100,
            strongWolfe: of.TryGetProperty("line_search_fn", out _)
        );

    /// <summary>In f32 the runs are compared as long as they have not come to where the loss no longer changes in f32.</summary>
    [Test, Combinatorial]
    public void FollowsPyTorch([ValueSource(nameof(CaseNames))] string name, [Values("f32", "f64")] string dtypeName)
    {
        var of = Golden.EnumerateArray().Single(c => c.GetProperty("name").GetString() == name);
        var isWide = dtypeName == "f64";
        var problem = new Problem(of.GetProperty("problem").GetString()!, DTypes.Parse(dtypeName));
        var optimizer = Make(of, problem);
        var steps = of.GetProperty("steps").EnumerateArray().ToList();
        foreach (var step in isWide ? steps : steps.Take(2))
        {
            var loss = problem.Step(optimizer);
            Assert.That(loss, Is.EqualTo(step.GetProperty("loss").GetDouble()).Within(isWide ? 1e-10 : 1e-5));
            var expected = step.GetProperty("values").EnumerateArray().Select(v => v.GetDouble()).ToArray();
            Assert.That(problem.Values, Is.EqualTo(expected).Within(isWide ? 1e-10 : 1e-4));
        }
        if (isWide)
            Assert.That(optimizer.Evaluations, Is.EqualTo(of.GetProperty("func_evals").GetInt64()));
    }

    [Test]
    public void ACheckpointContinuesBitForBit()
    {
        var (first, second) = (new Problem("rosenbrock", DType.Float64), new Problem("rosenbrock", DType.Float64));
        var of = Golden.EnumerateArray().Single(c => c.GetProperty("name").GetString() == "rosenbrock");
        var (optimizer, restored) = (Make(of, first), Make(of, second));
        first.Step(optimizer);
        var state = new TrainingState();
        new OptimizerState(optimizer).SaveState(state);
        for (var i = 0; i < 2; i++)
            using (Autograd.NoGrad())
                second.Parameters[i].CopyFrom<double>(first.Parameters[i].ToDoubles());
        new OptimizerState(restored).LoadState(state);
        first.Step(optimizer);
        second.Step(restored);
        Assert.That(second.Values, Is.EqualTo(first.Values));
        Assert.That(restored.Iterations, Is.EqualTo(optimizer.Iterations));
    }

    [Test]
    public void RefusesWhatItCannotStep()
    {
        var w = Leaf(Tensor.Ones([2]));
        using var all = Assert.EnterMultipleScope();
        Assert.That(() => new Lbfgs([w]).Step(), Throws.TypeOf<AutogradException>().With.Message.Contains("closure"));
        Assert.That(
            () => new Lbfgs([w, Leaf(Tensor.Ones([2], DType.Float64))]),
            Throws.TypeOf<AttributeException>().With.Message.Contains("one dtype")
        );
        Assert.That(() => new Lbfgs([]), Throws.TypeOf<AttributeException>());
        Assert.That(() => new Lbfgs([w], maxIterations: 0), Throws.TypeOf<AttributeException>());
        Assert.That(
            () => new Lbfgs([w]).LoadStateDictionary(new Dictionary<string, Tensor>()),
            Throws.TypeOf<AttributeException>().With.Message.Contains("lacks 'group.0.lr'")
        );
    }

    /// <summary>Every optimiser takes a closure.</summary>
    [Test]
    public void OthersEvaluateAClosureOnce()
    {
        var problem = new Problem("logistic", DType.Float64);
        var optimizer = new Sgd(problem.Parameters, 0.5);
        var first = problem.Step(optimizer);
        Assert.That(problem.Step(optimizer), Is.LessThan(first));
    }
}
