using CudaNet.Nn;
using CudaNet.Optim;
using CudaNet.Tests.IO;
using CudaNet.Training;

namespace CudaNet.Tests.Training;

/// <summary>What goes along with a training run, alone and together, and that none of it is lost when the run is interrupted.</summary>
[TestFixture]
public sealed class CallbackTests
{
    [TestCase(1, TestName = "Callbacks on, interrupted after a step")]
    [TestCase(5, TestName = "Callbacks on, interrupted amidst accumulated gradients")]
    [TestCase(14, TestName = "Callbacks on, interrupted after an epoch")]
    [TestCase(18, TestName = "Callbacks on, interrupted late")]
    public void A_resumed_run_equals_one_that_never_stopped(int stopAfter)
    {
        using var folder = new TemporaryFolder();
        var whole = new CallbackRun(folder.File("whole"), everything: true);
        Assert.That(whole.Run(), Is.True);
        Assert.That(new CallbackRun(folder.File("parts"), everything: true).Run(stopAfter), Is.False);
        var second = new CallbackRun(folder.File("parts"), everything: true, resume: true);
        Assert.That(second.Run(), Is.True);

        Assert.That(second.Weights(), Is.EqualTo(whole.Weights()));
        Assert.That(second.Metrics(), Is.EqualTo(whole.Metrics()));
        Assert.That(second.CheckpointArrays("checkpoint"), Is.EqualTo(whole.CheckpointArrays("checkpoint")));
        Assert.That(second.CheckpointArrays("best"), Is.EqualTo(whole.CheckpointArrays("best")));
        var events = second.Events().ToList();
        Assert.That(events, Is.EqualTo(whole.Events()));
        Assert.That(events, Has.Count.EqualTo(1 + CallbackRun.Epochs * (CallbackRun.Batches + 1)));
    }

    [Test]
    public void Early_stopping_ends_the_run_and_restores_the_best_weights()
    {
        using var folder = new TemporaryFolder();
        double[] losses = [5, 3, 4, 3, 3.5, 1];
        var run = new CallbackRun(folder.File("run")) { Judged = losses };
        var stopping = new EarlyStopping(run.Model, new MetricMonitor("judged"), patience: 3);
        run.Trainer.Add("early_stopping", stopping);
        Assert.That(run.Run(), Is.True);
        Assert.That(run.Metrics(), Has.Count.EqualTo(5), "the epochs 3 to 5 were no better than the second");
        Assert.That(stopping.BestEpoch, Is.EqualTo(2));
        Assert.That(run.Weights(), Is.EqualTo(run.WeightsAfterEpoch[1]));
        Assert.That(run.Weights(), Is.Not.EqualTo(run.WeightsAfterEpoch[4]));

        // A run that ended early stays ended, with the same weights.
        var again = new CallbackRun(
            folder.File("run"),
            resume: true,
            beforeResume: r =>
                r.Trainer.Add("early_stopping", new EarlyStopping(r.Model, new MetricMonitor("judged"), patience: 3))
        );
        Assert.That(again.Run(), Is.True);
        Assert.That(again.Steps, Is.Zero);
        Assert.That(again.Weights(), Is.EqualTo(run.Weights()));
    }

    [Test]
    public void The_best_weights_are_restored_when_all_epochs_are_done()
    {
        using var folder = new TemporaryFolder();
        var run = new CallbackRun(folder.File("run")) { Judged = [0.1, 0.9, 0.5, double.NaN, 0.8, 0.7] };
        var monitor = new MetricMonitor("judged", MetricMode.Max);
        run.Trainer.Add("early_stopping", new EarlyStopping(run.Model, monitor, patience: 5));
        run.Run();
        Assert.That(run.Metrics(), Has.Count.EqualTo(CallbackRun.Epochs));
        Assert.That(run.Weights(), Is.EqualTo(run.WeightsAfterEpoch[1]));
    }

    [Test]
    public void An_improvement_below_the_minimum_difference_is_none()
    {
        using var folder = new TemporaryFolder();
        var run = new CallbackRun(folder.File("run")) { Judged = [1, 0.95, 0.9, 0.85, 0.8, 0.75] };
        var stopping = new EarlyStopping(run.Model, new MetricMonitor("judged", minDelta: 0.12), patience: 9);
        run.Trainer.Add("early_stopping", stopping);
        run.Run();
        Assert.That(stopping.BestEpoch, Is.EqualTo(4));
        Assert.That(stopping.BadEpochs, Is.EqualTo(2));
    }

