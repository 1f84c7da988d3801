using CudaNet.Nn;
using CudaNet.Optim;
using CudaNet.Training;

namespace CudaNet.Tests.Training;

/// <summary>Accumulated gradients are those of the joined batch; clipping and scaling are what their functions do.</summary>
[TestFixture]
public sealed class GradientStepTests
{
    private static readonly double[] Inputs = [0.5, -1, 2, 0.25, 1.5, -0.75, 1, 3];

    [Test]
    public void Accumulated_batches_step_as_one_batch()
    {
        var (whole, parts) = (Line(), Line());
        new GradientStep(new Sgd([whole], 0.1)).Run(() => Loss(whole, Inputs));
        var update = new GradientStep(new Sgd([parts], 0.1)) { AccumulationSteps = 4 };
        for (var i = 0; i < 4; i++)
        {
            Assert.That(parts.ToDoubles(), Is.EqualTo(Line().ToDoubles()), "no step before the last batch");
            Assert.That(update.PendingBatches, Is.EqualTo(i));
            using var frame = Lifetime.Frame();
            var loss = update.Run(() => Loss(parts, Inputs[(2 * i)..(2 * i + 2)])).Item();
            Assert.That(
                loss,
                Is.EqualTo(Loss(Line(), Inputs[(2 * i)..(2 * i + 2)]).Item()),
                "neither scaled nor divided"
            );
        }
        Assert.That(parts.ToDoubles(), Is.EqualTo(whole.ToDoubles()).Within(1e-15));
        Assert.That(update.PendingBatches, Is.Zero);
    }

    [Test]
    public void A_group_ends_with_its_epoch_and_averages_what_it_has()
    {
        var (whole, parts) = (Line(), Line());
        var update = new GradientStep(new Sgd([parts], 0.1)) { AccumulationSteps = 3 };
        var updated = new List<bool>();
        for (var batch = 0; batch < 4; batch++)
        {
            var step = new TrainingStep(0, batch, 4);
            update.OnStepBegin(step);
            update.Run(() => Loss(parts, Inputs[(2 * batch)..(2 * batch + 2)]));
            updated.Add(step.Updated);
        }
        Assert.That(updated, Is.EqualTo(new[] { false, false, true, true }));
        var plain = new GradientStep(new Sgd([whole], 0.1));
        plain.Run(() => Loss(whole, Inputs[..6]));
        plain.Run(() => Loss(whole, Inputs[6..]));
        Assert.That(parts.ToDoubles(), Is.EqualTo(whole.ToDoubles()).Within(1e-15));
    }

    [Test]
    public void Gradients_are_clipped_after_the_scale_is_taken_out()
    {
        foreach (var scaler in new[] { null, new GradScaler(1024) })
        {
            var weight = Line();
            new GradientStep(new Sgd([weight], 1)) { MaxNorm = 0.25, Scaler = scaler }.Run(() => Loss(weight, Inputs));
            var moved = weight.ToDoubles().Zip(Line().ToDoubles(), (a, b) => a - b).ToArray();
            Assert.That(Math.Sqrt(moved.Sum(m => m * m)), Is.EqualTo(0.25).Within(1e-5));

            var limited = Line();
            new GradientStep(new Sgd([limited], 1)) { MaxValue = 0.125, Scaler = scaler }.Run(() =>
                Loss(limited, Inputs)
            );
            Assert.That(
                limited.ToDoubles().Zip(Line().ToDoubles(), (a, b) => Math.Abs(a - b)),
                Is.All.EqualTo(0.125).Within(1e-7)
            );
        }
    }

    [Test]
    public void A_step_with_an_overflow_is_left_out_and_the_scale_halves()
    {
        var weight = Line();
        var scaler = new GradScaler(1024);
        new GradientStep(new Sgd([weight], 1)) { Scaler = scaler }.Run(() => Loss(weight, [double.PositiveInfinity]));
        Assert.That(weight.ToDoubles(), Is.EqualTo(Line().ToDoubles()));
        Assert.That(scaler.CurrentScale, Is.EqualTo(512));
    }

    [Test]
    public void Autocast_computes_the_loss_in_its_dtype_and_steps_wide_weights()
    {
        var layer = new Linear(2, 2);
        var seen = new List<DType>();
        new GradientStep(new Sgd(layer.Parameters(), 0.1)) { AutocastTo = DType.BFloat16 }.Run(() =>
        {
            var y = layer.Call(Tensor.Ones([1, 2]));
            seen.Add(y.DType);
            return y.Sum();
        });
        Assert.That(seen, Is.EqualTo(new[] { DType.BFloat16 }));
        Assert.That(layer.Parameters().Select(p => p.DType), Is.All.EqualTo(DType.Float32));
    }

    [Test]
    public void Accumulating_nothing_is_refused() =>
        Assert.That(
            () => new GradientStep(new Sgd([Line()], 1)) { AccumulationSteps = 0 },
            Throws.TypeOf<AttributeException>().With.Message.Contains("at least 1")
        );

    private static Tensor Line()
    {
        var weight = Tensor.From<double>([0.3, -0.2]).Keep();
        weight.RequiresGrad = true;
        return weight;
    }

    private static Tensor Loss(Tensor weight, double[] x)
    {
        var inputs = Tensor.From(x, [x.Length, 1]);
        return (inputs * weight + 1).Square().Mean();
    }
}
