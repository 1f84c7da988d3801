using CudaNet.Models;
using CudaNet.Nn;
using CudaNet.Optim;
using static CudaNet.Tests.Fixtures.FixtureTensors;

namespace CudaNet.Tests.Fixtures.DeepLearningNotes;

/// <summary>Chapter 1 of the deep-learning notes (Bahng 2023–2025): from a neuron to a multilayer perceptron.</summary>
[TestFixture]
public sealed class Chapter01PerceptronTests
{
    /// <summary>A ring around a disc can be separated by logistic regression on x₁² + x₂², but not on (x₁, x₂).</summary>
    [Test]
    public void DeepLearningNotes_1_0_RingData()
    {
        using var frame = Lifetime.Frame();
        var angle = Tensor.Rand([400], 0, 2 * Math.PI, DType.Float64, generator: new Generator(1));
        var isRing = (Tensor.Arange(400) % 2.0).Cast(DType.Float64);
        var radius = Tensor.Rand([400], 0, 1, DType.Float64, generator: new Generator(2)) + 1.5 * isRing;
        var points = Tensor.Stack([radius * angle.Cos(), radius * angle.Sin()], 1);
        Assert.That(Accuracy(points), Is.LessThan(0.75));
        Assert.That(Accuracy(points.Square().Sum(1, keepDim: true)), Is.EqualTo(1));

        double Accuracy(Tensor features)
        {
            var model = new Linear(features.Shape[1], 1, dtype: DType.Float64, generator: new Generator(3));
            var optimizer = new Adam(model.Parameters(), learningRate: 0.1);
            for (var step = 0; step < 400; step++)
            {
                optimizer.ZeroGrad();
                RegressionFamily.Logistic.Loss(model.Call(features), isRing).Backward();
                optimizer.Step();
            }
            var probability = RegressionFamily.Logistic.Predict(model.Call(features));
            return probability.Gt(0.5).Cast(DType.Float64).Eq(isRing).Cast(DType.Float64).Mean().Item();
        }
    }

    /// <summary>A step unit is an AND gate with w = (1, 1), b = −1.5, and learns to be one.</summary>
    [Test]
    public void DeepLearningNotes_1_1_StepUnitAsAndGate()
    {
        var inputs = Matrix(2, 0, 0, 0, 1, 1, 0, 1, 1);
        var gate = (inputs.Sum(1) - 1.5).Heaviside();
        Assert.That(gate.ToDoubles(), Is.EqualTo(new double[] { 0, 0, 0, 1 }));
        var unit = new Perceptron(2, DType.Float64);
        Assert.That(unit.Fit(inputs, gate)[^1], Is.Zero);
        Assert.That(unit.Predict(inputs).ToDoubles(), Is.EqualTo(gate.ToDoubles()));
    }

    /// <summary>A bump is 1 in the middle and 0 outside; the printed one, with a factor ½, is only 0.49995 high.</summary>
    [Test]
    public void DeepLearningNotes_1_2_Bump()
    {
        var x = Vector(0.5, 0.2, 0.8);
        var bump = Towers.Bump(x, 0.4, 0.6, 100).ToDoubles();
        Assert.That(bump[0] / 2, Is.EqualTo(0.49995).Within(5e-6));
        Assert.That(bump[1..], Is.All.LessThan(1e-8));
        Assert.That(Towers.Bump(x, 0.4, 0.6, 1000).ToDoubles()[0], Is.EqualTo(1).Within(1e-15));
        var tanh = 0.5 * (100 * (x - 0.4)).Tanh() - 0.5 * (100 * (x - 0.6)).Tanh();
        Assert.That(tanh.ToDoubles()[0], Is.EqualTo(1).Within(1e-8), "with tanh the ½ is right");
    }

    /// <summary>A tower is 1 inside its rectangle, 0 on the strips beside it and outside: with the threshold 3/2.</summary>
    [Test]
    public void DeepLearningNotes_1_2_Tower()
    {
        var points = Matrix(2, 0.5, 0.5, 0.5, 0.9, 0.1, 0.5, 0.9, 0.9);
        var tower = Towers.Tower(points, (0.4, 0.4), (0.6, 0.6), 1000, 100).ToDoubles();
        Assert.That(tower, Is.EqualTo(new double[] { 1, 0, 0, 0 }).Within(1e-12));
    }

