using System.Runtime.CompilerServices;

namespace CudaNet.Optim;

/// <summary>
/// Keeps small f16 gradients from becoming 0: the loss is multiplied by a scale, gradients are divided by it before the step, and a step whose
/// gradients overflowed is skipped and halves the scale; after <see cref="GrowthInterval"/> steps without one the scale doubles
/// (Micikevicius et al. 2018; torch.amp.GradScaler). bf16 has the range of f32 and needs none. Scale and count live on the device, where kernels decide
/// whether to step: nothing waits, and a captured graph may contain all of it.
/// </summary>
/// <example><code>
/// using (Autocast.Enter(DType.Float16))
///     loss = model.Call(images).CrossEntropy(labels);
/// scaler.Scale(loss).Backward();
/// scaler.Step(optimizer);
/// scaler.Update();
/// </code></example>
public sealed class GradScaler
{
    private enum Stage
    {
        Ready,
        Unscaled,
        Stepped,
    }

    private sealed class Progress
    {
        public Stage Stage { get; set; }

        /// <summary>What the last look at the gradients found; it stays until the next.</summary>
        public Tensor? FoundInf { get; set; }
    }

    /// <summary>The scale where kernels read and change it.</summary>
    private sealed record OnDevice(Tensor Scale, Tensor Inverse, Tensor GrowthTracker);

    private readonly ConditionalWeakTable<Optimizer, Progress> _progress = [];
    private readonly List<Progress> _touched = [];
    private readonly Dictionary<Device, OnDevice> _onDevice = [];
    private readonly double _growthFactor;
    private readonly double _backoffFactor;
    private float _firstScale;
    private long _firstTracker;

    /// <summary>A scaler.</summary>
    /// <param name="initialScale">The scale of the first step.</param>
    /// <param name="growthFactor">What the scale is multiplied by after enough good steps; over 1.</param>
    /// <param name="backoffFactor">What it is multiplied by after a skipped one; below 1.</param>
    /// <param name="growthInterval">How many good steps in a row are enough.</param>
    /// <exception cref="AttributeException">An option is out of range.</exception>
    public GradScaler(
        double initialScale = 65536,
        double growthFactor = 2,
        double backoffFactor = 0.5,
        int growthInterval = 2000
    )
    {
        if (!(growthFactor > 1) || !(backoffFactor is > 0 and < 1) || !(initialScale > 0) || growthInterval < 1)
            throw new AttributeException(
                $"GradScaler: expected a scale above 0, a growth factor above 1, a backoff factor between 0 and 1 and an interval of at least 1; got "
                    + $"{initialScale}, {growthFactor}, {backoffFactor}, {growthInterval}"
            );
        (_firstScale, _growthFactor, _backoffFactor) = ((float)initialScale, growthFactor, backoffFactor);
        GrowthInterval = growthInterval;
    }

    /// <summary>The present scale. Waits for the device.</summary>
    public double CurrentScale => Any?.Scale.Item() ?? _firstScale;

    /// <summary>How many good steps in a row double the scale.</summary>
    public int GrowthInterval { get; }

    /// <summary>How many good steps there were since the scale last changed. Waits for the device.</summary>
    public int GrowthTracker => (int)(Any?.GrowthTracker.Item() ?? _firstTracker);

    // They are equal on all devices.
    private OnDevice? Any => _onDevice.Values.FirstOrDefault();

    /// <summary>Takes over where another run stopped.</summary>
    /// <exception cref="AttributeException">The scale is not above 0, or the count is not below the growth interval.</exception>
    public void Restore(double scale, int growthTracker)
    {
        if (!(scale > 0) || growthTracker < 0 || growthTracker >= GrowthInterval)
            throw new AttributeException($"GradScaler: no state has the scale {scale} and {growthTracker} good steps");
        (_firstScale, _firstTracker) = ((float)scale, growthTracker);
        foreach (var state in _onDevice.Values)
        {
            state.Scale.CopyFrom<float>([_firstScale]);
            state.Inverse.CopyFrom<float>([Inverse(_firstScale)]);
            state.GrowthTracker.CopyFrom<long>([_firstTracker]);
        }
    }

    /// <summary>The loss times the scale, f32 whatever the loss is: run the backward pass from it.</summary>
    public Tensor Scale(Tensor loss) => loss.Cast(DType.Float32) * State(loss.Device).Scale;

