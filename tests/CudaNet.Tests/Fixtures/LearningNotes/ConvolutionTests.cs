using CudaNet.Models;
using CudaNet.Nn;
using static CudaNet.Tests.Fixtures.FixtureTensors;

namespace CudaNet.Tests.Fixtures.LearningNotes;

/// <summary>Chapters 2, 8 and 9 of the "Learning Notes" (Li 2023): matrices, convolutions, normalisation and cells.</summary>
[TestFixture]
public sealed class ConvolutionTests
{
    /// <summary>Row-major and column-major operands: all four combinations give what the loops of the definition give.</summary>
    [Test]
    public void LearningNotes_2_2_MatrixLayouts()
    {
        var (a, b) = (Draw(1, 3, 4), Draw(2, 4, 5));
        var expected = (a.Unsqueeze(2) * b.Unsqueeze(0)).Sum(1);
        var (columnA, columnB) = (a.T.Contiguous().T, b.T.Contiguous().T);
        Assert.That(columnA.IsContiguous || columnB.IsContiguous, Is.False);
        foreach (var left in new[] { a, columnA })
        foreach (var right in new[] { b, columnB })
            Assert.That(Distance(left.MatMul(right), expected), Is.LessThan(1e-14));
        Assert.That(Distance(b.T.MatMul(a.T).T, expected), Is.LessThan(1e-14));
    }

    /// <summary>A product of m × n and n × p costs 2mnp operations.</summary>
    [Test]
    public void LearningNotes_2_1_MatrixProductCost()
    {
        using var cost = CostCounter.Start();
        Draw(1, 7, 11).MatMul(Draw(2, 11, 13));
        Assert.That(cost.ByOp["matmul"].Flops, Is.EqualTo(2.0 * 7 * 11 * 13));
    }

    /// <summary>⌊(n − k + p + s)/s⌋ with p the total padding of both sides: 8 → 8, 4; 28 → 28; 224 → 55; and 8 × 8 with two different axes → 2 × 2.</summary>
    [TestCase(8, 3, 2, 1, 8)]
    [TestCase(8, 3, 2, 2, 4)]
    [TestCase(28, 5, 4, 1, 28)]
    [TestCase(224, 11, 4, 4, 55)]
    public void LearningNotes_2_2_OutputSize(long size, long kernel, long totalPadding, long stride, long expected)
    {
        var x = Tensor.Zeros([1, 1, size, size]);
        var y = x.Conv2d(Tensor.Zeros([1, 1, kernel, kernel]), stride: [stride], padding: [totalPadding / 2]);
        Assert.That(y.Shape, Is.EqualTo(new Shape(1, 1, expected, expected)));
        Assert.That((size - kernel + totalPadding + stride) / stride, Is.EqualTo(expected));
        var mixed = Tensor.Zeros([1, 1, 8, 8]).Conv2d(Tensor.Zeros([1, 1, 3, 5]), stride: [3, 4], padding: [0, 1]);
        Assert.That(mixed.Shape, Is.EqualTo(new Shape(1, 1, 2, 2)));
    }

    /// <summary>Batch normalisation has four numbers per channel, two of them trainable; its output has mean 0 and variance σ²/(σ² + ε), and it works on a single image when tested.</summary>
    [Test]
    public void LearningNotes_2_3_BatchNorm()
    {
        var layer = new BatchNorm2d(6, dtype: DType.Float64);
        Assert.That(layer.ParameterCount, Is.EqualTo(2 * 6));
        Assert.That(layer.RunningMean!.NumElements + layer.RunningVar!.NumElements, Is.EqualTo(2 * 6));
        var x = 3 * Draw(1, 8, 6, 4, 4) + 2;
        var y = layer.Call(x);
        Assert.That(y.Mean([0, 2, 3]).ToDoubles(), Is.All.Zero.Within(1e-14));
        var variance = x.Var([0, 2, 3], correction: 0);
        Assert.That(Distance(y.Var([0, 2, 3], correction: 0), variance / (variance + 1e-5)), Is.LessThan(1e-13));
        layer.Eval();
        var single = layer.Call(x.Narrow(0, 0, 1));
        Assert.That(single.ToDoubles().All(double.IsFinite), Is.True);
    }

