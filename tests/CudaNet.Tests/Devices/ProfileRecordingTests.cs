using CudaNet.Nn;

namespace CudaNet.Tests.Devices;

using CudaNet;

[TestFixture, NonParallelizable]
public sealed class ProfileRecordingTests
{
    [Test]
    public void SpansNestAndLieWithinEachOther()
    {
        using var frame = Lifetime.Frame();
        var model = new Sequential(new Linear(3, 4), new Tanh());
        var x = Tensor.Ones([2, 3]);
        using var recording = Profiler.Record();
        using (Profiler.Range("outer"))
            model.Call(x);
        recording.Dispose();
        model.Call(x);
        Assert.That(
            recording.Spans.Select(s => (s.Name, s.Kind, s.Depth)),
            Is.EqualTo(
                new[]
                {
                    ("outer", ProfiledKind.Range, 0),
                    ("Sequential", ProfiledKind.Range, 1),
                    ("Linear", ProfiledKind.Range, 2),
                    ("linear", ProfiledKind.Op, 3),
                    ("Tanh", ProfiledKind.Range, 2),
                    ("tanh", ProfiledKind.Op, 3),
                }
            )
        );
        var linear = recording.Spans[3];
        Assert.That(linear.Flops, Is.GreaterThanOrEqualTo(2 * 2 * 3 * 4));
        Assert.That(linear.Bytes, Is.EqualTo(4 * (2 * 3 + 4 * 3 + 4 + 2 * 4)));
        foreach (var (outer, inner) in new[] { (0, 1), (1, 2), (2, 3), (1, 4), (4, 5) })
        {
            var (a, b) = (recording.Spans[outer], recording.Spans[inner]);
            Assert.That(b.Start, Is.GreaterThanOrEqualTo(a.Start));
            Assert.That(b.Start + b.Seconds, Is.LessThanOrEqualTo(a.Start + a.Seconds));
        }
    }

    [Test]
    public void OneRunsAtATimeAndForgetsWhatItIsTold()
    {
        var recording = Profiler.Record(ops: false);
        Assert.Throws<InvalidOperationException>(() => Profiler.Record());
        var closed = new List<string>();
        recording.RangeClosed += span => closed.Add(span.Name);
        using (Profiler.Range("first"))
            Tensor.Ones([3]).Exp();
        recording.Clear();
        using (Profiler.Range("second"))
            Tensor.Ones([3]).Exp();
        recording.Dispose();
        recording.Dispose();
        Assert.That(closed, Is.EqualTo(["first", "second"]));
        Assert.That(recording.Spans.Select(s => s.Name), Is.EqualTo(["second"]), "ranges alone, and only the last");
        Profiler.Record().Dispose();
    }

    [Test]
    public void AnOpThatFailsIsClosed()
    {
        var x = Tensor.Ones([2, 3]);
        using var recording = Profiler.Record();
        Assert.Throws<ShapeException>(() => x.MatMul(x));
        using (Profiler.Range("after"))
            x.Exp();
        recording.Dispose();
        Assert.That(recording.Spans.Select(s => (s.Name, s.Depth)), Is.EqualTo(new[] { ("after", 0), ("exp", 1) }));
    }

    [Test, Category("Simt")]
    public void ADevicesTimeIsItsOwn()
    {
        var device = TestDevices.Open("simt");
        using var frame = Lifetime.Frame();
        var x = Tensor.Ones([64, 64], device: device);
        using var recording = Profiler.Record();
        Tensor y = null!;
        // More than are waited for at once.
        for (var i = 0; i < 1100; i++)
            y = x.Exp();
        using var graph = CudaGraph.Capture(() => x.Sum().Keep(), device);
        graph.Replay();
        recording.Dispose();
        var ops = recording.Spans.Where(s => s.Kind == ProfiledKind.Op).ToList();
        Assert.That(ops.Select(s => s.Name).Distinct(), Is.EqualTo(["exp", "sum", "captured graph"]));
        Assert.That(ops.Single(s => s.Name == "sum").DeviceSeconds, Is.Null, "what is captured does not run");
        var timed = ops.Where(s => s.Name != "sum").ToList();
        Assert.That(timed, Has.Count.EqualTo(1101));
        var ended = 0.0;
        foreach (var span in timed)
        {
            Assert.That(span.DeviceSeconds, Is.GreaterThan(0));
            Assert.That(span.Time, Is.EqualTo(span.DeviceSeconds));
            // Events tell milliseconds in f32.
            Assert.That(span.DeviceStart, Is.GreaterThanOrEqualTo(ended - 1e-5));
            ended = span.DeviceStart!.Value + span.DeviceSeconds!.Value;
        }
        Assert.That(y.ToDoubles()[0], Is.EqualTo(Math.E).Within(1e-6));
    }
}
