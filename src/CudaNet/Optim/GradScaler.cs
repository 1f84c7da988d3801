using System.Runtime.CompilerServices;

namespace CudaNet.Optim;

/// <summary>
/// Keeps small f16 gradients from becoming 0: the loss is multiplied by a scale, gradients are divided by it before the step, and a step whose
/// gradients overflowed is skipped and halves the scale; after <see cref="GrowthInterval"/> steps without one the scale doubles
/// (Micikevicius et al. 2018; torch.amp.GradScaler). bf16 has the range of f32 and needs none.
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

        public Tensor? FoundInf { get; set; }
    }

    private readonly ConditionalWeakTable<Optimizer, Progress> _progress = [];
    private readonly List<Progress> _touched = [];
    private readonly Dictionary<Device, (Tensor Scale, Tensor Inverse)> _onDevice = [];
    private readonly double _growthFactor;
    private readonly double _backoffFactor;
    private float _scale;

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
        (_scale, _growthFactor, _backoffFactor) = ((float)initialScale, growthFactor, backoffFactor);
        GrowthInterval = growthInterval;
    }

    /// <summary>The present scale.</summary>
    public double CurrentScale => _scale;

    /// <summary>How many good steps in a row double the scale.</summary>
    public int GrowthInterval { get; }

    /// <summary>How many good steps there were since the scale last changed.</summary>
    public int GrowthTracker { get; private set; }

    /// <summary>Takes over where another run stopped.</summary>
    /// <exception cref="AttributeException">The scale is not above 0, or the count is not below the growth interval.</exception>
    public void Restore(double scale, int growthTracker)
    {
        if (!(scale > 0) || growthTracker < 0 || growthTracker >= GrowthInterval)
            throw new AttributeException($"GradScaler: no state has the scale {scale} and {growthTracker} good steps");
        GrowthTracker = growthTracker;
        SetScale((float)scale);
    }

    /// <summary>The loss times the scale, f32 whatever the loss is: run the backward pass from it.</summary>
    public Tensor Scale(Tensor loss) => loss.Cast(DType.Float32) * Factors(loss.Device).Scale;

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
                UnscaleOp.Instance.ApplyAll([.. together, Factors(found.Device).Inverse, found]);
        (progress.Stage, progress.FoundInf) = (Stage.Unscaled, found);
        _touched.Add(progress);
    }

    /// <summary>Steps the optimiser unless a gradient is infinite or NaN; divides the gradients by the scale first if that was not done. Waits for the device.</summary>
    /// <returns>Whether it was stepped.</returns>
    /// <exception cref="AutogradException">It was stepped since the last update.</exception>
    public bool Step(Optimizer optimizer)
    {
        var progress = _progress.GetOrCreateValue(optimizer);
        if (progress.Stage == Stage.Stepped)
            throw new AutogradException(
                "GradScaler: Step was called twice for this optimizer; call Update once per step"
            );
        if (progress.Stage == Stage.Ready)
            Unscale(optimizer);
        progress.Stage = Stage.Stepped;
        if (progress.FoundInf!.Item() != 0)
            return false;
        optimizer.Step();
        return true;
    }

    /// <summary>Adapts the scale to what the steps since the last update have found; call it once, after the steps of all optimisers.</summary>
    /// <exception cref="AutogradException">Nothing was unscaled or stepped since the last update.</exception>
    public void Update()
    {
        if (_touched.Count == 0)
            throw new AutogradException("GradScaler: Update before any Step; step an optimizer first");
        var overflow = _touched.Any(p => p.FoundInf!.Item() != 0);
        foreach (var progress in _touched)
        {
            progress.FoundInf!.Release();
            (progress.Stage, progress.FoundInf) = (Stage.Ready, null);
        }
        _touched.Clear();
        if (overflow)
        {
            GrowthTracker = 0;
            SetScale((float)(_scale * _backoffFactor));
        }
        else if (++GrowthTracker == GrowthInterval)
        {
            GrowthTracker = 0;
            var grown = (float)(_scale * _growthFactor);
            if (float.IsFinite(grown))
                SetScale(grown);
        }
    }

    private void SetScale(float scale)
    {
        _scale = scale;
        foreach (var (onDevice, inverse) in _onDevice.Values)
        {
            onDevice.CopyFrom<float>([scale]);
            inverse.CopyFrom<float>([Inverse]);
        }
    }

    private float Inverse => (float)(1.0 / _scale);

    /// <summary>Where kernels read the scale: it changes without the launches that read it.</summary>
    private (Tensor Scale, Tensor Inverse) Factors(Device device)
    {
        if (!_onDevice.TryGetValue(device, out var factors))
            _onDevice[device] = factors = (
                Tensor.From<float>([_scale], Shape.Scalar, device).Keep(),
                Tensor.From<float>([Inverse], [1], device).Keep()
            );
        return factors;
    }
}