    /// <summary>A function with Lipschitz constant L is met to ε by K × K towers, K = ⌈L / (√2·ε)⌉: of L = 1 and ε = 0.1, 8.</summary>
    [Test]
    public void DeepLearningNotes_Theorem1_1_Checkerboard()
    {
        Assert.That(Towers.PerSide(1, 0.1), Is.EqualTo(8));
        // The steepest allowed function along the diagonal, where the bound is tight.
        static Tensor Function(Tensor p) => p.Sum(1) / Math.Sqrt(2);
        // Points away from the walls by more than the walls are thick.
        var axis = (Tensor.Arange(40, DType.Float64) + 0.5) / 40.0;
        var grid = Tensor.Stack([axis.Unsqueeze(1).Expand(40, 40), axis.Unsqueeze(0).Expand(40, 40)], 2).Reshape(-1, 2);
        double Error(int perSide) => Distance(new TowerApproximator(Function, perSide).Call(grid), Function(grid));
        Assert.That(Error(8), Is.LessThan(0.1));
        Assert.That(Error(4), Is.GreaterThan(0.1));
    }

    /// <summary>Of N tanh units N!·2^N weight vectors compute the same: all orders, and all sign flips (biases included).</summary>
    [TestCase(2, 8)]
    [TestCase(3, 48)]
    public void DeepLearningNotes_Theorem1_2_ParameterSymmetry(int units, int variants)
    {
        var x = Draw(1, 20, 3);
        Linear Hidden() => new(3, units, dtype: DType.Float64, generator: new Generator(2));
        Linear Output() => new(units, 2, dtype: DType.Float64, generator: new Generator(3));
        var expected = Output().Call(Hidden().Call(x).Tanh());
        var seen = new HashSet<string>();
        foreach (var order in Orders([.. Enumerable.Range(0, units).Select(i => (long)i)]))
            for (var signs = 0; signs < 1 << units; signs++)
            {
                var (hidden, output) = (Hidden(), Output());
                HiddenUnits.Permute(hidden, output, Tensor.From(order));
                var flips = Enumerable.Range(0, units).Select(i => (signs >> i & 1) == 1 ? -1.0 : 1.0);
                HiddenUnits.Scale(hidden, output, Tensor.From(flips.ToArray()));
                seen.Add(string.Join(' ', hidden.Weight.ToDoubles()));
                Assert.That(Distance(output.Call(hidden.Call(x).Tanh()), expected), Is.LessThan(1e-14));
            }
        Assert.That(seen, Has.Count.EqualTo(variants));

        static IEnumerable<long[]> Orders(long[] items) =>
            items.Length == 0
                ?
                [
                    [],
                ]
                : items.SelectMany(
                    first => Orders([.. items.Where(i => i != first)]),
                    (first, rest) => (long[])[first, .. rest]
                );
    }

    /// <summary>A tensor of (2, 3, 4) has the strides (12, 4, 1); transposed it has (4, 12, 1), and its storage is shared.</summary>
    [Test]
    public void DeepLearningNotes_1_3_Strides()
    {
        var tensor = Tensor.Arange(24, DType.Float64).Reshape(2, 3, 4);
        Assert.That(tensor.Strides.ToArray(), Is.EqualTo(new[] { 12, 4, 1 }));
        var transposed = tensor.Transpose(0, 1);
        Assert.That(transposed.Shape, Is.EqualTo(new Shape(3, 2, 4)));
        Assert.That(transposed.Strides.ToArray(), Is.EqualTo(new[] { 4, 12, 1 }));
        Assert.That(transposed.SharesStorageWith(tensor), Is.True);
        Assert.That(transposed.Select(0, 2).Select(0, 1).Select(0, 3).Item(), Is.EqualTo(23));
    }