    /// <summary>Transposed convolution of [[0, 1], [2, 3]] with itself, at stride 1, stride 2, and with padding 1, which cuts the edges off.</summary>
    [Test]
    public void LearningNotes_2_3_TransposedConvolution()
    {
        var x = Tensor.Arange(4, DType.Float64).Reshape(1, 1, 2, 2);
        double[] one = [0, 0, 1, 0, 4, 6, 4, 12, 9];
        double[] two = [0, 0, 0, 1, 0, 0, 2, 3, 0, 2, 0, 3, 4, 6, 6, 9];
        Assert.That(x.ConvTranspose2d(x).ToDoubles(), Is.EqualTo(one));
        Assert.That(x.ConvTranspose2d(x, stride: 2).ToDoubles(), Is.EqualTo(two));
        Assert.That(x.ConvTranspose2d(x, padding: 1).ToDoubles(), Is.EqualTo(new double[] { 4 }));
    }

    /// <summary>⟨conv(x), y⟩ = ⟨x, convT(y)⟩; the transposed convolution is the transposed matrix, and has the input's shape.</summary>
    [TestCase(1, 0)]
    [TestCase(2, 1)]
    public void LearningNotes_2_3_TransposedConvolutionIsTheAdjoint(long stride, long padding)
    {
        var (x, kernel) = (Draw(1, 1, 3, 7, 7), Draw(2, 4, 3, 3, 3));
        var y = x.Conv2d(kernel, stride: [stride], padding: [padding]);
        var back = Draw(3, [.. y.Shape.Dims]);
        var transposed = back.ConvTranspose2d(kernel, stride: stride, padding: padding);
        Assert.That(transposed.Shape, Is.EqualTo(x.Shape));
        Assert.That((y * back).Sum().Item(), Is.EqualTo((x * transposed).Sum().Item()).Within(1e-12));
        var matrix = ConvolutionMatrix.Of2d(kernel, 7, 7, stride, padding);
        var product = matrix.T.MatMul(back.Reshape(-1, 1));
        Assert.That(Distance(product.Reshape(-1), transposed.Reshape(-1)), Is.LessThan(1e-13));
    }

    /// <summary>A 1 × 1 convolution is a linear layer at each pixel.</summary>
    [Test]
    public void LearningNotes_8_1_6_Ex1_OneByOneConvolution()
    {
        var (x, kernel, bias) = (Draw(1, 2, 3, 4, 5), Draw(2, 6, 3, 1, 1), Draw(3, 6));
        var pixels = x.Permute(0, 2, 3, 1).Linear(kernel.Reshape(6, 3), bias).Permute(0, 3, 1, 2);
        Assert.That(Distance(x.Conv2d(kernel, bias), pixels), Is.LessThan(1e-14));
    }

    /// <summary>Padding of [a, b, c]: zeros; reflected, [b, a, b, c, b], without repeating the edge (the printed example is symmetric padding); replicated, [a, a, b, c, c].</summary>
    [Test]
    public void LearningNotes_8_1_6_Ex5_PaddingModes()
    {
        double[] Padded(PadMode mode, params long[] sides) =>
            Vector(1, 2, 3).Reshape(1, 1, 3).Pad(sides, mode).ToDoubles();
        Assert.That(Padded(PadMode.Constant, 1, 2), Is.EqualTo(new double[] { 0, 1, 2, 3, 0, 0 }));
        Assert.That(Padded(PadMode.Reflect, 0, 2), Is.EqualTo(new double[] { 1, 2, 3, 2, 1 }));
        Assert.That(Padded(PadMode.Replicate, 0, 2), Is.EqualTo(new double[] { 1, 2, 3, 3, 3 }));
        Assert.That(Padded(PadMode.Circular, 1, 1), Is.EqualTo(new double[] { 3, 1, 2, 3, 1 }));
    }

    /// <summary>Without padding an output is k − 1 smaller; with k − 1 in all it has the same size.</summary>
    [TestCase(3)]
    [TestCase(7)]
    public void LearningNotes_8_1_6_Ex5_ValidAndSame(long kernel)
    {
        var (x, weight) = (Draw(1, 1, 1, 20), Draw(2, 1, 1, kernel));
        Assert.That(x.Conv1d(weight).Shape[2], Is.EqualTo(20 - kernel + 1));
        Assert.That(x.Conv1d(weight, padding: (kernel - 1) / 2).Shape[2], Is.EqualTo(20));
    }

