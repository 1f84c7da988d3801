namespace CudaNet.Tests.Devices;

[TestFixture]
[NonParallelizable]
public sealed class CpuThreadsTests
{
    private const long Costly = 1 << 20; // a part for each item

    [Test]
    public void Every_item_is_worked_on_once_whatever_the_number_of_threads([Values(1, 2, 3, 63, 64, 1000)] int count)
    {
        var before = CpuThreads.Count;
        try
        {
            for (CpuThreads.Count = 1; ; CpuThreads.Count++)
            {
                // Twice: loops go through their parts up and down by turns.
                Assert.That(Visits(count), Is.All.EqualTo(1));
                Assert.That(Visits(count), Is.All.EqualTo(1));
                if (CpuThreads.Count == CpuThreads.Available)
                    break;
            }
        }
        finally
        {
            CpuThreads.Count = before;
        }
    }

    [Test]
    public void A_loop_inside_a_loop_is_worked_on_as_well()
    {
        var visits = new int[8 * 8];
        CpuThreads.For(
            8,
            Costly,
            (first, last) =>
            {
                for (var i = first; i < last; i++)
                    CpuThreads.For(8, Costly, (from, to) => Count(visits, 8 * i + from, 8 * i + to));
            }
        );
        Assert.That(visits, Is.All.EqualTo(1));
    }

    [Test]
    public void Successive_loops_start_at_opposite_ends()
    {
        var before = CpuThreads.Count;
        CpuThreads.Count = 1;
        try
        {
            var (one, other) = (Order(), Order());
            Assert.That(other, Is.EqualTo(Enumerable.Reverse(one)));
        }
        finally
        {
            CpuThreads.Count = before;
        }
    }

    [Test]
    public unsafe void Large_blocks_start_at_different_places_of_a_page_on_lines_of_the_cache()
    {
        var places = new List<ulong>();
        for (var i = 0; i < 4; i++)
        {
            var block = CpuDevice.Instance.AllocateRaw(1 << 20);
            places.Add((ulong)block % 4096);
            CpuDevice.Instance.Fill(block, 1, 1 << 20);
            CpuDevice.Instance.FreeRaw(block, 1 << 20);
        }
        Assert.That(places, Is.Unique);
        Assert.That(places.Select(place => place % 64), Is.All.Zero);
    }

    private static int[] Visits(int count)
    {
        var visits = new int[count];
        CpuThreads.For(count, Costly, (first, last) => Count(visits, first, last));
        return visits;
    }

    private static List<long> Order()
    {
        var order = new List<long>();
        CpuThreads.For(16, Costly, (first, _) => order.Add(first));
        return order;
    }

    private static void Count(int[] visits, long first, long last)
    {
        for (var i = first; i < last; i++)
            Interlocked.Increment(ref visits[i]);
    }
}
