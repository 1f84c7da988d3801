using System.Globalization;

namespace CudaNet.Optim;

/// <summary>
/// L-BFGS (Liu and Nocedal 1989) for losses without noise: a quasi-Newton method that keeps the last differences of parameters and
/// gradients, with a line search for the strong Wolfe conditions if wanted. One <see cref="Step(Func{Tensor})"/> is a whole run of up to
/// <c>maxIterations</c> iterations, as with torch.optim.LBFGS. It reads values on the host, so that it cannot be captured.
/// </summary>
/// <example><code>
/// var loss = optimizer.Step(() => { optimizer.ZeroGrad(); var loss = Loss(); loss.Backward(); return loss; });
/// </code></example>
public sealed class Lbfgs : ClosureOptimizer
{
    private readonly int _maxIterations;
    private readonly int _maxEvaluations;
    private readonly double _toleranceGrad;
    private readonly double _toleranceChange;
    private readonly int _historySize;
    private readonly bool _strongWolfe;
    private readonly List<Pair> _history = [];
    private Tensor? _direction;
    private Tensor? _previousGradient;
    private double _step;
    private double _previousLoss;
    private double _scale = 1;

    /// <summary>An optimiser of these parameters, all of one dtype on one device.</summary>
    /// <param name="parameters">Leaves that require gradients.</param>
    /// <param name="learningRate">The step size, or the first one that the line search tries.</param>
    /// <param name="maxIterations">How many iterations a step has at most.</param>
    /// <param name="maxEvaluations">How often a step evaluates the loss at most, about; 1.25 times the iterations when it is null.</param>
    /// <param name="toleranceGrad">A step ends when no element of the gradient is larger.</param>
    /// <param name="toleranceChange">A step ends when the loss or all parameters change by less.</param>
    /// <param name="historySize">How many differences are kept.</param>
    /// <param name="strongWolfe">Whether a line search for the strong Wolfe conditions is made.</param>
    /// <exception cref="AttributeException">An option is out of range, or the parameters differ in dtype or device.</exception>
    public Lbfgs(
        IEnumerable<Tensor> parameters,
        double learningRate = 1,
        int maxIterations = 20,
        int? maxEvaluations = null,
        double toleranceGrad = 1e-7,
        double toleranceChange = 1e-9,
        int historySize = 100,
        bool strongWolfe = false
    )
        : base(parameters, learningRate)
    {
        if (maxIterations < 1 || historySize < 1)
            throw new AttributeException(
                $"Lbfgs: expected at least one iteration and a history of at least one; got {maxIterations} and {historySize}"
            );
        _maxIterations = maxIterations;
        _maxEvaluations = maxEvaluations ?? maxIterations * 5 / 4;
        _toleranceGrad = RequireNotNegative(toleranceGrad, "gradient tolerance");
        _toleranceChange = RequireNotNegative(toleranceChange, "tolerance of changes");
        (_historySize, _strongWolfe) = (historySize, strongWolfe);
    }

    /// <summary>How many iterations there were in all steps.</summary>
    public long Iterations { get; private set; }

    /// <summary>How often the loss was evaluated in all steps.</summary>
    public long Evaluations { get; private set; }

    /// <inheritdoc/>
    public override Tensor Step(Func<Tensor> closure)
    {
        using var noGrad = Autograd.NoGrad();
        using var frame = Lifetime.Frame();
        var first = Evaluate(closure, out var loss, out var gradient);
        frame.Return(first);
        Evaluations++;
        if (Largest(gradient) <= _toleranceGrad)
            return first;
        var evaluations = 1;
        for (var n = 1; ; n++)
        {
            Iterations++;
            Replace(ref _direction, Direction(gradient));
            Replace(ref _previousGradient, gradient);
            _previousLoss = loss;
            var rate = Groups[0].LearningRate;
            _step = Iterations == 1 ? Math.Min(1, 1 / gradient.Abs().Sum().Item()) * rate : rate;
            var slope = Dot(gradient, _direction!);
            if (slope > -_toleranceChange)
                break;
            var origin = Positions();
            if (_strongWolfe)
            {
                var search = new StrongWolfe(
                    t =>
                    {
                        MoveTo(origin, _direction!, t);
                        Evaluate(closure, out var value, out var at);
                        return new(t, value, at, Dot(at, _direction!));
                    },
                    Largest(_direction!)
                );
                var found = search.Run(new(0, loss, gradient, slope), _step);
                (loss, gradient, _step) = (found.Loss, found.Gradient, found.Step);
                MoveTo(origin, _direction!, _step);
                evaluations += search.Evaluations;
                Evaluations += search.Evaluations;
            }
            else
            {
                MoveTo(origin, _direction!, _step);
                if (n == _maxIterations)
                    break;
                Evaluate(closure, out loss, out gradient);
                evaluations++;
                Evaluations++;
            }
            if (
                n == _maxIterations
                || evaluations >= _maxEvaluations
                || Largest(gradient) <= _toleranceGrad
                || Largest(_direction!) * Math.Abs(_step) <= _toleranceChange
                || Math.Abs(loss - _previousLoss) < _toleranceChange
            )
                break;
        }
        return first;
    }

