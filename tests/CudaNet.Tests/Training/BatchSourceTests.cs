using CudaNet.Data;
using CudaNet.IO;
using CudaNet.Tests.IO;
using CudaNet.Training;

namespace CudaNet.Tests.Training;

/// <summary>Orders, batches of arrays and text, augmentation in batches, and threads that prepare them.</summary>
[TestFixture]
public sealed class BatchSourceTests
{
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(10)]
    [TestCase(1000)]
    public void An_order_is_a_permutation_whose_parts_are_found_alone(int count)
    {
        var order = new EpochOrder(count, 5, shuffle: true);
        var whole = new long[count];
        order.Fill(3, 0, whole);
        Assert.That(whole, Is.EquivalentTo(Enumerable.Range(0, count)));
        var part = new long[Math.Min(7, count)];
        order.Fill(3, count - part.Length, part);
        Assert.That(part, Is.EqualTo(whole[^part.Length..]));
        if (count < 1000)
            return;
        var other = new long[count];
        order.Fill(4, 0, other);
        Assert.That(other, Is.Not.EqualTo(whole));
        new EpochOrder(count, 6, shuffle: true).Fill(3, 0, other);
        Assert.That(other, Is.Not.EqualTo(whole));
        new EpochOrder(count, 5, shuffle: false).Fill(3, 0, other);
        Assert.That(other, Is.Ordered);
        Assert.Throws<ArgumentOutOfRangeException>(() => order.Fill(0, count - 1, new long[2]));
    }

    [Test]
    public void Rows_of_arrays_stay_together()
    {
        var features = new NamedArray(
            "x",
            DType.Float32,
            [7, 2],
            Bytes([.. Enumerable.Range(0, 14).Select(i => (float)i)])
        );
        var targets = new NamedArray("y", DType.Int64, [7], Bytes([.. Enumerable.Range(0, 7).Select(i => (long)i)]));
        var batches = new ArrayBatches([features, targets], 3, seed: 1);
        Assert.That(batches.Count, Is.EqualTo(3));
        var seen = new List<long>();
        for (var i = 0; i < 3; i++)
        {
            var batch = batches.Get(2, i);
            Assert.That(batch.Count, Is.EqualTo(i < 2 ? 3 : 1));
            Assert.That(batch["x"].Shape, Is.EqualTo(new Shape(batch.Count, 2)));
            var rows = batch["y"].ToArray<long>();
            seen.AddRange(rows);
            Assert.That(
                batch["x"].ToArray<float>(),
                Is.EqualTo(rows.SelectMany(row => new float[] { 2 * row, 2 * row + 1 }))
            );
        }
        Assert.That(seen, Is.EquivalentTo(Enumerable.Range(0, 7)));
        Assert.That(
            Assert
                .Throws<ArgumentException>(() => new ArrayBatches([features, Samples.Make("z", DType.Bool, 6)], 3))!
                .Message,
            Does.Contain("'z'").And.Contain("7")
        );
    }

    [Test]
    public void A_table_becomes_batches()
    {
        var table = Csv.Read(new MemoryStream("a,b,label\n1,2,x\n3,4,y\n"u8.ToArray()));
        var batches = new ArrayBatches([table.Matrix(["a", "b"]), table["label"].Values], 2, shuffle: false);
        var batch = batches.Get(0, 0);
        Assert.That(batch["columns"].ToArray<float>(), Is.EqualTo(new float[] { 1, 2, 3, 4 }));
        Assert.That(batch["label"].ToArray<long>(), Is.EqualTo(new long[] { 0, 1 }));
    }

    [Test]
    public void Pieces_of_text_come_with_what_follows()
    {
        var tokens = Enumerable.Range(0, 100).ToArray();
        var batches = new SequenceBatches(tokens, length: 8, batchSize: 3, seed: 2);
        Assert.That(batches.Count, Is.EqualTo(4));
        var batch = batches.Get(1, 2);
        Assert.That(batch.Inputs.Shape, Is.EqualTo(new Shape(3, 8)));
        var inputs = batch.Inputs.ToArray<long>();
        Assert.That(batch.Targets.ToArray<long>(), Is.EqualTo(inputs.Select(token => token + 1)));
        Assert.That(batches.Get(1, 2).Inputs.ToArray<long>(), Is.EqualTo(inputs));
        Assert.That(batches.Get(2, 2).Inputs.ToArray<long>(), Is.Not.EqualTo(inputs));
        Assert.Throws<ArgumentException>(() => new SequenceBatches(tokens, 100, 1));
    }

    [Test]
    public void Augmented_images_depend_on_epoch_and_image_not_on_the_batch()
    {
        var data = DrawnDigits.Draw(1, 12);
        var step = new RandAugment();
        var small = new ImageBatches(data, 3, shuffle: false, augmentation: step, augmentationSeed: 4);
        var large = new ImageBatches(data, 12, shuffle: false, augmentation: step, augmentationSeed: 4);
        var plain = new ImageBatches(data, 12, shuffle: false);
        var first = large.Get(1, 0).Images.ToArray<float>();
        Assert.That(Enumerable.Range(0, 4).SelectMany(i => small.Get(1, i).Images.ToArray<float>()), Is.EqualTo(first));
        Assert.That(large.Get(2, 0).Images.ToArray<float>(), Is.Not.EqualTo(first));
        Assert.That(plain.Get(1, 0).Images.ToArray<float>(), Is.Not.EqualTo(first));
        var nothing = new ImageBatches(
            data,
            12,
            shuffle: false,
            augmentation: new RandomCrop(0),
            mean: 0.5,
            deviation: 0.25
        );
        var normal = new ImageBatches(data, 12, shuffle: false, mean: 0.5, deviation: 0.25);
        Assert.That(
            nothing.Get(0, 0).Images.ToArray<float>(),
            Is.EqualTo(normal.Get(0, 0).Images.ToArray<float>()).Within(1e-6)
        );
    }

    [TestCase(1, 1)]
    [TestCase(1, 5)]
    [TestCase(4, 1)]
    [TestCase(7, 20)]
    public void Prefetched_batches_are_the_same_for_any_number_of_threads(int workers, int depth)
    {
        var source = new Numbers(5) { Delays = true };
        using var batches = new PrefetchedBatches<int[], NumberBatch>(source, workers, depth);
        for (var epoch = 0; epoch < 8; epoch++)
        for (var i = 0; i < 5; i++)
            Assert.That(batches.Get(epoch, i).Value, Is.EqualTo(100 * epoch + i));
    }

    [Test]
    public void Prefetching_begins_anew_at_another_place()
    {
        using var batches = new PrefetchedBatches<int[], NumberBatch>(new Numbers(5), 3);
        Assert.That(batches.Get(0, 0).Value, Is.EqualTo(0));
        Assert.That(batches.Get(4, 2).Value, Is.EqualTo(402));
        Assert.That(batches.Get(4, 3).Value, Is.EqualTo(403));
        Assert.That(batches.Get(4, 3).Value, Is.EqualTo(403));
        Assert.That(batches.Get(0, 4).Value, Is.EqualTo(4));
        Assert.That(batches.Get(1, 0).Value, Is.EqualTo(100));
        Assert.Throws<ArgumentOutOfRangeException>(() => batches.Get(0, 5));
    }

    [Test]
    public void Buffers_are_used_again()
    {
        var source = new Numbers(5);
        using (var batches = new PrefetchedBatches<int[], NumberBatch>(source, 2, 4))
            for (var i = 0; i < 200; i++)
                batches.Get(i / 5, i % 5);
        Assert.That(source.Allocated, Is.LessThanOrEqualTo(4 + 2 + 1));
    }

    [Test]
    public void What_a_thread_throws_is_thrown_by_its_batch()
    {
        using var batches = new PrefetchedBatches<int[], NumberBatch>(new Numbers(5) { Fails = (1, 2) }, 3);
        for (var i = 0; i < 7; i++)
            batches.Get(i / 5, i % 5);
        var error = Assert.Throws<CorruptFileException>(() => batches.Get(1, 2))!;
        Assert.That(error.StackTrace, Does.Contain(nameof(Numbers)), "the place is kept");
        Assert.That(batches.Get(1, 3).Value, Is.EqualTo(103), "the others are still there");
    }

    [Test]
    public void Disposing_ends_the_threads_and_those_who_wait()
    {
        var gate = new ManualResetEventSlim();
        var source = new Numbers(5) { Gate = gate };
        var batches = new PrefetchedBatches<int[], NumberBatch>(source, 2);
        var waiting = Task.Run(() => batches.Get(0, 0));
        SpinWait.SpinUntil(() => source.Running > 0, TimeSpan.FromSeconds(30));
        var disposing = Task.Run(batches.Dispose);
        Assert.That(() => waiting.GetAwaiter().GetResult(), Throws.InstanceOf<ObjectDisposedException>());
        gate.Set();
        Assert.That(disposing.Wait(TimeSpan.FromSeconds(30)), Is.True);
        Assert.That(source.Running, Is.Zero);
        Assert.Throws<ObjectDisposedException>(() => batches.Get(0, 0));
    }

    [Test]
    public void A_trainer_sees_the_same_images_with_and_without_threads()
    {
        var source = new ImageBatches(DrawnDigits.Draw(1, 20), 6, seed: 3, augmentation: new RandomAffine(Degrees: 20));
        using var ahead = new PrefetchedBatches<HostImages, ImageBatch>(source, 3);
        for (var i = 0; i < 12; i++)
        {
            var (own, other) = (source.Get(i / 4, i % 4), ahead.Get(i / 4, i % 4));
            Assert.That(other.Images.ToArray<float>(), Is.EqualTo(own.Images.ToArray<float>()));
            Assert.That(other.Labels.ToArray<long>(), Is.EqualTo(own.Labels.ToArray<long>()));
        }
    }

    private static byte[] Bytes<T>(T[] values)
        where T : unmanaged => System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()).ToArray();

    private sealed record NumberBatch(int Value) : IBatch
    {
        public int Count => 1;
    }

    private sealed class Numbers(int count) : BatchSource<int[], NumberBatch>
    {
        private int _allocated;
        private int _running;

        public bool Delays { get; init; }

        public (long, int)? Fails { get; init; }

        public ManualResetEventSlim? Gate { get; init; }

        public int Allocated => _allocated;

        public int Running => _running;

        public override int Count => count;

        protected override int[] Allocate()
        {
            Interlocked.Increment(ref _allocated);
            return new int[1];
        }

        protected override void Prepare(long epoch, int index, int[] host)
        {
            Interlocked.Increment(ref _running);
            Gate?.Wait();
            if (Delays)
                Thread.Sleep((int)(epoch * 7 + index * 3) % 5);
            host[0] = (int)(100 * epoch + index);
            Interlocked.Decrement(ref _running);
            if (Fails == (epoch, index))
                throw new CorruptFileException("a file", "here", "one thing", "another");
        }

        protected override NumberBatch Upload(int[] host) => new(host[0]);
    }
}