    /// <summary>The tensor class of algorithm 1: eye·A = A, (A·B)ᵀ = Bᵀ·Aᵀ, A·A⁻¹ element by element, and what is stacked can be split.</summary>
    [Test]
    public void DeepLearningNotes_1_3_TensorClass()
    {
        var (a, b) = (Draw(1, 3, 4), Draw(2, 4, 2));
        Assert.That(Distance(Tensor.Eye(3, null, DType.Float64).MatMul(a), a), Is.Zero);
        Assert.That(Distance(a.MatMul(b).T, b.T.MatMul(a.T)), Is.LessThan(1e-15));
        Assert.That((a / a).ToDoubles(), Is.All.EqualTo(1));
        Assert.That((a + -a).ToDoubles(), Is.All.Zero);
        Assert.That(Distance(Tensor.Stack([a, 2 * a], 0).Split(1, 0)[1].Squeeze(0), 2 * a), Is.Zero);
        Assert.That(a.Eq(a.Clone()).All().Item(), Is.EqualTo(1));
        Assert.That(Vector(2.7, -2.7).Cast(DType.Int32).ToDoubles(), Is.EqualTo(new double[] { 2, -2 }));
    }

    /// <summary>δ = a − y at the output, for softmax with cross-entropy and for half the squared error.</summary>
    [Test]
    public void DeepLearningNotes_1_4_OutputDeltas()
    {
        var z = Leaf(Draw(1, 1, 5));
        var crossEntropy = z.CrossEntropy(Tensor.From<long>([3]));
        var target = Tensor.From<long>([3]).OneHot(5).Cast(DType.Float64);
        Assert.That(Distance(Autograd.Grad(crossEntropy, z), z.Softmax(1) - target), Is.LessThan(1e-15));
        var squared = 0.5 * z.MseLoss(target, Reduction.Sum);
        Assert.That(Distance(Autograd.Grad(squared, z), z - target), Is.LessThan(1e-15));
    }

    /// <summary>δ^l = σ'(z^l) ⊙ (W^(l+1))ᵀδ^(l+1), ∂E/∂W = δ·aᵀ and ∂E/∂b = δ: the matrix form of backpropagation.</summary>
    [Test]
    public void DeepLearningNotes_1_4_Backpropagation()
    {
        var (x, y) = (Draw(1, 1, 3), Draw(2, 1, 2));
        var (w1, b1, w2) = (Leaf(Draw(3, 4, 3)), Leaf(Draw(4, 4)), Leaf(Draw(5, 2, 4)));
        var z = x.Linear(w1, b1);
        var a = z.Sigmoid();
        var output = a.Linear(w2);
        var gradients = Autograd.Grad([0.5 * output.MseLoss(y, Reduction.Sum)], [w1, b1, w2]);
        var delta2 = output - y;
        var delta1 = a * (1 - a) * delta2.MatMul(w2);
        Assert.That(Distance(gradients[2], delta2.T.MatMul(a)), Is.LessThan(1e-14));
        Assert.That(Distance(gradients[0], delta1.T.MatMul(x)), Is.LessThan(1e-14));
        Assert.That(Distance(gradients[1], delta1.Squeeze(0)), Is.LessThan(1e-14));
    }

    /// <summary>The notes' "Xavier" is uniform on ±1/√(fan in): its variance is 1/(3·fan in), not Glorot's.</summary>
    [Test]
    public void DeepLearningNotes_1_6_1_XavierVariance()
    {
        var weight = Init.FanInUniform(Tensor.Empty([600, 300], DType.Float64), new Generator(1));
        Assert.That(weight.Var().Item(), Is.EqualTo(1.0 / 900).Within(1).Percent);
        Assert.That(weight.Abs().Max().Item(), Is.LessThanOrEqualTo(1 / Math.Sqrt(300)));
    }

