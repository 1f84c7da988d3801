namespace CudaNet.Tests.Ops;

/// <summary>Conversions at the values where they go wrong.</summary>
[TestFixture]
public sealed class CastTests
{
    [Test]
    public void CopiesOfLongsAreExact()
    {
        long[] values = [long.MaxValue, long.MinValue + 1, (1L << 53) + 1, -3];
        Assert.That(Tensor.From(values).Clone().ToArray<long>(), Is.EqualTo(values));
        Assert.That(
            Tensor.From(values).View([2], [2], 1).Contiguous().ToArray<long>(),
            Is.EqualTo(new[] { values[1], values[3] })
        );
    }

    [Test]
    public void DoublesAreRoundedToBFloat16Once()
    {
        // Just above the middle between two neighbours: through f32 it would become a tie and go down to even.
        var value = 1 + Math.Pow(2, -8) + Math.Pow(2, -40);
        Assert.That(Tensor.From([value]).Cast(DType.BFloat16).Item(), Is.EqualTo(1 + Math.Pow(2, -7)));
    }

    [Test]
    public void VectorsOfBFloat16AreRoundedLikeSingleOnes()
    {
        var random = new System.Random(3);
        // Random bits, ties among them, and NaNs of all kinds.
        float[] x =
        [
            .. Enumerable
                .Range(0, 10_001)
                .Select(i => (uint)random.NextInt64(1L << 32) & (i % 3 == 0 ? 0xFFFF8000 : uint.MaxValue))
                .Select(BitConverter.UInt32BitsToSingle),
        ];
        var rounded = Tensor.From(x).Cast(DType.BFloat16).ToArray<BFloat16>();
        Assert.That(rounded, Is.EqualTo(x.Select(v => (BFloat16)v).ToArray()));
        var widened = Tensor.From(rounded).Cast(DType.Float32).ToArray<float>();
        Assert.That(
            widened.Select(BitConverter.SingleToUInt32Bits),
            Is.EqualTo(rounded.Select(v => (uint)v.Bits << 16))
        );
    }

    [Test]
    public void FullKeepsAllBitsOfAnInteger([Values(1, 70_000)] int count) =>
        Assert.That(Tensor.Full([count], 1e15 + 3, DType.Int64).ToArray<long>(), Is.All.EqualTo(1_000_000_000_000_003));
}
