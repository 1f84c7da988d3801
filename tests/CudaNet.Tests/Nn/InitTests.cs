using CudaNet.Nn;
using CudaNet.Optim;

namespace CudaNet.Tests.Nn;

/// <summary>Starting values: their moments, and what follows from them.</summary>
[TestFixture]
public sealed class InitTests
{
    private static readonly (string Name, Func<Tensor, Generator, Tensor> Fill, double Variance)[] Variances =
    [
        ("rademacher", (w, g) => Init.Rademacher(w, 0.5, g), 0.25),
        ("normal", (w, g) => Init.Normal(w, 0, 0.3, g), 0.09),
        ("uniform", (w, g) => Init.Uniform(w, -0.6, 0.6, g), 0.12),
        ("fan_in_uniform", Init.FanInUniform, 1.0 / (3 * 80 * 9)),
        ("glorot_uniform", (w, g) => Init.GlorotUniform(w, 2, g), 4 * 2.0 / ((80 + 120) * 9)),
        ("glorot_normal", (w, g) => Init.GlorotNormal(w, 1, g), 2.0 / ((80 + 120) * 9)),
        ("he_uniform", (w, g) => Init.HeUniform(w, generator: g), 2.0 / (80 * 9)),
        ("he_normal", (w, g) => Init.HeNormal(w, 0.2, FanMode.FanOut, generator: g), 2.0 / (1 + 0.04) / (120 * 9)),
        ("he_tanh", (w, g) => Init.HeNormal(w, nonlinearity: Nonlinearity.Tanh, generator: g), 25.0 / 9 / (80 * 9)),
        ("orthogonal", (w, g) => Init.Orthogonal(w, 3, g), 9.0 / (80 * 9)),
    ];

    private static IEnumerable<string> Names => Variances.Select(v => v.Name);

    [TestCaseSource(nameof(Names))]
    public void VariancesAreAsStated(string name)
    {
        var (_, fill, variance) = Variances.Single(v => v.Name == name);
        var weight = fill(Tensor.Empty([120, 80, 3, 3]), new Generator(7));
        var values = weight.ToDoubles();
        var mean = values.Average();
        using var all = Assert.EnterMultipleScope();
        Assert.That(values.Select(v => (v - mean) * (v - mean)).Average(), Is.EqualTo(variance).Within(2).Percent);
        Assert.That(mean, Is.Zero.Within(5 * Math.Sqrt(variance / values.Length)));
        Assert.That(
            fill(Tensor.Empty([120, 80, 3, 3]), new Generator(7)).ToDoubles(),
            Is.EqualTo(values),
            "one seed, one weight"
        );
    }

    [TestCase(6, 4)]
    [TestCase(4, 6)]
    [TestCase(5, 5)]
    public void OrthogonalMatricesKeepLengths(long rows, long columns)
    {
        var weight = Init.Orthogonal(Tensor.Empty([rows, columns], DType.Float64), 2);
        var small = Math.Min(rows, columns);
        var product = rows < columns ? weight.MatMul(weight.Transpose(0, 1)) : weight.Transpose(0, 1).MatMul(weight);
        var expected = (4 * Tensor.Eye(small, dtype: DType.Float64)).ToDoubles();
        Assert.That(product.ToDoubles(), Is.EqualTo(expected).Within(1e-13));
    }

    /// <summary>Uniform over all rotations: a rotation of the plane lies in each quadrant equally often, and reflections are as many.</summary>
    [Test]
    public void OrthogonalMatricesAreUniformlyDistributed()
    {
        var generator = new Generator(3);
        var counts = new int[8];
        for (var i = 0; i < 4000; i++)
        {
            var m = Init.Orthogonal(Tensor.Empty([2, 2], DType.Float64), generator: generator).ToDoubles();
            counts[(m[0] > 0 ? 1 : 0) + (m[2] > 0 ? 2 : 0) + (m[0] * m[3] - m[1] * m[2] > 0 ? 4 : 0)]++;
        }
        Assert.That(counts, Is.All.EqualTo(500).Within(5 * Math.Sqrt(500)));
    }

