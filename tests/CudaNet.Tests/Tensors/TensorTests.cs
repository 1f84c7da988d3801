namespace CudaNet.Tests.Tensors;

using CudaNet;

[TestFixture]
public sealed class TensorTests
{
    [Test]
    public void StridesOfAViewWithSwappedAxes()
    {
        var x = Tensor.Arange(0, 24).Reshape(2, 3, 4);
        var swapped = x.Transpose(0, 1);
        Assert.Multiple(() =>
        {
            Assert.That(x.Strides.ToArray(), Is.EqualTo(new long[] { 12, 4, 1 }));
            Assert.That(swapped.Strides.ToArray(), Is.EqualTo(new long[] { 4, 12, 1 }));
            Assert.That(swapped.Shape.ToArray(), Is.EqualTo(new long[] { 3, 2, 4 }));
            Assert.That(swapped.SharesStorageWith(x));
            Assert.That(swapped.IsContiguous, Is.False);
            Assert.That(swapped.Contiguous().SharesStorageWith(x), Is.False);
            Assert.That(swapped.ToDoubles()[..8], Is.EqualTo(new double[] { 0, 1, 2, 3, 12, 13, 14, 15 }));
        });
    }

    [Test]
    public void ReshapeOfAStridedViewCopiesOnlyWhereItMust()
    {
        var x = Tensor.Arange(0, 24).Reshape(2, 3, 4);
        var sliced = x.Slice(0, 1, 2);
        Assert.That(sliced.Reshape(3, 4).SharesStorageWith(x));
        var swapped = x.Transpose(0, 1);
        var flat = swapped.Reshape(24);
        Assert.That(flat.SharesStorageWith(x), Is.False);
        Assert.That(flat.ToDoubles(), Is.EqualTo(swapped.ToDoubles()));
        Assert.That(Assert.Throws<ShapeException>(() => swapped.View(24))!.Message, Does.Contain("(24)"));
    }

    [Test]
    public void HostRoundTripOfEveryDType()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Tensor.From(new[] { 1.5f, -2 }).ToArray<float>(), Is.EqualTo(new[] { 1.5f, -2 }));
            Assert.That(Tensor.From(new[] { 1.5, -2 }).ToArray<double>(), Is.EqualTo(new[] { 1.5, -2 }));
            Assert.That(
                Tensor.From(new[] { long.MaxValue, long.MinValue }).ToArray<long>(),
                Is.EqualTo(new[] { long.MaxValue, long.MinValue })
            );
            Assert.That(Tensor.From(new byte[] { 0, 255 }).ToArray<byte>(), Is.EqualTo(new byte[] { 0, 255 }));
            Assert.That(Tensor.From(new[] { true, false }).ToArray<bool>(), Is.EqualTo(new[] { true, false }));
            Assert.That(Tensor.From(new[] { (Half)1.5f }).ToArray<Half>(), Is.EqualTo(new[] { (Half)1.5f }));
            Assert.That(
                Tensor.From(new[] { (BFloat16)1.5f }).ToArray<BFloat16>(),
                Is.EqualTo(new[] { (BFloat16)1.5f })
            );
        });
    }

    [Test]
    public void BFloat16RoundsADoubleOnce()
    {
        // Just above the tie between 1 and 1 + 2⁻⁷: through a float it would first become the tie and then round to even, to 1.
        var aboveTie = 1 + Math.Pow(2, -8) + Math.Pow(2, -40);
        Assert.That((double)(float)(BFloat16)aboveTie, Is.EqualTo(1 + Math.Pow(2, -7)));
        Assert.That((float)(BFloat16)(1 + Math.Pow(2, -8)), Is.EqualTo(1f), "a tie goes to even");
        Assert.That((float)(BFloat16)(-aboveTie), Is.EqualTo(-(1 + MathF.Pow(2, -7))));
    }

    [Test]
    public void CastsSaturateAndTruncate()
    {
        var x = Tensor.From(new[] { 300.7, -5.2, double.NaN, double.PositiveInfinity, 2.9 });
        Assert.Multiple(() =>
        {
            Assert.That(x.Cast(DType.UInt8).ToDoubles(), Is.EqualTo(new double[] { 255, 0, 0, 255, 2 }));
            Assert.That(x.Cast(DType.Int32).ToDoubles(), Is.EqualTo(new double[] { 300, -5, 0, int.MaxValue, 2 }));
            Assert.That(x.Cast(DType.Bool).ToDoubles(), Is.EqualTo(new double[] { 1, 1, 1, 1, 1 }));
        });
    }

    [Test]
    public unsafe void ExternalMemoryIsReadAndWrittenInPlace()
    {
        var values = new float[] { 1, 2, 3, 4, 5, 6 };
        fixed (float* pointer = values)
        {
            var x = Tensor.FromDevicePointer((nint)pointer, [2, 3], DType.Float32, Device.Cpu);
            Assert.That((x * 2.0).ToArray<float>(), Is.EqualTo(new float[] { 2, 4, 6, 8, 10, 12 }));
            var columns = Tensor.FromDevicePointer((nint)pointer, [3, 2], DType.Float32, Device.Cpu, [1, 3]);
            Assert.That(columns.ToArray<float>(), Is.EqualTo(new float[] { 1, 4, 2, 5, 3, 6 }));
            x.CopyFrom<float>([6, 5, 4, 3, 2, 1]);
        }
        Assert.That(values, Is.EqualTo(new float[] { 6, 5, 4, 3, 2, 1 }));
    }

    [Test]
    public void PrintingShowsValuesShapeAndDType()
    {
        Assert.That(Tensor.From(new[] { 1f, 2.5f }).ToString(), Is.EqualTo("tensor([1, 2.5], shape=(2), dtype=f32)"));
        Assert.That(Tensor.Zeros([100]).ToString(), Does.Contain("..."));
    }

    [Test]
    public void ErrorsNameShapesAndWhatToDo()
    {
        var a = Tensor.Ones([2, 3]);
        Assert.Multiple(() =>
        {
            Assert.That(
                Assert.Throws<ShapeException>(() => a.Add(Tensor.Ones([4])))!.Message,
                Does.Contain("add").And.Contain("(2, 3)").And.Contain("(4)")
            );
            Assert.That(
                Assert.Throws<DTypeException>(() => a.Add(Tensor.Ones([2, 3], DType.Float64)))!.Message,
                Does.Contain("f32").And.Contain("f64").And.Contain("Cast")
            );
            Assert.That(
                Assert.Throws<ShapeException>(() => a.Sum(5))!.Message,
                Does.Contain("axis 5").And.Contain("(2, 3)")
            );
            Assert.That(Assert.Throws<ShapeException>(() => a.Reshape(4))!.Message, Does.Contain("(4)"));
            Assert.Throws<ShapeException>(() => a.Item());
            Assert.Throws<DTypeException>(() => a.ToArray<double>());
            Assert.Throws<ShapeException>(() => Tensor.Zeros([1, 1, 1, 1, 1, 1, 1, 1, 1]));
            Assert.Throws<ShapeException>(() => Tensor.Zeros([-1]));
            Assert.Throws<DeviceException>(() => Device.Parse("gpu"));
        });
    }
}