    /// <summary>−H·g by the two-loop recursion (Nocedal and Wright 2006, algorithm 7.4), after the last step has joined the history.</summary>
    private Tensor Direction(Tensor gradient)
    {
        if (Iterations == 1)
            return -gradient;
        using var frame = Lifetime.Frame();
        var change = gradient - _previousGradient!;
        var step = _direction! * _step;
        var curvature = Dot(change, step);
        if (curvature > 1e-10)
        {
            if (_history.Count == _historySize)
            {
                _history[0].Release();
                _history.RemoveAt(0);
            }
            _history.Add(new(change.Keep(), step.Keep(), 1 / curvature));
            _scale = curvature / Dot(change, change);
        }
        var direction = -gradient;
        var weights = new double[_history.Count];
        for (var i = _history.Count - 1; i >= 0; i--)
        {
            weights[i] = Dot(_history[i].Step, direction) * _history[i].InverseCurvature;
            direction -= _history[i].Change * weights[i];
        }
        direction *= _scale;
        for (var i = 0; i < _history.Count; i++)
        {
            var weight = Dot(_history[i].Change, direction) * _history[i].InverseCurvature;
            direction += _history[i].Step * (weights[i] - weight);
        }
        return frame.Return(direction);
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, Tensor> StateDictionary()
    {
        var state = new Dictionary<string, Tensor>(StringComparer.Ordinal)
        {
            ["group.0.lr"] = Number(Groups[0].LearningRate),
            ["0.n_iter"] = Number(Iterations),
            ["0.func_evals"] = Number(Evaluations),
        };
        if (_direction is null)
            return state;
        state["0.d"] = _direction;
        state["0.t"] = Number(_step);
        state["0.prev_flat_grad"] = _previousGradient!;
        state["0.prev_loss"] = Number(_previousLoss);
        state["0.H_diag"] = Number(_scale);
        for (var i = 0; i < _history.Count; i++)
        {
            state[Name("old_dirs", i)] = _history[i].Change;
            state[Name("old_stps", i)] = _history[i].Step;
            state[Name("ro", i)] = Number(_history[i].InverseCurvature);
        }
        return state;
    }

    /// <inheritdoc/>
    public override void LoadStateDictionary(IReadOnlyDictionary<string, Tensor> state)
    {
        var reader = new StateReader(nameof(Lbfgs), state);
        var rate = reader.Number("group.0.lr");
        var (iterations, evaluations) = (reader.Number("0.n_iter"), reader.Number("0.func_evals"));
        var history = new List<Pair>();
        Tensor? direction = null;
        Tensor? gradient = null;
        var (step, loss, scale) = (0.0, 0.0, 1.0);
        if (state.ContainsKey("0.d"))
        {
            (direction, gradient) = (Vector("0.d"), Vector("0.prev_flat_grad"));
            (step, loss, scale) = (reader.Number("0.t"), reader.Number("0.prev_loss"), reader.Number("0.H_diag"));
            while (state.ContainsKey(Name("ro", history.Count)))
            {
                var i = history.Count;
                history.Add(
                    new(Vector(Name("old_dirs", i)), Vector(Name("old_stps", i)), reader.Number(Name("ro", i)))
                );
            }
        }
        reader.RequireAllRead();
        foreach (var pair in _history)
            pair.Release();
        _history.Clear();
        _history.AddRange(history);
        Replace(ref _direction, direction);
        Replace(ref _previousGradient, gradient);
        (Groups[0].LearningRate, _step, _previousLoss, _scale) = (rate, step, loss, scale);
        (Iterations, Evaluations) = ((long)iterations, (long)evaluations);

        Tensor Vector(string name) =>
            Copy(reader.Tensor(name, [ElementCount], Parameters[0].DType), Parameters[0].Device).Keep();
    }

    private static string Name(string what, int index) =>
        string.Create(CultureInfo.InvariantCulture, $"0.{what}.{index}");

    private static Tensor Number(double value) => Tensor.Scalar(value, DType.Float64, Device.Cpu);

    private static void Replace(ref Tensor? held, Tensor? by)
    {
        if (!ReferenceEquals(held, by))
            held?.Release();
        held = by?.Keep();
    }

    /// <summary>One entry of the history: the change of the gradient along a step.</summary>
    private readonly record struct Pair(Tensor Change, Tensor Step, double InverseCurvature)
    {
        public void Release()
        {
            Change.Release();
            Step.Release();
        }
    }
}
