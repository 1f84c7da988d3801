using CudaNet.Models;
using CudaNet.Nn;
using static CudaNet.Tests.Fixtures.FixtureTensors;

namespace CudaNet.Tests.Fixtures.UnderstandingDeepLearning;

/// <summary>Problems of chapter 10 of "Understanding Deep Learning" (Prince 2023): convolutional networks.</summary>
[TestFixture]
public sealed class Chapter10ConvolutionTests
{
    /// <summary>A convolution of a shifted image is the shifted convolution, on a circle exactly.</summary>
    [Test]
    public void Udl_10_1_TranslationEquivariance()
    {
        var (x, kernel) = (Draw(1, 1, 1, 12), Draw(2, 1, 1, 3));
        Tensor Turned(Tensor t, int by) => Tensor.Concat([t.Narrow(2, by, 12 - by), t.Narrow(2, 0, by)], 2);
        Tensor Convolved(Tensor t) => t.Pad([1, 1], PadMode.Circular).Conv1d(kernel);
        Assert.That(Convolved(Turned(x, 5)).ToDoubles(), Is.EqualTo(Turned(Convolved(x), 5).ToDoubles()));
    }

    /// <summary>Kernel 3, stride 2: output i sees x at 2i − 2, 2i − 1, 2i, counted from 1 with a zero before.</summary>
    [Test]
    public void Udl_10_2_Stride()
    {
        var x = Tensor.Arange(9, DType.Float64) + 1;
        var y = x.Reshape(1, 1, 9).Conv1d(Tensor.From([1.0, 10, 100], [1, 1, 3]), stride: 2, padding: 1);
        Assert.That(y.ToDoubles(), Is.EqualTo(new double[] { 210, 432, 654, 876, 98 }));
    }

    /// <summary>Kernel 3, dilation 2: output i sees x at i − 2, i, i + 2.</summary>
    [Test]
    public void Udl_10_3_Dilation()
    {
        var x = Tensor.Arange(5, DType.Float64) + 1;
        var y = x.Reshape(1, 1, 5).Conv1d(Tensor.From([1.0, 10, 100], [1, 1, 3]), padding: 2, dilation: 2);
        Assert.That(y.ToDoubles(), Is.EqualTo(new double[] { 310, 420, 531, 42, 53 }));
    }

    /// <summary>Kernel 7, dilation 3, stride 3: the windows span 19 elements, at offsets −9, −6, …, 9, and lie 3 apart.</summary>
    [Test]
    public void Udl_10_4_StrideAndDilation()
    {
        var matrix = ConvolutionMatrix.Of1d(Tensor.Ones([1, 1, 7], DType.Float64), 19, 3, 9, 3);
        Assert.That(matrix.Shape, Is.EqualTo(new Shape(7, 19)));
        var rows = matrix.ToDoubles();
        for (var row = 0; row < 7; row++)
        for (var column = 0; column < 19; column++)
        {
            var offset = column - 3 * row;
            var seen = Math.Abs(offset) <= 9 && offset % 3 == 0;
            Assert.That(rows[row * 19 + column], Is.EqualTo(seen ? 1 : 0), $"({row}, {column})");
        }
        Assert.That(ReceptiveField.Input.Through(7, 3, 9, 3).Extent, Is.EqualTo(19));
    }

    /// <summary>A convolution as a sparse matrix with equal diagonals: y = W·x, also with channels, stride, padding and dilation.</summary>
    [TestCase(1, 0, 1)]
    [TestCase(2, 1, 1)]
    [TestCase(1, 2, 2)]
    [TestCase(3, 2, 2)]
    public void Udl_10_5_ConvolutionAsAMatrix(long stride, long padding, long dilation)
    {
        var (x, kernel) = (Draw(1, 2, 3, 7, 6), Draw(2, 4, 3, 3, 2));
        var direct = x.Conv2d(kernel, stride: [stride], padding: [padding], dilation: [dilation]);
        var matrix = ConvolutionMatrix.Of2d(kernel, 7, 6, stride, padding, dilation);
        var product = x.Reshape(2, -1).MatMul(matrix.T);
        Assert.That(Distance(product, direct.Reshape(2, -1)), Is.LessThan(1e-13));
        var zeros = matrix.Eq(0).Cast(DType.Float64).Mean().Item();
        Assert.That(zeros, Is.GreaterThan(0.8), "sparse");
    }

    /// <summary>The 1-D matrix is a Toeplitz matrix: every diagonal has one value.</summary>
    [Test]
    public void Udl_10_5_ToeplitzDiagonals()
    {
        var matrix = ConvolutionMatrix.Of1d(Tensor.From([2.0, -1, 3], [1, 1, 3]), 6, padding: 1);
        double[] expected =
        [
            .. new double[] { -1, 3, 0, 0, 0, 0 },
            .. new double[] { 2, -1, 3, 0, 0, 0 },
            .. new double[] { 0, 2, -1, 3, 0, 0 },
            .. new double[] { 0, 0, 2, -1, 3, 0 },
            .. new double[] { 0, 0, 0, 2, -1, 3 },
            .. new double[] { 0, 0, 0, 0, 2, -1 },
        ];
        Assert.That(matrix.ToDoubles(), Is.EqualTo(expected));
    }

