using CudaNet.Models;
using CudaNet.Nn;
using static CudaNet.Tests.Fixtures.FixtureTensors;

namespace CudaNet.Tests.Fixtures.DeepLearningNotes;

/// <summary>Chapter 3 of the deep-learning notes (Bahng 2023–2025): convolutions and filters.</summary>
[TestFixture]
public sealed class Chapter03ConvolutionTests
{
    /// <summary>(3, 100, 100) → (3, 98, 98) → pooled (3, 49, 49), and (1 + C_in·H·W)·C_out = 84 parameters.</summary>
    [Test]
    public void DeepLearningNotes_3_1_ShapesAndParameters()
    {
        var layer = new Conv2d(3, 3, 3);
        Assert.That(layer.ParameterCount, Is.EqualTo(84));
        var maps = layer.Call(Tensor.Ones([1, 3, 100, 100]));
        Assert.That(maps.Shape, Is.EqualTo(new Shape(1, 3, 98, 98)));
        Assert.That(maps.MaxPool2d([2]).Shape, Is.EqualTo(new Shape(1, 3, 49, 49)));
    }

    /// <summary>What the layers compute is a cross-correlation: Σ X[c, i + p, j + q]·K[c, p, q] + b.</summary>
    [Test]
    public void DeepLearningNotes_3_1_CrossCorrelation()
    {
        var (x, kernel) = (Draw(1, 1, 2, 4, 5), Draw(2, 1, 2, 2, 3));
        var y = x.Conv2d(kernel, Vector(0.7));
        for (var i = 0; i < 3; i++)
        for (var j = 0; j < 3; j++)
        {
            var patch = x.Narrow(2, i, 2).Narrow(3, j, 3);
            var expected = (patch * kernel).Sum().Item() + 0.7;
            Assert.That(y.Reshape(3, 3).Select(0, i).Select(0, j).Item(), Is.EqualTo(expected).Within(1e-14));
        }
    }

    /// <summary>Filters that sum to 1 leave a constant image as it is; Sobel's give 0. The Gaussian's integers sum to 273.</summary>
    [Test]
    public void DeepLearningNotes_Ex3_1_ClassicalFilters()
    {
        var constant = Tensor.Full([1, 3, 8, 9], 0.4, DType.Float64);
        foreach (
            var kernel in new[]
            {
                ClassicalFilters.Identity,
                ClassicalFilters.Mean,
                ClassicalFilters.Gaussian,
                ClassicalFilters.Sharpen,
            }
        )
        {
            Assert.That(kernel.Sum().Item(), Is.EqualTo(1).Within(1e-14));
            Assert.That(Distance(ClassicalFilters.Apply(constant, kernel), constant), Is.LessThan(1e-15));
        }
        Assert.That((273 * ClassicalFilters.Gaussian).Sum().Item(), Is.EqualTo(273).Within(1e-12));
        var image = Draw(1, 2, 3, 8, 9);
        Assert.That(Distance(ClassicalFilters.Apply(image, ClassicalFilters.Identity), image), Is.Zero);
        foreach (var kernel in new[] { ClassicalFilters.SobelHorizontal, ClassicalFilters.SobelVertical })
            Assert.That(ClassicalFilters.Apply(constant, kernel).ToDoubles(), Is.All.Zero.Within(1e-15));
    }

    /// <summary>On a ramp Sobel's filters give 8 times the slope along their axis and 0 across it.</summary>
    [Test]
    public void DeepLearningNotes_Ex3_1_SobelOfARamp()
    {
        var ramp = (0.25 * Tensor.Arange(9, DType.Float64)).Reshape(1, 1, 1, 9).Expand(1, 1, 8, 9);
        Tensor Inside(Tensor kernel) => ClassicalFilters.Apply(ramp, kernel).Narrow(3, 1, 7);
        Assert.That(Inside(ClassicalFilters.SobelHorizontal).ToDoubles(), Is.All.EqualTo(2).Within(1e-14));
        Assert.That(Inside(ClassicalFilters.SobelVertical).ToDoubles(), Is.All.Zero.Within(1e-14));
    }

    /// <summary>Exercise 3.2 before the ReLU, and the third channel's map, whose element (1, 3), printed 11, is 1.</summary>
    [Test]
    public void DeepLearningNotes_Ex3_2_MapsOfTheChannels()
    {
        var x0 = Matrix(4, 2, 1, 0, 0, 0, 0, 2, 1, 0, 2, 0, 1, 2, 1, 0, 1);
        var x1 = Matrix(4, 2, 2, 0, 0, 0, 0, 2, 1, 0, 0, 2, 0, 0, 1, 0, 1);
        var x2 = Matrix(4, 2, 1, 0, 0, 0, 0, 2, 1, 2, 0, 0, 0, 0, 1, 0, 1);
        var w0 = Matrix(3, 1, 0, 0, 0, -2, 0, 0, 0, -1);
        var w1 = Matrix(3, 1, 2, 0, 2, 0, -1, 0, -1, 1);
        var w2 = Matrix(3, 0, 0, -2, 0, 1, 2, -2, 2, 0);
        var image = Tensor.Stack([x0, x1, x2], 0).Unsqueeze(0);
        var kernels = Tensor.Stack([w0, w1, w2], 0).Unsqueeze(1);
        var maps = image.Conv2d(kernels, padding: [1], groups: 3).Squeeze(0);
        Assert.That(maps.Select(0, 2).Select(0, 1).Select(0, 3).Item(), Is.EqualTo(1));
        double[] expected = [0, 5, 8, -1, 6, 10, 1, 5, 4, -7, 2, 11, -1, 1, 11, 3];
        Assert.That((maps.Sum(0) + 2).ToDoubles(), Is.EqualTo(expected));
    }
}
