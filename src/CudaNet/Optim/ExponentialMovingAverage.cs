using System.Globalization;

namespace CudaNet.Optim;

/// <summary>
/// Averages of parameters over the steps of a training run, in which late steps count most: average = decay · average + (1 − decay) · parameter
/// (Polyak and Juditsky 1992; as torch.optim.swa_utils.AveragedModel with get_ema_multi_avg_fn). One launch updates all of one dtype. Models that are
/// sampled from, such as diffusion models, do so with the averages.
/// </summary>
/// <example><code>
/// var average = new ExponentialMovingAverage(model.Parameters(), decay: 0.999);
/// // after each step of the optimiser
/// average.Update();
/// // to evaluate
/// using (average.Apply())
///     model.Call(x);
/// </code></example>
public sealed class ExponentialMovingAverage
{
    private readonly List<Tensor> _parameters;
    private readonly List<Tensor> _averages;
    private readonly Dictionary<Device, Tensor> _decays = [];
    private double _decay;

    /// <summary>Averages that begin as the parameters are.</summary>
    /// <param name="parameters">Contiguous floating tensors; not to be moved to another device from now on.</param>
    /// <param name="decay">How much of the average stays in each update: from 0 to 1.</param>
    /// <exception cref="AttributeException">The decay is out of range.</exception>
    public ExponentialMovingAverage(IEnumerable<Tensor> parameters, double decay = 0.999)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        Decay = decay;
        using var noGrad = Autograd.NoGrad();
        _parameters = [.. parameters];
        _averages = [.. _parameters.Select(p => p.Detach().Clone().Keep())];
    }

    /// <summary>The averages, in the order of the parameters.</summary>
    public IReadOnlyList<Tensor> Averages => _averages;

    /// <summary>How much of the average stays in each update. It may change between updates, also between replays of a captured graph.</summary>
    /// <exception cref="AttributeException">It is not from 0 to 1.</exception>
    public double Decay
    {
        get => _decay;
        set
        {
            if (value is not (>= 0 and <= 1))
                throw new AttributeException($"ExponentialMovingAverage: expected a decay from 0 to 1, got {value}");
            _decay = value;
            foreach (var decay in _decays.Values)
                decay.CopyFrom<double>([value]);
        }
    }

    /// <summary>Moves the averages towards what the parameters are now.</summary>
    public void Update() => Mix(_averages, _parameters, DecayOn);

    /// <summary>Overwrites the parameters with the averages.</summary>
    public void CopyTo() => Copy(_averages, _parameters);

    /// <summary>Puts the averages in place of the parameters until the scope is disposed: to evaluate, sample or save.</summary>
    public AveragesScope Apply()
    {
        using var noGrad = Autograd.NoGrad();
        var own = _parameters.Select(p => p.Detach().Clone().Keep()).ToArray();
        CopyTo();
        return new AveragesScope(_parameters, own);
    }

    /// <summary>What a checkpoint needs, by name: the averages under the numbers of their parameters. The tensors are the object's own.</summary>
    public IReadOnlyDictionary<string, Tensor> StateDictionary() =>
        _averages
            .Select((average, i) => (Name: i.ToString(CultureInfo.InvariantCulture), Average: average))
            .ToDictionary(p => p.Name, p => p.Average, StringComparer.Ordinal);

    internal static void Copy(IReadOnlyList<Tensor> from, IReadOnlyList<Tensor> to) =>
        Mix(to, from, device => Tensor.Zeros([1], DType.Float64, device));

    private static void Mix(IReadOnlyList<Tensor> averages, IReadOnlyList<Tensor> added, Func<Device, Tensor> decay)
    {
        using var noGrad = Autograd.NoGrad();
        using var frame = Lifetime.Frame();
        foreach (var together in averages.Zip(added).GroupBy(p => (p.First.Device, p.First.DType)))
            EmaUpdateOp.Instance.ApplyAll([
                .. together.Select(p => p.First),
                .. together.Select(p => p.Second),
                decay(together.Key.Device),
            ]);
    }

    /// <summary>The decay where kernels read it.</summary>
    private Tensor DecayOn(Device device)
    {
        if (!_decays.TryGetValue(device, out var decay))
            _decays[device] = decay = Tensor.From<double>([_decay], device: device).Keep();
        return decay;
    }
}

/// <summary>Gives parameters their own values back when disposed.</summary>
public sealed class AveragesScope : IDisposable
{
    private readonly IReadOnlyList<Tensor> _parameters;
    private readonly Tensor[] _own;
    private bool _open = true;

    internal AveragesScope(IReadOnlyList<Tensor> parameters, Tensor[] own) => (_parameters, _own) = (parameters, own);

    /// <summary>Ends the scope.</summary>
    public void Dispose()
    {
        if (!_open)
            return;
        _open = false;
        ExponentialMovingAverage.Copy(_own, _parameters);
        foreach (var tensor in _own)
            tensor.Release();
    }
}