    /// <summary>Kernel 3 from 3 to 4 channels: 36 weights, 4 biases; kernel 5 from 4 to 10: 200 and 10.</summary>
    [TestCase(3, 4, 3, 36)]
    [TestCase(4, 10, 5, 200)]
    public void Udl_10_8_ParameterCount(long inputs, long outputs, long kernel, long weights)
    {
        var layer = new Conv1d(inputs, outputs, kernel);
        Assert.That(layer.Weight.NumElements, Is.EqualTo(weights));
        Assert.That(layer.Bias!.NumElements, Is.EqualTo(outputs));
    }

    /// <summary>Three layers with kernel 3 see 3, 5, 7 inputs.</summary>
    [Test]
    public void Udl_10_9_ReceptiveField() => AssertField([(3, 1, 1), (3, 1, 1), (3, 1, 1)], 3, 5, 7);

    /// <summary>Three layers with kernel 7 see 7, 13, 19 inputs.</summary>
    [Test]
    public void Udl_10_10_ReceptiveField() => AssertField([(7, 1, 1), (7, 1, 1), (7, 1, 1)], 7, 13, 19);

    /// <summary>Kernel 5 with stride 2, kernel 3, kernel 5 with dilation 2: 5, 9, 25 inputs.</summary>
    [Test]
    public void Udl_10_11_ReceptiveField() => AssertField([(5, 2, 1), (3, 1, 1), (5, 1, 2)], 5, 9, 25);

    /// <summary>A hundred thousand iterations with batches of 100 from 4000 examples are 2500 epochs.</summary>
    [Test]
    public void Udl_10_12_Epochs() =>
        Assert.That(100_000 / Chapter06FittingTests.Batches(4000, 100).Count, Is.EqualTo(2500));

    /// <summary>Kernel 5 × 5 from 3 to 10 channels: 750 weights and 10 biases.</summary>
    [Test]
    public void Udl_10_14_ParameterCount()
    {
        var layer = new Conv2d(3, 10, 5);
        Assert.That((layer.Weight.NumElements, layer.Bias!.NumElements), Is.EqualTo((750L, 10L)));
    }

    /// <summary>The matrix of a convolution with stride 2 is a sampling matrix times that with stride 1.</summary>
    [Test]
    public void Udl_10_15_StrideIsSampling()
    {
        var kernel = Tensor.From([2.0, -1, 3], [1, 1, 3]);
        var every = ConvolutionMatrix.Of1d(kernel, 8, stride: 1, padding: 1);
        var second = ConvolutionMatrix.Of1d(kernel, 8, stride: 2, padding: 1);
        var sampling = Tensor.Eye(8, null, DType.Float64).Slice(0, 0, 8, 2);
        Assert.That(Distance(second, sampling.MatMul(every)), Is.Zero);
    }

    /// <summary>He's starting values for a 3 × 3 convolution: mean 0 and variance 2/(9·C), C the channels that come in.</summary>
    [Test]
    public void Udl_10_19_HeVariance()
    {
        const int Channels = 32;
        var layer = new Conv2d(Channels, 256, 3, dtype: DType.Float64);
        Init.HeNormal(layer.Weight, nonlinearity: Nonlinearity.Relu, generator: new Generator(1));
        Assert.That(layer.Weight.Var().Item(), Is.EqualTo(2.0 / (9 * Channels)).Within(2).Percent);
        Assert.That(layer.Weight.Mean().Item(), Is.Zero.Within(2e-3));
    }

    /// <summary>By the calculator, and by which inputs the middle output's gradient reaches.</summary>
    private static void AssertField((long Kernel, long Stride, long Dilation)[] layers, params long[] extents)
    {
        var field = ReceptiveField.Input;
        var x = Leaf(Tensor.Ones([1, 1, 101], DType.Float64));
        var y = x;
        foreach (var ((kernel, stride, dilation), extent) in layers.Zip(extents))
        {
            field = field.Through(kernel, stride, dilation: dilation);
            Assert.That(field.Extent, Is.EqualTo(extent));
            y = y.Conv1d(Tensor.Ones([1, 1, kernel], DType.Float64), stride: stride, dilation: dilation);
            var middle = y.Reshape(-1).Select(0, y.NumElements / 2);
            var reached = Autograd.Grad([middle], [x], retainGraph: true)[0].ToDoubles();
            var (first, last) = (Array.FindIndex(reached, v => v != 0), Array.FindLastIndex(reached, v => v != 0));
            Assert.That(last - first + 1, Is.EqualTo(extent));
        }
    }
}
