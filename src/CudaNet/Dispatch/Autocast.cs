namespace CudaNet;

/// <summary>
/// Mixed precision (Micikevicius et al. 2018): in a scope, products and convolutions compute in a narrow dtype, and what loses too much there stays
/// float32. Weights stay float32 and are cast where they are used; their gradients arrive as float32. The lists are those of
/// torch.autocast for CUDA. The backward pass runs in the dtypes of the forward pass, also when it is called inside the scope.
/// </summary>
/// <remarks>Ops on neither list run in the widest dtype that their floating inputs have. float64 is never narrowed.</remarks>
/// <example><code>
/// using (Autocast.Enter())
///     loss = model.Call(images).CrossEntropy(labels);
/// loss.Backward();
/// optimizer.Step();
/// </code></example>
public static class Autocast
{
    /// <summary>Ops that run in the scope's dtype: where the time goes, and where sums are kept in float32 inside.</summary>
    internal static readonly HashSet<string> Lower = ["conv2d", "linear", "linear_act", "matmul", "prelu"];

    /// <summary>Ops that run in float32: large or small values, or long sums whose result is stored.</summary>
    internal static readonly HashSet<string> Single =
    [
        "bce_with_logits",
        "cross_entropy",
        "cumprod",
        "cumsum",
        "exp",
        "expm1",
        "layer_norm",
        "log",
        "log1p",
        "log_softmax",
        "mse_loss",
        "nll_loss",
        "pow",
        "prod",
        "reciprocal",
        "rsqrt",
        "softmax",
        "softplus",
        "sum",
        "vector_norm",
    ];

    /// <summary>Whether a scope is open.</summary>
    public static bool IsEnabled => EngineState.Current.Autocast is not null;

    /// <summary>Opens a scope.</summary>
    /// <param name="dtype">BFloat16, or Float16 together with an <see cref="Optim.GradScaler"/>.</param>
    /// <exception cref="DTypeException">Another dtype.</exception>
    public static AutocastScope Enter(DType dtype = DType.BFloat16) =>
        dtype is DType.BFloat16 or DType.Float16
            ? new AutocastScope(new AutocastCache(dtype))
            : throw new DTypeException($"Autocast: expected bf16 or f16, got {dtype.Name}");

    /// <summary>Ops run in the dtypes of their inputs until the scope is disposed, as without <see cref="Enter"/>.</summary>
    public static StateScope Disable() => EngineState.Enter(EngineState.Current with { Autocast = null });

    /// <summary>The inputs as an op takes them in a scope; the given ones where nothing is to be cast.</summary>
    internal static ReadOnlySpan<Tensor?> Cast(AutocastCache cache, Op op, ReadOnlySpan<Tensor?> inputs)
    {
        if (op.Kind == OpKind.View || op is { Name: "cast" } || op.Signature.HasMutated)
            return inputs;
        // float64 among narrower operands is the caller's error, and the op says so.
        if (Widest(inputs) is not { } widest || widest == DType.Float64)
            return inputs;
        var target =
            Lower.Contains(op.Name) ? cache.DType
            : Single.Contains(op.Name) ? DType.Float32
            : widest;
        Tensor?[]? copies = null;
        for (var i = 0; i < inputs.Length; i++)
        {
            if (inputs[i] is not { DType.IsFloating: true } tensor || tensor.DType == target)
                continue;
            copies ??= inputs.ToArray();
            copies[i] = cache.Cast(tensor, target);
        }
        return copies ?? inputs;
    }

    private static DType? Widest(ReadOnlySpan<Tensor?> inputs)
    {
        DType? widest = null;
        foreach (var input in inputs)
            if (input is { DType: { IsFloating: true } dtype })
                widest =
                    widest is not { } known || known == dtype ? dtype
                    : known == DType.Float64 || dtype == DType.Float64 ? DType.Float64
                    : DType.Float32; // of f32 and a narrow one, and of f16 and bf16
        return widest;
    }
}

/// <summary>Ends autocast when disposed, and gives the memory of cast weights back.</summary>
public struct AutocastScope : IDisposable
{
    private readonly AutocastCache _cache;
    private StateScope _state;

    internal AutocastScope(AutocastCache cache)
    {
        _cache = cache;
        _state = EngineState.Enter(EngineState.Current with { Autocast = cache });
    }

    /// <summary>Ends the scope.</summary>
    public void Dispose()
    {
        _state.Dispose();
        _cache.Clear();
    }
}

/// <summary>
/// A scope's dtype, and the weights that were cast in it: a weight that is used several times is cast once, and the gradients of all uses are added in
/// the narrow dtype before they are cast back.
/// </summary>
internal sealed class AutocastCache(DType dtype)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(Tensor, bool, GraphCapture?), (Tensor Cast, int Version)> _weights = new(
        new ByReference()
    );
    private bool _closed;

    public DType DType => dtype;

    public Tensor Cast(Tensor tensor, DType target)
    {
        if (tensor is not { RequiresGrad: true, IsLeaf: true } || target != dtype)
            return GraphAlgebra.Current.Cast(tensor, target);
        var state = EngineState.Current;
        // What is recorded into a graph must be part of it, and a cast without a graph is no use where there is one.
        var key = (tensor, state.GradEnabled, state.Capture);
        lock (_gate)
        {
            if (_weights.TryGetValue(key, out var known) && known.Version == tensor.Version && known.Cast.IsAlive)
                return known.Cast;
            known.Cast?.ReleaseHandle();
            var cast = GraphAlgebra.Current.Cast(tensor, target);
            if (!_closed)
                _weights[key] = (cast.Keep(), tensor.Version);
            return cast;
        }
    }

    public void Clear()
    {
        lock (_gate)
        {
            _closed = true;
            foreach (var (cast, _) in _weights.Values)
                cast.ReleaseHandle();
            _weights.Clear();
        }
    }

    private sealed class ByReference : IEqualityComparer<(Tensor Weight, bool Grad, GraphCapture? Capture)>
    {
        public bool Equals(
            (Tensor Weight, bool Grad, GraphCapture? Capture) a,
            (Tensor Weight, bool Grad, GraphCapture? Capture) b
        ) => ReferenceEquals(a.Weight, b.Weight) && a.Grad == b.Grad && ReferenceEquals(a.Capture, b.Capture);

        public int GetHashCode((Tensor Weight, bool Grad, GraphCapture? Capture) key) =>
            System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(key.Weight);
    }
}
