using System.Globalization;
using CudaNet.Optim;

namespace CudaNet.Training;

/// <summary>
/// The part of a step that is the same for most networks: forward pass, backward pass, and the steps of the optimisers, with whatever of
/// accumulation, clipping, autocast and loss scaling is asked for. Without a trainer it works as well; one that it is added to
/// ends a group of accumulated batches with the epoch, and keeps unfinished ones in its checkpoints.
/// </summary>
/// <example><code>
/// var update = new GradientStep(optimizer) { AccumulationSteps = 4, MaxNorm = 1, AutocastTo = DType.BFloat16 };
/// trainer.Add("update", update);
/// trainer.Run(batch => new StepResult(update.Run(() => model.Call(batch.Images).CrossEntropy(batch.Labels))));
/// </code></example>
public sealed class GradientStep(params Optimizer[] optimizers) : TrainingCallback
{
    private TrainingStep? _step;
    private int _pending;

    /// <summary>
    /// Over how many batches gradients are averaged before a step; at least 1. A group ends early where its epoch does, and is then averaged over the
    /// batches that it has.
    /// </summary>
    /// <exception cref="AttributeException">It is below 1.</exception>
    public int AccumulationSteps
    {
        get;
        init =>
            field =
                value >= 1
                    ? value
                    : throw new AttributeException(
                        $"GradientStep: expected to accumulate at least 1 batch, got {value}"
                    );
    } = 1;

    /// <summary>The most that the norm of the gradients, as of one long vector for all optimisers, may be; null leaves it.</summary>
    public double? MaxNorm { get; init; }

    /// <summary>The most that the size of each gradient's elements may be; null leaves them. Comes before <see cref="MaxNorm"/>.</summary>
    public double? MaxValue { get; init; }

    /// <summary>The dtype that <see cref="Autocast"/> computes the loss in; null computes it as it is.</summary>
    public DType? AutocastTo { get; init; }

    /// <summary>Scales the loss, as f16 needs; null leaves it. Its state is part of this one's.</summary>
    public GradScaler? Scaler { get; init; }

    /// <summary>How many batches' gradients wait for the next step of the optimisers.</summary>
    public int PendingBatches => _pending;

    /// <summary>Computes a loss and its gradients, and steps the optimisers when enough batches have come together.</summary>
    /// <param name="loss">The forward pass; gives a scalar, a mean over the batch.</param>
    /// <returns>The loss, neither scaled nor divided.</returns>
    public Tensor Run(Func<Tensor> loss)
    {
        var group = GroupSize();
        if (_pending == 0)
            foreach (var optimizer in optimizers)
                optimizer.ZeroGrad();
        Tensor value;
        using (AutocastTo is { } dtype ? (IDisposable)Autocast.Enter(dtype) : null)
            value = loss();
        var share = group == 1 ? value : value.Affine(1.0 / group);
        (Scaler is null ? share : Scaler.Scale(share)).Backward();
        _pending++;
        if (_pending < group)
        {
            if (_step is not null)
                _step.Updated = false;
            return value;
        }
        _pending = 0;
        Update();
        return value;
    }

    /// <inheritdoc/>
    public override void OnStepBegin(TrainingStep step) => _step = step;

    /// <inheritdoc/>
    public override void SaveState(TrainingState state)
    {
        state.Add("pending", _pending);
        if (Scaler is not null)
            new GradScalerState(Scaler).SaveState(state.Section("scaler"));
        var gradients = state.Section("grad");
        gradients.Clear(); // of the group before, perhaps
        if (_pending == 0)
            return;
        foreach (var (name, parameter) in Parameters())
        {
            gradients.Add($"has_{name}", parameter.LeafGradient is null ? 0L : 1);
            if (parameter.LeafGradient is { } gradient)
                gradients.Add(name, gradient);
        }
    }

    /// <inheritdoc/>
    public override void LoadState(TrainingState state)
    {
        _pending = (int)state.Integer("pending");
        if (Scaler is not null)
            new GradScalerState(Scaler).LoadState(state.Section("scaler"));
        if (_pending == 0)
            return;
        var gradients = state.Section("grad");
        foreach (var (name, parameter) in Parameters())
        {
            parameter.Grad = null;
            if (gradients.Integer($"has_{name}") == 0)
                continue;
            var gradient = Tensor.Empty(parameter.Shape, parameter.DType, parameter.Device);
            gradients.Restore(name, gradient);
            parameter.Grad = gradient;
        }
    }

    private void Update()
    {
        if (Scaler is not null && (MaxValue ?? MaxNorm) is not null)
            foreach (var optimizer in optimizers)
                Scaler.Unscale(optimizer);
        if (MaxValue is { } maxValue)
            GradientClipping.ClipGradValue(Parameters().Select(p => p.Parameter), maxValue);
        if (MaxNorm is { } maxNorm)
            GradientClipping.ClipGradNorm(Parameters().Select(p => p.Parameter), maxNorm);
        foreach (var optimizer in optimizers)
        {
            if (Scaler is null)
                optimizer.Step();
            else
                Scaler.Step(optimizer);
        }
        Scaler?.Update();
    }

    private int GroupSize() =>
        _step is null ? AccumulationSteps : Math.Min(AccumulationSteps, _step.Batches - (_step.Batch - _pending));

    /// <summary>Each parameter once, also where two optimisers have it, under its number.</summary>
    private IEnumerable<(string Name, Tensor Parameter)> Parameters() =>
        optimizers
            .SelectMany(optimizer => optimizer.Groups)
            .SelectMany(group => group.Parameters)
            .Distinct<Tensor>(ReferenceEqualityComparer.Instance)
            .Select((parameter, i) => (i.ToString(CultureInfo.InvariantCulture), parameter));
}