    /// <summary>Divides the gradients of an optimiser's parameters by the scale, to look at them or clip them before <see cref="Step"/>.</summary>
    /// <exception cref="AutogradException">It was done since the last update, or no parameter has a gradient.</exception>
    /// <exception cref="DTypeException">A parameter is f16: its step would be lost in rounding; keep weights f32 and use Autocast.</exception>
    public void Unscale(Optimizer optimizer)
    {
        var progress = _progress.GetOrCreateValue(optimizer);
        if (progress.Stage != Stage.Ready)
            throw new AutogradException(
                $"GradScaler: Unscale of this optimizer was called {(progress.Stage == Stage.Stepped ? "after Step" : "twice")}; call Update once per step"
            );
        var gradients = optimizer
            .Groups.SelectMany(g => g.Parameters)
            .Select(p => p.LeafGradient)
            .OfType<Tensor>()
            .ToList();
        if (gradients.Count == 0)
            throw new AutogradException(
                "GradScaler: no parameter of this optimizer has a gradient; run the backward pass first"
            );
        if (gradients.Any(g => g.DType == DType.Float16))
            throw new DTypeException(
                "GradScaler: a parameter is f16; keep the weights f32 and run the forward pass in Autocast.Enter(DType.Float16)"
            );
        var found = Tensor.Zeros([1], DType.Float32, gradients[0].Device).Keep();
        using (Autograd.NoGrad())
            foreach (var together in gradients.GroupBy(g => g.DType))
                UnscaleOp.Instance.ApplyAll([.. together, State(found.Device).Inverse, found]);
        progress.FoundInf?.Release();
        (progress.Stage, progress.FoundInf) = (Stage.Unscaled, found);
        _touched.Add(progress);
    }

    /// <summary>Steps the optimiser unless a gradient is infinite or NaN; divides the gradients by the scale first if that was not done.</summary>
    /// <remarks>The optimiser's kernels leave the step out themselves. One whose kernels cannot is waited for, and cannot be captured.</remarks>
    /// <exception cref="AutogradException">It was stepped since the last update.</exception>
    /// <exception cref="CudaGraphException">A graph is captured, and the optimiser's kernels cannot leave a step out.</exception>
    public void Step(Optimizer optimizer)
    {
        var progress = _progress.GetOrCreateValue(optimizer);
        if (progress.Stage == Stage.Stepped)
            throw new AutogradException(
                "GradScaler: Step was called twice for this optimizer; call Update once per step"
            );
        if (progress.Stage == Stage.Ready)
            Unscale(optimizer);
        progress.Stage = Stage.Stepped;
        if (optimizer.SkipsOnDevice)
            optimizer.Step(progress.FoundInf);
        else if (EngineState.Current.Capture is not null)
            throw new CudaGraphException(
                $"GradScaler: whether {optimizer.GetType().Name} steps is decided on the host, which a captured graph cannot repeat; capture steps of Sgd, Adam or AdamW"
            );
        else if (progress.FoundInf!.Item() == 0)
            optimizer.Step();
    }

    /// <summary>Whether the optimiser's last step was left out because a gradient was infinite or NaN. Waits for the device.</summary>
    /// <exception cref="AutogradException">The optimiser has not been stepped yet.</exception>
    public bool HasSkipped(Optimizer optimizer) =>
        _progress.TryGetValue(optimizer, out var progress) && progress.FoundInf is { } found
            ? found.Item() != 0
            : throw new AutogradException("GradScaler: this optimizer has not been stepped yet");

    /// <summary>Adapts the scale to what the steps since the last update have found; call it once, after the steps of all optimisers.</summary>
    /// <exception cref="AutogradException">Nothing was unscaled or stepped since the last update.</exception>
    public void Update()
    {
        if (_touched.Count == 0)
            throw new AutogradException("GradScaler: Update before any Step; step an optimizer first");
        using (Autograd.NoGrad())
        using (Lifetime.Frame())
            foreach (var (device, state) in _onDevice)
            {
                var found = _touched.Select(p => p.FoundInf!.To(device)).Aggregate((a, b) => a + b);
                UpdateScaleOp.Instance.ApplyAll(
                    [state.Scale, state.Inverse, state.GrowthTracker, found],
                    Attributes.Of(_growthFactor, _backoffFactor, GrowthInterval)
                );
            }
        foreach (var progress in _touched)
            progress.Stage = Stage.Ready;
        _touched.Clear();
    }

    private static float Inverse(float scale) => (float)(1.0 / scale);

    private OnDevice State(Device device)
    {
        if (!_onDevice.TryGetValue(device, out var state))
        {
            var (scale, tracker) = ((float)CurrentScale, (long)GrowthTracker);
            _onDevice[device] = state = new(
                Tensor.From<float>([scale], Shape.Scalar, device).Keep(),
                Tensor.From<float>([Inverse(scale)], [1], device).Keep(),
                Tensor.From<long>([tracker], [1], device).Keep()
            );
        }
        return state;
    }
}