    /// <summary>The other starting values: ±1 and ±0.1 at even odds, N(0, 1), N(0, 0.1²), U(−1, 1), U(−0.1, 0.1).</summary>
    [Test]
    public void DeepLearningNotes_1_6_1_StartingValues()
    {
        Tensor Empty() => Tensor.Empty([400, 400], DType.Float64);
        var generator = new Generator(2);
        (Tensor Values, double Variance)[] all =
        [
            (Init.Rademacher(Empty(), 1, generator), 1),
            (Init.Rademacher(Empty(), 0.1, generator), 0.01),
            (Init.Normal(Empty(), 0, 1, generator), 1),
            (Init.Normal(Empty(), 0, 0.1, generator), 0.01),
            (Init.Uniform(Empty(), -1, 1, generator), 1.0 / 3),
            (Init.Uniform(Empty(), -0.1, 0.1, generator), 0.01 / 3),
        ];
        foreach (var (values, variance) in all)
        {
            Assert.That(values.Var().Item(), Is.EqualTo(variance).Within(2).Percent);
            Assert.That(values.Mean().Item(), Is.Zero.Within(5 * Math.Sqrt(variance) / 400));
        }
        Assert.That(Init.Rademacher(Empty(), 0.1, generator).Abs().ToDoubles(), Is.All.EqualTo(0.1));
    }

    /// <summary>Every activation of section 1.6.2 is its formula, and so is its derivative.</summary>
    [Test]
    public void DeepLearningNotes_1_6_2_Activations()
    {
        var x = Leaf(-3, -0.7, -0.1, 0.2, 1.4, 4);
        const double Scale = 1.0507009873554805;
        const double Alpha = 1.6732632423543772;
        (string Name, Func<Tensor, Tensor> Call, Func<double, double> Formula)[] all =
        [
            ("sigmoid", z => z.Sigmoid(), v => 1 / (1 + Math.Exp(-v))),
            ("tanh", z => z.Tanh(), v => (Math.Exp(v) - Math.Exp(-v)) / (Math.Exp(v) + Math.Exp(-v))),
            ("relu", z => z.Relu(), v => Math.Max(0, v)),
            ("leaky relu", z => z.LeakyRelu(), v => Math.Max(0.01 * v, v)),
            ("parametric relu", z => z.PRelu(Vector(0.3)), v => Math.Max(0.3 * v, v)),
            ("elu", z => z.Elu(0.7), v => v > 0 ? v : 0.7 * (Math.Exp(v) - 1)),
            ("selu", z => z.Selu(), v => Scale * (v > 0 ? v : Alpha * (Math.Exp(v) - 1))),
            ("swish", z => z.Swish(Vector(1.3)), v => v / (1 + Math.Exp(-1.3 * v))),
            ("mish", z => z.Mish(), v => v * Math.Tanh(Math.Log(1 + Math.Exp(v)))),
            ("softplus", z => z.Softplus(), v => Math.Log(1 + Math.Exp(v))),
        ];
        foreach (var (name, call, formula) in all)
        {
            var values = x.ToDoubles();
            Assert.That(call(x).ToDoubles(), Is.EqualTo(values.Select(formula)).Within(1e-14), name);
            var slopes = values.Select(v => (formula(v + 1e-6) - formula(v - 1e-6)) / 2e-6);
            Assert.That(Gradient(call(x).Sum(), x), Is.EqualTo(slopes).Within(1e-8), name);
        }
    }

    /// <summary>SELU keeps mean 0 and variance 1 of normal inputs, through many layers.</summary>
    [Test]
    public void DeepLearningNotes_1_6_2_SeluNormalisesItself()
    {
        using var frame = Lifetime.Frame();
        var one = Draw(1, 400_000).Selu();
        Assert.That(one.Mean().Item(), Is.Zero.Within(0.01));
        Assert.That(one.Var().Item(), Is.EqualTo(1).Within(1).Percent);
        var h = 2 * Draw(2, 500, 256) + 0.3;
        for (var layer = 0; layer < 16; layer++)
            h = h.Linear(Draw(layer + 3, 256, 256) / 16.0).Selu();
        Assert.That(h.Var().Item(), Is.InRange(0.85, 1.15));
    }

