namespace CudaNet.Tests.Graphs;

using CudaNet;

/// <summary>Printed values of the study texts.</summary>
[TestFixture]
public sealed class FixtureTests
{
    /// <summary>UDL problem 7.12: y = exp(f3) + sin(f3) with f3 = eˣ + e²ˣ; f1 has two consumers.</summary>
    [TestCase(0.0, 8.2983535, 20.9187278)]
    [TestCase(-1.0, 2.1362742, 1.6155742)]
    [TestCase(0.1, 10.9705249, 33.9077683)]
    public void Udl_7_12_ReverseMode(double x, double value, double derivative)
    {
        var input = Tensor.Scalar(x, DType.Float64);
        input.RequiresGrad = true;
        var y = Udl712(input);
        y.Backward();
        Assert.Multiple(() =>
        {
            Assert.That(y.Item(), Is.EqualTo(value).Within(5e-8));
            Assert.That(input.Grad!.Item(), Is.EqualTo(derivative).Within(5e-8));
        });
    }

    /// <summary>UDL problem 7.13: the same derivative in forward mode.</summary>
    [TestCase(0.0, 20.9187278)]
    [TestCase(-1.0, 1.6155742)]
    [TestCase(0.1, 33.9077683)]
    public void Udl_7_13_ForwardMode(double x, double derivative)
    {
        var (_, tangents) = CudaNet.Autograd.Jvp(
            i => [Udl712(i[0])],
            [Tensor.Scalar(x, DType.Float64)],
            [Tensor.Scalar(1, DType.Float64)]
        );
        Assert.That(tangents[0].Item(), Is.EqualTo(derivative).Within(5e-8));
    }

    /// <summary>UDL problem 7.11: checkpointing a 50-layer network every 10 layers changes no bit of the gradients.</summary>
    [Test]
    public void Udl_7_11_CheckpointingIsBitEqual()
    {
        var weights = Enumerable.Range(0, 50).Select(i => Tensor.From(Formula(16 * 16, i), [16, 16]).Leaf()).ToArray();
        var input = Tensor.From(Formula(4 * 16, 99), [4, 16]).Leaf();
        var plain = Gradients(input, weights, checkpointed: false);
        var checkpointed = Gradients(input, weights, checkpointed: true);
        for (var i = 0; i < plain.Length; i++)
            Assert.That(checkpointed[i], Is.EqualTo(plain[i]), $"gradient {i}");
    }

    /// <summary>Deep-learning notes 2.5: LayerNorm(5) of [[0..4], [5..9]].</summary>
    [Test]
    public void DeepLearningNotes_2_5_LayerNormOfRows()
    {
        var y = Tensor.Arange(10, DType.Float32).Reshape(2, 5).LayerNorm([5]);
        double[] row = [-1.4142, -0.7071, 0, 0.7071, 1.4142];
        Assert.That(y.ToDoubles(), Is.EqualTo(row.Concat(row)).Within(5e-5));
    }

    /// <summary>Deep-learning notes 2.5: LayerNorm((5, 2)) of arange(20) as (2, 5, 2).</summary>
    [Test]
    public void DeepLearningNotes_2_5_LayerNormOfMatrices()
    {
        var y = Tensor.Arange(20, DType.Float32).Reshape(2, 5, 2).LayerNorm([5, 2]);
        double[] sample = [-1.5667, -1.2185, -0.8704, -0.5222, -0.1741, 0.1741, 0.5222, 0.8704, 1.2185, 1.5667];
        Assert.That(y.ToDoubles(), Is.EqualTo(sample.Concat(sample)).Within(5e-5));
    }

    /// <summary>Deep-learning notes, exercise 3.2: a 4×4 image of three channels, one kernel, padding 1, bias 2, ReLU, and 2×2 pooling.
    /// The element (1, 3) of the third map, printed 11, is 1.</summary>
    [Test]
    public void DeepLearningNotes_Ex3_2_Conv()
    {
        var image = Tensor.From<double>(
            [
                .. new double[] { 2, 1, 0, 0, 0, 0, 2, 1, 0, 2, 0, 1, 2, 1, 0, 1 },
                .. new double[] { 2, 2, 0, 0, 0, 0, 2, 1, 0, 0, 2, 0, 0, 1, 0, 1 },
                .. new double[] { 2, 1, 0, 0, 0, 0, 2, 1, 2, 0, 0, 0, 0, 1, 0, 1 },
            ],
            [1, 3, 4, 4]
        );
        var kernel = Tensor.From<double>(
            [
                .. new double[] { 1, 0, 0, 0, -2, 0, 0, 0, -1 },
                .. new double[] { 1, 2, 0, 2, 0, -1, 0, -1, 1 },
                .. new double[] { 0, 0, -2, 0, 1, 2, -2, 2, 0 },
            ],
            [1, 3, 3, 3]
        );
        var y = image.Conv2d(kernel, Tensor.From<double>([2], [1]), padding: 1).Relu();
        var windows = y.Reshape(2, 2, 2, 2);
        double[] expected = [0, 5, 8, 0, 6, 10, 1, 5, 4, 0, 2, 11, 0, 1, 11, 3];
        Assert.Multiple(() =>
        {
            Assert.That(y.ToDoubles(), Is.EqualTo(expected));
            Assert.That(windows.Max([1, 3]).ToDoubles(), Is.EqualTo(new double[] { 10, 8, 4, 11 }));
            Assert.That(windows.Mean([1, 3]).ToDoubles(), Is.EqualTo(new[] { 21.0 / 4, 7.0 / 2, 5.0 / 4, 27.0 / 4 }));
        });
    }

    private static Tensor Udl712(Tensor x)
    {
        var f1 = x.Exp();
        var f2 = f1 * f1;
        var f3 = f1 + f2;
        return f3.Exp() + f3.Sin();
    }

    private static double[][] Gradients(Tensor input, Tensor[] weights, bool checkpointed)
    {
        var generator = new Generator(7);
        var h = input;
        for (var start = 0; start < weights.Length; start += 10)
        {
            var from = start;
            Tensor Segment(Tensor x)
            {
                for (var i = from; i < from + 10; i++)
                    x = x.MatMul(weights[i]).Tanh().Dropout(0.1, training: true, generator);
                return x;
            }
            h = checkpointed ? CudaNet.Autograd.Checkpoint(Segment, h) : Segment(h);
        }
        return [.. CudaNet.Autograd.Grad([(h * h).Sum()], [input, .. weights]).Select(g => g.ToDoubles())];
    }

    private static float[] Formula(int count, int seed) =>
        [.. Enumerable.Range(0, count).Select(i => (float)(Math.Sin(0.37 * i + seed) * 0.4))];
}

internal static class TestTensors
{
    /// <summary>Makes the tensor a leaf that requires gradients.</summary>
    public static Tensor Leaf(this Tensor tensor)
    {
        tensor.RequiresGrad = true;
        return tensor;
    }
}
