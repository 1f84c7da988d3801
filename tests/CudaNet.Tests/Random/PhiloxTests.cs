using CudaNet.Random;
using NUnit.Framework;

namespace CudaNet.Tests.Random;

public sealed class PhiloxTests
{
    // The known answers of Random123 (kat_vectors, philox4x32 with 10 rounds).
    [TestCase(0ul, 0ul, 0ul, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [TestCase(ulong.MaxValue, ulong.MaxValue, ulong.MaxValue, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [TestCase(
        0x299f31d0a4093822ul,
        0x85a308d3243f6a88ul,
        0x0370734413198a2eul,
        0xd16cfe09u,
        0x94fdcceb,
        0x5001e420u,
        0x24126ea1u
    )]
    public void Block_matches_the_known_answers(ulong seed, ulong low, ulong high, uint w0, uint w1, uint w2, uint w3)
    {
        Assert.That(Philox.Block(seed, low, high), Is.EqualTo((w0, w1, w2, w3)));
    }

    [Test]
    public void Conversions_follow_their_definitions_and_stay_below_one()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Philox.ToFloat(0), Is.Zero);
            Assert.That(Philox.ToFloat(0x80000000), Is.EqualTo(0.5f));
            Assert.That(Philox.ToFloat(uint.MaxValue), Is.EqualTo(1f - MathF.ScaleB(1f, -24)));
            Assert.That(Philox.ToDouble(0, 0x80000000), Is.EqualTo(0.5));
            Assert.That(Philox.ToDouble(0x800, 0), Is.EqualTo(Math.ScaleB(1.0, -53)));
            Assert.That(Philox.ToDouble(uint.MaxValue, uint.MaxValue), Is.EqualTo(1.0 - Math.ScaleB(1.0, -53)));
        });
    }

    [Test]
    public void A_stream_reads_the_blocks_in_order()
    {
        var stream = new PhiloxStream(5, 9);
        for (ulong block = 0; block < 3; block++)
        {
            (uint w0, uint w1, uint w2, uint w3) = Philox.Block(5, block, 9);
            uint[] got = [stream.NextUInt(), stream.NextUInt(), stream.NextUInt(), stream.NextUInt()];
            Assert.That(got, Is.EqualTo(new[] { w0, w1, w2, w3 }));
        }

        Assert.That(stream.Position, Is.EqualTo(12ul));
    }

    [Test]
    public void Doubles_take_the_low_word_first()
    {
        (uint w0, uint w1, _, _) = Philox.Block(7, 0, 3);
        var stream = new PhiloxStream(7, 3);
        Assert.That(stream.NextDouble(), Is.EqualTo(Philox.ToDouble(w0, w1)));
    }

    [Test]
    public void Normals_have_the_moments_of_the_standard_normal()
    {
        const int count = 200_000;
        var stream = new PhiloxStream(11, 0);
        double m1 = 0;
        double m2 = 0;
        double m4 = 0;
        for (int i = 0; i < count; i++)
        {
            double x = stream.NextNormal();
            m1 += x / count;
            m2 += x * x / count;
            m4 += x * x * x * x / count;
        }

        // Five standard errors each: 1, sqrt(2) and sqrt(96) over sqrt(count).
        double unit = 5 / Math.Sqrt(count);
        Assert.Multiple(() =>
        {
            Assert.That(m1, Is.EqualTo(0).Within(unit));
            Assert.That(m2, Is.EqualTo(1).Within(unit * Math.Sqrt(2)));
            Assert.That(m4, Is.EqualTo(3).Within(unit * Math.Sqrt(96)));
        });
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(10)]
    [TestCase(1000)]
    public void Integers_fill_their_range_evenly(int bound)
    {
        const int perValue = 400;
        var counts = new int[bound];
        var stream = new PhiloxStream(3, (ulong)bound);
        for (int i = 0; i < perValue * bound; i++)
        {
            counts[stream.NextInt(bound)]++;
        }

        double chiSquare = counts.Sum(c => Math.Pow(c - perValue, 2) / perValue);
        Assert.That(chiSquare, Is.LessThan(bound + (5 * Math.Sqrt(2.0 * bound))));
    }

    [Test]
    public void Integers_refuse_a_bound_below_one()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() =>
        {
            var stream = new PhiloxStream(1, 1);
            stream.NextInt(0);
        });
        Assert.That(new PhiloxStream(1, 1).NextInt(int.MaxValue), Is.InRange(0, int.MaxValue - 1));
    }
}
