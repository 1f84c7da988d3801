using CudaNet.Nn;
using CudaNet.Optim;
using static CudaNet.Tests.Fixtures.FixtureTensors;

namespace CudaNet.Tests.Fixtures.DeepLearningNotes;

/// <summary>Chapter 2 of the deep-learning notes (Bahng 2023–2025): training and its control.</summary>
[TestFixture]
public sealed class Chapter02TrainingTests
{
    /// <summary>L1 adds λ·sign(w) to the gradient and L2 2λw, with strengths per group.</summary>
    [Test]
    public void DeepLearningNotes_2_2_PenaltiesPerGroup()
    {
        var (first, second) = (Leaf(0.5, -2, 0), Leaf(3, -1));
        var penalties = new Penalties().Add([first], l1: 0.1).Add([second], l1: 0.01, l2: 0.5);
        var value = penalties.Value();
        Assert.That(value.Item(), Is.EqualTo(0.1 * 2.5 + 0.01 * 4 + 0.5 * 10).Within(1e-14));
        var gradients = Autograd.Grad([value], [first, second]);
        Assert.That(gradients[0].ToDoubles(), Is.EqualTo(new[] { 0.1, -0.1, 0 }).Within(1e-15));
        Assert.That(gradients[1].ToDoubles(), Is.EqualTo(new[] { 3.01, -1.01 }).Within(1e-14));
    }

    /// <summary>Fiedler regularisation: the penalty and its gradient are those of the second eigenvalue of the Laplacian of the network's graph.</summary>
    [Test]
    public void DeepLearningNotes_2_2_FiedlerRegularisation()
    {
        Tensor[] weights = [Leaf(Draw(1, 4, 3)), Leaf(Draw(2, 2, 4))];
        double Connectivity() => new FiedlerPenalty(weights).Laplacian().Eigh().Eigenvalues.ToDoubles()[1];
        var penalty = new FiedlerPenalty(weights).Value();
        Assert.That(penalty.Item(), Is.EqualTo(Connectivity()).Within(1e-13));
        Assert.That(penalty.Item(), Is.GreaterThan(0.01));
        var gradients = Autograd.Grad([penalty], weights);
        const double Step = 1e-6;
        for (var w = 0; w < weights.Length; w++)
        {
            var (values, found) = (weights[w].ToDoubles(), gradients[w].ToDoubles());
            for (var i = 0; i < values.Length; i++)
            {
                double At(double change)
                {
                    using var noGrad = Autograd.NoGrad();
                    double[] changed = [.. values];
                    changed[i] += change;
                    weights[w].CopyFrom<double>(changed);
                    return Connectivity();
                }
                var slope = (At(Step) - At(-Step)) / (2 * Step);
                At(0);
                Assert.That(found[i], Is.EqualTo(slope).Within(1e-7), $"weight {w}, element {i}");
            }
        }
    }

    /// <summary>A network that falls into two parts has the Fiedler value 0; between refreshes the penalty is an upper bound of the value.</summary>
    [Test]
    public void DeepLearningNotes_2_2_FiedlerValueOfAPartedNetwork()
    {
        var parted = Leaf(Matrix(2, 1, 0, 0, 2));
        Assert.That(new FiedlerPenalty([parted]).Value().Item(), Is.Zero.Within(1e-14));
        var weight = Leaf(Draw(3, 3, 3));
        var penalty = new FiedlerPenalty([weight], refreshEvery: 10);
        _ = penalty.Value();
        using (Autograd.NoGrad())
            weight.CopyFrom<double>(Draw(4, 3, 3).ToDoubles());
        var bound = penalty.Value().Item();
        Assert.That(bound, Is.GreaterThanOrEqualTo(new FiedlerPenalty([weight]).Value().Item()));
    }

    /// <summary>Dropout scales what it keeps by 1/(1 − p), so that its mean over masks is what the network computes when tested.</summary>
    [Test]
    public void DeepLearningNotes_2_3_InvertedDropout()
    {
        using var frame = Lifetime.Frame();
        const int Masks = 40_000;
        var (x, weight) = (Draw(1, 8), Draw(2, 3, 8));
        var layer = new Dropout(0.3, new Generator(3));
        var mean = layer.Call(x.Unsqueeze(0).Expand(Masks, 8)).Linear(weight).Mean(0, keepDim: true);
        layer.Eval();
        var tested = layer.Call(x.Unsqueeze(0)).Linear(weight);
        Assert.That(Distance(mean, tested), Is.LessThan(0.05));
        Assert.That(Distance(layer.Call(x), x), Is.Zero);
        layer.Train();
        var kept = layer.Call(Tensor.Ones([100_000], DType.Float64));
        Assert.That(kept.ToDoubles().Distinct().Order(), Is.EqualTo(new[] { 0, 1 / 0.7 }).Within(1e-15));
        Assert.That(kept.Ne(0).Cast(DType.Float64).Mean().Item(), Is.EqualTo(0.7).Within(0.01));
    }

    /// <summary>The mask of the forward pass is that of the backward pass, too.</summary>
    [Test]
    public void DeepLearningNotes_2_3_DropoutMaskOfTheBackwardPass()
    {
        var x = Leaf(Draw(1, 1000));
        var y = x.Dropout(0.4, generator: new Generator(2));
        Assert.That(Gradient(y.Sum(), x), Is.EqualTo((y / x).ToDoubles()).Within(1e-14));
    }

    /// <summary>An image flipped twice is itself.</summary>
    [Test]
    public void DeepLearningNotes_2_4_FlippedTwice()
    {
        var image = Draw(1, 3, 5, 7);
        Assert.That(Distance(image.Flip(2).Flip(2), image), Is.Zero);
        Assert.That(Distance(image.Flip(2), image), Is.GreaterThan(0.1));
        var row = image.Flip(2).Select(0, 0).Select(0, 0).ToDoubles();
        Assert.That(row, Is.EqualTo(image.Select(0, 0).Select(0, 0).ToDoubles().Reverse()));
    }

    /// <summary>A ten-class network whose outputs start near 0 has the loss −log(1/10) = 2.302585, and a large penalty raises the loss.</summary>
    [Test]
    public void DeepLearningNotes_2_9_InitialLoss()
    {
        var network = Dense(20, 30, 10);
        Init.Zeros(network.StateDict()["2.weight"]);
        Init.Zeros(network.StateDict()["2.bias"]);
        var labels = Tensor.Arange(50) % 10.0;
        var loss = network.Call(Draw(1, 50, 20)).CrossEntropy(labels);
        Assert.That(loss.Item(), Is.EqualTo(2.302585).Within(5e-7));
        var penalty = new Penalties().Add(network.Parameters(), l2: 10).Value();
        Assert.That((loss + penalty).Item(), Is.GreaterThan(3 * loss.Item()));
    }

    /// <summary>A tiny part of the data is learned to 100 %, without regularisation and with SGD.</summary>
    [Test]
    public void DeepLearningNotes_2_9_OverfitsASubset()
    {
        using var frame = Lifetime.Frame();
        var (network, x) = (Dense(20, 40, 10), Draw(1, 20, 20));
        var labels = Tensor.Arange(20) % 10.0;
        var optimizer = new Sgd(network.Parameters(), learningRate: 0.5);
        for (var step = 0; step < 300; step++)
        {
            optimizer.ZeroGrad();
            network.Call(x).CrossEntropy(labels).Backward();
            optimizer.Step();
        }
        Assert.That(network.Call(x).ArgMax(1).Eq(labels).All().Item(), Is.EqualTo(1));
    }
}