    /// <summary>A full convolution, whose kernel is flipped, commutes; the cross-correlation that layers compute does not.</summary>
    [Test]
    public void LearningNotes_8_1_6_Ex6_ConvolutionCommutes()
    {
        var (f, g) = (Draw(1, 1, 1, 5), Draw(2, 1, 1, 3));
        static Tensor Full(Tensor a, Tensor kernel) => a.Conv1d(kernel, padding: kernel.Shape[2] - 1);
        Assert.That(Distance(Full(f, g.Flip(2)), Full(g, f.Flip(2))), Is.LessThan(1e-15));
        Assert.That(Distance(Full(f, g), Full(g, f)), Is.GreaterThan(0.1));
    }

    /// <summary>im2col: patches of (n − k + 1)² positions times the kernel are the convolution, and col2im is the adjoint.</summary>
    [Test]
    public void LearningNotes_7_2_8_Ex4_Im2Col()
    {
        var (x, kernel) = (Draw(1, 2, 3, 6, 6), Draw(2, 4, 3, 3, 3));
        var patches = x.Unfold([3]);
        Assert.That(patches.Shape, Is.EqualTo(new Shape(2, 27, 16)));
        var product = kernel.Reshape(4, 27).MatMul(patches).Reshape(2, 4, 4, 4);
        Assert.That(Distance(product, x.Conv2d(kernel)), Is.LessThan(1e-13));
        var columns = Draw(3, 2, 27, 16);
        var folded = columns.Fold([6], [3]);
        Assert.That(folded.Shape, Is.EqualTo(x.Shape));
        Assert.That((patches * columns).Sum().Item(), Is.EqualTo((x * folded).Sum().Item()).Within(1e-12));
    }

    /// <summary>The same with stride, padding and dilation, and as layers; col2im of im2col counts how many windows see a pixel.</summary>
    [Test]
    public void LearningNotes_7_2_8_Ex4_Im2ColWithOptions()
    {
        var (x, kernel) = (Leaf(Draw(1, 2, 3, 9, 8)), Draw(2, 4, 3, 3, 2));
        var layer = new Unfold([3, 2], dilation: [2, 1], padding: [2, 1], stride: [2, 3]);
        var product = kernel.Reshape(4, 18).MatMul(layer.Call(x));
        var direct = x.Conv2d(kernel, stride: [2, 3], padding: [2, 1], dilation: [2, 1]);
        Assert.That(Distance(product, direct.Reshape(2, 4, -1)), Is.LessThan(1e-13));
        var g = Draw(3, [.. product.Shape.Dims]);
        var byMatrix = Autograd.Grad([product], [x], [g])[0];
        var byConvolution = Autograd.Grad([direct], [x], [g.Reshape(direct.Shape)])[0];
        Assert.That(Distance(byMatrix, byConvolution), Is.LessThan(1e-12));
        var ones = new Fold([4, 4], [2, 2]).Call(Tensor.Ones([1, 4, 9], DType.Float64));
        double[] counts = [1, 2, 2, 1, 2, 4, 4, 2, 2, 4, 4, 2, 1, 2, 2, 1];
        Assert.That(ones.ToDoubles(), Is.EqualTo(counts));
        Assert.Throws<ShapeException>(() => x.Fold([4], [2]));
        Assert.Throws<ShapeException>(() => x.Unfold([12]));
    }

    /// <summary>Upsampling repeats rows and columns; backwards each 2 × 2 is summed.</summary>
    [Test]
    public void LearningNotes_9_3_Upsampling()
    {
        var x = Leaf(Tensor.From([1.0, 2, 3, 4], [1, 1, 2, 2]));
        var y = new Upsample(2).Call(x);
        Assert.That(y.ToDoubles(), Is.EqualTo(new double[] { 1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4 }));
        var gradient = Autograd.Grad([y], [x], [Tensor.Arange(16, DType.Float64).Reshape(1, 1, 4, 4)])[0];
        Assert.That(gradient.ToDoubles(), Is.EqualTo(new double[] { 10, 18, 42, 50 }));
    }
}
