namespace CudaNet.Tests.Ops;

/// <summary>Sorting: order, stability, special numbers, exact integers; on short lines and long ones, which other kernels sort.</summary>
[TestFixture("cpu")]
[TestFixture("simt")]
public sealed class SortTests(string deviceName)
{
    private const float Inf = float.PositiveInfinity;

    private Device _device = Device.Cpu;

    [SetUp]
    public void OpenDevice() => _device = TestDevices.Open(deviceName);

    [Test]
    public void NaNIsLargestAndZerosAreEqual()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.From<float>([0, float.NaN, -Inf, -0f, Inf, -float.NaN, -1, 0], device: _device);
        var (rising, from) = x.Sort();
        Assert.That(rising.ToArray<float>(), Is.EqualTo(new[] { -Inf, -1, 0, 0, 0, Inf, float.NaN, float.NaN }));
        Assert.That(from.ToArray<long>(), Is.EqualTo(new long[] { 2, 6, 0, 3, 7, 4, 1, 5 }));
        var (falling, back) = x.Sort(descending: true);
        Assert.That(falling.ToArray<float>(), Is.EqualTo(new[] { float.NaN, float.NaN, Inf, 0, 0, 0, -1, -Inf }));
        Assert.That(back.ToArray<long>(), Is.EqualTo(new long[] { 1, 5, 4, 0, 3, 7, 6, 2 }));
    }

    /// <summary>In lengths that all kernels sort.</summary>
    [Test]
    public void NaNAndInfinitiesFindTheirPlacesInLongLines([Values(300, 3000, 5000)] int n, [Values] bool descending)
    {
        using var frame = Lifetime.Frame();
        float[] special = [float.NaN, Inf, -Inf, 0, -0f];
        var values = Enumerable.Range(0, n).Select(i => i % 3 == 0 ? special[i / 3 % 5] : MathF.Sin(i)).ToArray();
        var indices = Tensor.From(values, device: _device).ArgSort(0, descending).ToArray<long>();
        double Rank(int i) => float.IsNaN(values[i]) ? 2 : Math.Atan(values[i]) / Math.PI;
        var order = Enumerable.Range(0, n);
        var expected = descending ? order.OrderByDescending(Rank) : order.OrderBy(Rank);
        Assert.That(indices, Is.EqualTo(expected.Select(i => (long)i)));
    }

    [Test]
    public void EqualElementsKeepTheirOrder([Values(7, 1000, 5000)] int n, [Values] bool descending)
    {
        using var frame = Lifetime.Frame();
        var values = Enumerable.Range(0, n).Select(i => (double)(i * 7919L % 5)).ToArray();
        var indices = Tensor.From(values, device: _device).ArgSort(0, descending).ToArray<long>();
        var order = Enumerable.Range(0, n).Select(i => (long)i);
        var expected = descending
            ? order.OrderByDescending(i => values[i]).ToArray()
            : order.OrderBy(i => values[i]).ToArray();
        Assert.That(indices, Is.EqualTo(expected));
    }

    [Test]
    public void IntegersBeyondTheFloatsAreSortedExactly([Values(5, 3000)] int n)
    {
        using var frame = Lifetime.Frame();
        var values = Enumerable.Range(0, n).Select(i => (1L << 60) * (i % 3 - 1) + (n - i)).ToArray();
        values[0] = long.MinValue;
        values[^1] = long.MaxValue;
        var sorted = Tensor.From(values, device: _device).Sort().Values.ToArray<long>();
        Array.Sort(values);
        Assert.That(sorted, Is.EqualTo(values));
    }

    [Test]
    public void GradientsGoBackToWhereTheValuesCameFrom()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.From<float>([3, 1, 2, 9, 7, 8], [2, 3], _device);
        x.RequiresGrad = true;
        var weights = Tensor.From<float>([1, 10, 100], device: _device);
        (x.Sort(1).Values * weights).Sum().Backward();
        Assert.That(x.Grad!.ToArray<float>(), Is.EqualTo(new float[] { 100, 1, 10, 100, 1, 10 }));
        x.Grad = null;
        x.TopK(1, 1).Values.Sum().Backward();
        Assert.That(x.Grad!.ToArray<float>(), Is.EqualTo(new float[] { 1, 0, 0, 1, 0, 0 }));
    }

    [Test]
    public void TopKTakesTheFirstOfTies()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.From<float>([1, 5, 3, 5, float.NaN, 0, 2, 1, 1, 0], [2, 5], _device);
        var (values, indices) = x.TopK(3);
        Assert.That(values.ToArray<float>(), Is.EqualTo(new[] { float.NaN, 5, 5, 2, 1, 1 }));
        Assert.That(indices.ToArray<long>(), Is.EqualTo(new long[] { 4, 1, 3, 1, 2, 3 }));
        Assert.That(x.TopK(2, largest: false).Indices.ToArray<long>(), Is.EqualTo(new long[] { 0, 2, 0, 4 }));
        Assert.That(x.TopK(1, 0).Values.Shape, Is.EqualTo(new Shape(1, 5)));
        Assert.That(x.TopK(0).Values.Shape, Is.EqualTo(new Shape(2, 0)));
    }

    [Test]
    public void KthValueIsThatOfTheSortedLine()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.From<float>([4, 2, 9, 1, 8, 7], [2, 3], _device);
        var (values, indices) = x.KthValue(2, 1);
        Assert.That(values.ToArray<float>(), Is.EqualTo(new float[] { 4, 7 }));
        Assert.That(indices.ToArray<long>(), Is.EqualTo(new long[] { 0, 2 }));
        Assert.That(x.KthValue(1, 0, keepDim: true).Values.Shape, Is.EqualTo(new Shape(1, 3)));
    }

    [Test]
    public void WhatDoesNotFitIsNamed()
    {
        using var frame = Lifetime.Frame();
        var x = Tensor.Ones([2, 3], device: _device);
        using var all = Assert.EnterMultipleScope();
        Assert.That(
            () => x.Sort(2),
            Throws.TypeOf<ShapeException>().With.Message.Contains("sort: axis 2 is outside (2, 3)")
        );
        Assert.That(() => x.TopK(4), Throws.TypeOf<ShapeException>().With.Message.Contains("k from 0 to 3, got 4"));
        Assert.That(
            () => x.KthValue(0, 1),
            Throws.TypeOf<ShapeException>().With.Message.Contains("k from 1 to 3, got 0")
        );
        var (values, indices) = Tensor.Scalar(3, device: _device).Sort();
        Assert.That((values.Item(), indices.Item()), Is.EqualTo((3, 0)));
    }
}
