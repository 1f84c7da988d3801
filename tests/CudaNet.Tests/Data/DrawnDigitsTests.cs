using System.Security.Cryptography;
using CudaNet.Data;
using NUnit.Framework;

namespace CudaNet.Tests.Data;

public sealed class DrawnDigitsTests
{
    [Test]
    public void The_drawings_never_change()
    {
        // A change here changes every recipe's numbers; the reference values must then be measured again.
        LabeledImages digits = DrawnDigits.Draw(1, 500);
        Assert.Multiple(() =>
        {
            Assert.That(Convert.ToHexStringLower(SHA256.HashData(digits.Images))[..16], Is.EqualTo("049ef41651b2070c"));
            Assert.That(Convert.ToHexStringLower(SHA256.HashData(digits.Labels))[..16], Is.EqualTo("604e41cac82fcff3"));
        });
    }

    [Test]
    public void An_item_depends_on_its_seed_and_number_alone()
    {
        LabeledImages all = DrawnDigits.Draw(3, 50);
        LabeledImages part = DrawnDigits.Draw(3, 20, first: 30);
        var one = new byte[DrawnDigits.Height * DrawnDigits.Width];
        int label = DrawnDigits.DrawItem(3, 49, one);
        Assert.Multiple(() =>
        {
            Assert.That(part.Images, Is.EqualTo(all.Slice(30, 20).Images));
            Assert.That(part.Labels, Is.EqualTo(all.Slice(30, 20).Labels));
            Assert.That(one, Is.EqualTo(all.Slice(49, 1).Images));
            Assert.That(label, Is.EqualTo(all.Labels[49]));
            Assert.That(DrawnDigits.Draw(4, 50).Images, Is.Not.EqualTo(all.Images));
        });
    }

    [Test]
    public void Training_and_test_items_differ_and_the_test_set_ignores_the_training_size()
    {
        TrainTestImages small = DrawnDigits.Load(1, 300, 200);
        TrainTestImages large = DrawnDigits.Load(1, 600, 200);
        Assert.That(small.Test.Images, Is.EqualTo(large.Test.Images));
        var seen = new HashSet<string>();
        for (int i = 0; i < large.Train.Count; i++)
        {
            seen.Add(Convert.ToHexString(large.Train.Slice(i, 1).Images));
        }

        Assert.That(seen, Has.Count.EqualTo(large.Train.Count), "no image twice");
        for (int i = 0; i < large.Test.Count; i++)
        {
            Assert.That(seen, Does.Not.Contain(Convert.ToHexString(large.Test.Slice(i, 1).Images)));
        }
    }

    [Test]
    public void Every_class_appears_about_equally_and_every_image_has_ink()
    {
        LabeledImages digits = DrawnDigits.Draw(2, 4000);
        int[] counts = [.. Enumerable.Range(0, 10).Select(c => digits.Labels.Count(l => l == c))];
        Assert.That(counts, Has.All.InRange(310, 490));
        for (int i = 0; i < digits.Count; i++)
        {
            int bright = digits.Images.AsSpan(i * 784, 784).ToArray().Count(p => p > 110);
            Assert.That(bright, Is.InRange(15, 400), $"item {i}");
        }
    }

    [Test]
    public void Arguments_out_of_range_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => DrawnDigits.Draw(1, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => DrawnDigits.Draw(1, 1, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => DrawnDigits.Draw(1, int.MaxValue));
        Assert.Throws<ArgumentException>(() => DrawnDigits.DrawItem(1, 0, new byte[10]));
        Assert.That(DrawnDigits.Draw(1, 0).Count, Is.Zero);
    }
}