    /// <summary>Units of a layer that start with the same weights get the same gradients, step after step.</summary>
    [Test]
    public void DeepLearningNotes_1_6_1_AConstantStartKeepsRowsEqual()
    {
        var (hidden, output) = (new Linear(3, 4, dtype: DType.Float64), new Linear(4, 1, dtype: DType.Float64));
        foreach (var parameter in hidden.Parameters().Concat(output.Parameters()))
            Init.Constant(parameter, 0.3);
        var x = Tensor.RandN([16, 3], dtype: DType.Float64, generator: new Generator(1));
        var optimizer = new Adam([.. hidden.Parameters(), .. output.Parameters()], 0.05);
        for (var step = 0; step < 10; step++)
        {
            optimizer.ZeroGrad();
            (output.Call(hidden.Call(x).Tanh()) - x.Sum(1, keepDim: true)).Square().Mean().Backward();
            optimizer.Step();
        }
        var rows = hidden.Weight.ToDoubles().Chunk(3).ToList();
        Assert.That(rows[0], Is.Not.All.EqualTo(0.3), "it has learned");
        foreach (var row in rows)
            Assert.That(row, Is.EqualTo(rows[0]));
    }

    [Test]
    public void SparseColumnsHaveTheirZeros()
    {
        var weight = Init.Sparse(Tensor.Empty([10, 40], DType.Float64), 0.25, 2, new Generator(5)).ToDoubles();
        for (var c = 0; c < 40; c++)
            Assert.That(Enumerable.Range(0, 10).Count(r => weight[r * 40 + c] == 0), Is.EqualTo(3));
        var zeroRows = Enumerable.Range(0, 10).Count(r => weight[r * 40] == 0 != (weight[r * 40 + 1] == 0));
        Assert.That(zeroRows, Is.Positive, "columns differ");
        Assert.That(weight.Where(v => v != 0).Select(v => v * v).Average(), Is.EqualTo(4).Within(25).Percent);
    }

    [Test]
    public void DiracKernelsHandChannelsThrough()
    {
        var x = Tensor.RandN([2, 4, 5, 6], generator: new Generator(2));
        var weight = Init.Dirac(Tensor.Empty([4, 4, 3, 3]));
        Assert.That(x.Conv2d(weight, null, [1], [1]).ToDoubles(), Is.EqualTo(x.ToDoubles()));
        var grouped = Init.Dirac(Tensor.Empty([4, 2, 3, 3]), 2);
        Assert.That(x.Conv2d(grouped, null, [1], [1], [1], 2).ToDoubles(), Is.EqualTo(x.ToDoubles()));
    }

    [Test]
    public void IdentityAndConstants()
    {
        using var all = Assert.EnterMultipleScope();
        Assert.That(Init.Identity(Tensor.Empty([2, 3])).ToDoubles(), Is.EqualTo(new double[] { 1, 0, 0, 0, 1, 0 }));
        Assert.That(Init.Ones(Tensor.Empty([2], DType.BFloat16)).ToDoubles(), Is.All.EqualTo(1));
        Assert.That(Init.Zeros(Tensor.Empty([2])).ToDoubles(), Is.All.Zero);
        Assert.That(Init.Gain(Nonlinearity.Relu), Is.EqualTo(Math.Sqrt(2)));
        Assert.That(Init.Gain(Nonlinearity.LeakyRelu, 0.5), Is.EqualTo(Math.Sqrt(1.6)));
        Assert.That(Init.Gain(Nonlinearity.Selu), Is.EqualTo(0.75));
        Assert.That(Init.Gain(Nonlinearity.Sigmoid), Is.EqualTo(1));
    }

    [Test]
    public void ALeafIsFilledInPlace()
    {
        var layer = new Linear(3, 2);
        var weight = Init.HeUniform(layer.Weight);
        Assert.That(weight, Is.SameAs(layer.Weight));
        Assert.That(weight.RequiresGrad);
    }

    [Test]
    public void RefusesWhatHasNoFans()
    {
        using var all = Assert.EnterMultipleScope();
        Assert.That(() => Init.HeNormal(Tensor.Empty([3])), Throws.TypeOf<ShapeException>());
        Assert.That(() => Init.Orthogonal(Tensor.Empty([3])), Throws.TypeOf<ShapeException>());
        Assert.That(() => Init.Identity(Tensor.Empty([3])), Throws.TypeOf<ShapeException>());
        Assert.That(() => Init.Dirac(Tensor.Empty([3, 3])), Throws.TypeOf<ShapeException>());
        Assert.That(() => Init.Sparse(Tensor.Empty([3, 3]), 2), Throws.TypeOf<AttributeException>());
    }
}