    [Test]
    public void The_best_checkpoint_holds_the_weights_that_were_judged_best()
    {
        using var folder = new TemporaryFolder();
        var run = new CallbackRun(folder.File("run")) { Judged = [3, 1, 2, 4, 5, 6] };
        run.Trainer.Add("best", new BestCheckpoint(run.Folder, run.Model, new MetricMonitor("judged")));
        run.Run();
        var loaded = CallbackRun.NewModel();
        BestCheckpoint.Load(run.Folder, loaded);
        Assert.That(CallbackRun.WeightsOf(loaded), Is.EqualTo(run.WeightsAfterEpoch[1]));
    }

    [Test]
    public void Averages_are_in_place_while_the_network_is_judged_and_no_longer()
    {
        using var folder = new TemporaryFolder();
        var run = new CallbackRun(folder.File("run"));
        var average = new ExponentialMovingAverage(run.Model.Parameters(), decay: 0.9);
        run.Trainer.Add("average", new AveragedWeights(average));
        var plain = new CallbackRun(folder.File("plain"));
        run.Run();
        plain.Run();
        Assert.That(run.Weights(), Is.EqualTo(plain.Weights()), "training itself is not touched");
        Assert.That(run.WeightsAfterEpoch[^1], Is.EqualTo(average.Averages.SelectMany(a => a.ToDoubles())));
        Assert.That(run.WeightsAfterEpoch[^1], Is.Not.EqualTo(run.Weights()));
    }

    [TestCase(ScheduleInterval.Epoch, CallbackRun.Epochs)]
    [TestCase(ScheduleInterval.Step, CallbackRun.Epochs * CallbackRun.Batches)]
    public void A_schedule_goes_on_once_per_interval(ScheduleInterval interval, int times)
    {
        using var folder = new TemporaryFolder();
        var run = new CallbackRun(folder.File("run"));
        run.Trainer.Add("schedule", new LearningRateSchedule(new ExponentialLr(run.Optimizer, 0.9), interval));
        run.Run();
        Assert.That(
            run.Optimizer.LearningRate,
            Is.EqualTo(CallbackRun.LearningRate * Math.Pow(0.9, times)).Within(1e-9).Percent
        );
    }

    [Test]
    public void A_plateau_lowers_the_rate_and_an_unknown_metric_is_named()
    {
        using var folder = new TemporaryFolder();
        var run = new CallbackRun(folder.File("run")) { Judged = [1, 1, 1, 1, 1, 1] };
        run.Trainer.Add(
            "schedule",
            new LearningRateSchedule(new ReduceLrOnPlateau(run.Optimizer, factor: 0.5, patience: 1), "judged")
        );
        run.Run();
        Assert.That(run.Optimizer.LearningRate, Is.EqualTo(CallbackRun.LearningRate * 0.25), "after epochs 3 and 5");

        var wrong = new CallbackRun(folder.File("wrong"));
        wrong.Trainer.Add("schedule", new LearningRateSchedule(new ReduceLrOnPlateau(wrong.Optimizer), "accuracy"));
        Assert.That(
            () => wrong.Run(),
            Throws.TypeOf<AttributeException>().With.Message.Contains("'accuracy'").And.Message.Contains("loss, judged")
        );
    }

    [Test]
    public void A_one_cycle_schedule_resumes_with_its_momentum()
    {
        var (first, second) = (
            CallbackRun.NewOptimizer(CallbackRun.NewModel()),
            CallbackRun.NewOptimizer(CallbackRun.NewModel())
        );
        var cycle = new OneCycleLr(first, 0.1, totalSteps: 20);
        for (var i = 0; i < 7; i++)
            cycle.Step();
        var resumed = new OneCycleLr(second, 0.1, totalSteps: 20);
        resumed.LoadStateDictionary(cycle.StateDictionary());
        Assert.That(second.Groups[0].Momentum, Is.EqualTo(first.Groups[0].Momentum));
    }
}