    /// <summary>The learned α and β have gradients: Σ of x where it is negative, and Σ x²·σ'(βx).</summary>
    [Test]
    public void DeepLearningNotes_1_6_2_LearnedSlopes()
    {
        var (x, alpha, beta) = (Vector(-3, -0.5, 2), Leaf(0.3), Leaf(1.3));
        Assert.That(Gradient(x.PRelu(alpha).Sum(), alpha)[0], Is.EqualTo(-3.5).Within(1e-15));
        var s = (beta * x).Sigmoid();
        var expected = (x.Square() * s * (1 - s)).Sum().Item();
        Assert.That(Gradient(x.Swish(beta).Sum(), beta)[0], Is.EqualTo(expected).Within(1e-14));
    }

    /// <summary>Exercise 1.2: a network of 3, 2 and 1 units without an edge from x₂ to h₂, one sigmoid and one tanh unit, nine parameters: the gradients in closed form.</summary>
    [Test]
    public void DeepLearningNotes_Ex1_2_SparseNetwork()
    {
        double[] x = [0.5, -1, 2];
        const double Target = 0.7;
        // w11, w12, w13, b1; w21, w23, b2; v1, v2 — nine parameters, and the output is linear.
        var (first, second, output) = (Leaf(0.2, -0.4, 0.3, 0.1), Leaf(0.6, -0.2, 0.05), Leaf(1.5, -0.8));
        var h1 = (first * Vector([.. x, 1])).Sum().Sigmoid();
        var h2 = (second * Vector(x[0], x[2], 1)).Sum().Tanh();
        var y = output.Select(0, 0) * h1 + output.Select(0, 1) * h2;
        var gradients = Autograd.Grad([0.5 * (y - Target).Square()], [first, second, output]);
        var (a1, a2, delta) = (h1.Item(), h2.Item(), y.Item() - Target);
        var (d1, d2) = (delta * 1.5 * a1 * (1 - a1), delta * -0.8 * (1 - a2 * a2));
        double[] outer = [delta * a1, delta * a2];
        double[] sigmoid = [d1 * x[0], d1 * x[1], d1 * x[2], d1];
        double[] tanh = [d2 * x[0], d2 * x[2], d2];
        Assert.That(gradients[0].ToDoubles(), Is.EqualTo(sigmoid).Within(1e-15));
        Assert.That(gradients[1].ToDoubles(), Is.EqualTo(tanh).Within(1e-15));
        Assert.That(gradients[2].ToDoubles(), Is.EqualTo(outer).Within(1e-15));
    }

    /// <summary>Exercise 1.3: y = (0, 2), loss 4, and after one step of SGD with rate 0.01 w31 = 0.5, w42 = 0.54, w22 = 1.02.</summary>
    [Test]
    public void DeepLearningNotes_Ex1_3_OneStep()
    {
        var hidden = new Linear(2, 2, dtype: DType.Float64);
        var output = new Linear(2, 2, dtype: DType.Float64);
        // w_ij leads from i to j, a layer's weight has a row per output.
        hidden.LoadStateDict(State([1, -0.5, 0.5, 1], [-0.5, -0.5]));
        output.LoadStateDict(State([0.5, -1, -2, 0.5], [1, 1]));
        var network = new Sequential(hidden, new Relu(), output, new Relu());
        var optimizer = new Sgd(network.Parameters(), learningRate: 0.01);
        var y = network.Call(Matrix(2, 1, 2));
        var loss = y.MseLoss(Matrix(2, 2, 4));
        loss.Backward();
        var gradients = hidden.Weight.Grad!.ToDoubles();
        optimizer.Step();
        using var all = Assert.EnterMultipleScope();
        Assert.That(y.ToDoubles(), Is.EqualTo(new double[] { 0, 2 }));
        Assert.That(loss.Item(), Is.EqualTo(4));
        Assert.That(gradients, Is.EqualTo(new double[] { 0, 0, -1, -2 }));
        Assert.That(output.Weight.ToDoubles(), Is.EqualTo(new[] { 0.5, -1, -2, 0.54 }).Within(1e-15));
        Assert.That(hidden.Weight.ToDoubles(), Is.EqualTo(new[] { 1, -0.5, 0.51, 1.02 }).Within(1e-15));

        static Dictionary<string, Tensor> State(double[] weight, double[] bias) =>
            new() { ["weight"] = Matrix(2, weight), ["bias"] = Vector(bias) };
    }
}
