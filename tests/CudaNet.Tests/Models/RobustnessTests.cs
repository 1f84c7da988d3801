namespace CudaNet.Tests.Models;

using CudaNet;
using CudaNet.Data;
using CudaNet.Models;
using CudaNet.Nn;
using CudaNet.Optim;
using CudaNet.Training;

[TestFixture]
public sealed class RobustnessTests
{
    private static Module<Tensor, Tensor> s_model = null!;
    private static Tensor s_images = null!;
    private static Tensor s_labels = null!;

    [OneTimeSetUp]
    public void Train_a_tiny_network()
    {
        var random = new Generator(3);
        s_model = new Sequential(
            new Linear(784, 32, generator: random),
            new Relu(),
            new Dropout(0.1, random),
            new Linear(32, 10, generator: random)
        );
        var optimizer = new AdamW(s_model.Parameters(), learningRate: 0.005);
        var batches = new ImageBatches(DrawnDigits.Draw(1, 2000), 50, seed: 1);
        for (var epoch = 0; epoch < 4; epoch++)
        for (var i = 0; i < batches.Count; i++)
        {
            using var frame = Lifetime.Frame();
            var batch = batches.Get(epoch, i);
            var loss = s_model.Call(batch.Images).CrossEntropy(batch.Labels);
            optimizer.ZeroGrad();
            loss.Backward();
            optimizer.Step();
        }
        s_model.ZeroGrad();
        var test = new ImageBatches(DrawnDigits.Draw(1, 300, 1L << 40), 300, shuffle: false).Get(0, 0);
        (s_images, s_labels) = (test.Images, test.Labels);
    }

    [Test]
    public void Fgsm_lowers_the_accuracy_and_pgd_lowers_it_further()
    {
        var clean = Accuracy(s_images);
        var fgsm = Accuracy(AdversarialExamples.Fgsm(s_model, s_images, s_labels, 0.05));
        var pgd = Accuracy(AdversarialExamples.Pgd(s_model, s_images, s_labels, 0.05, 0.0125, 10));
        Assert.That(clean, Is.GreaterThan(0.8));
        Assert.That(fgsm, Is.LessThan(clean - 0.3));
        Assert.That(pgd, Is.LessThanOrEqualTo(fgsm));
    }

    [TestCase(0.05, false)]
    [TestCase(0.3, true)]
    public void Changed_images_stay_in_the_ball_and_in_range(double epsilon, bool startsAtRandom)
    {
        var start = startsAtRandom ? new Generator(5) : null;
        // Steps far longer than the ball, so that only projection can keep them in it.
        var pgd = AdversarialExamples.Pgd(s_model, s_images, s_labels, epsilon, 2 * epsilon, 3, start);
        foreach (var changed in new[] { pgd, AdversarialExamples.Fgsm(s_model, s_images, s_labels, epsilon) })
        {
            Assert.That((changed - s_images).Abs().Max().Item(), Is.EqualTo(epsilon).Within(1e-6));
            Assert.That(changed.Min().Item(), Is.GreaterThanOrEqualTo(0));
            Assert.That(changed.Max().Item(), Is.LessThanOrEqualTo(1));
        }
    }

    // For logits x·(w, −w) the loss of class 0 grows against w, in every pixel.
    [Test]
    public void Fgsm_of_a_linear_classifier_is_known()
    {
        var model = new Linear(3, 2, bias: false);
        using (Autograd.NoGrad())
            model.Weight.CopyFrom<float>([1, -2, 3, -1, 2, -3]);
        var images = Tensor.From<float>([0.5f, 0.5f, 0.02f], [1, 3]);
        var changed = AdversarialExamples.Fgsm(model, images, Tensor.From<long>([0]), 0.1);
        Assert.That(changed.ToArray<float>(), Is.EqualTo(new[] { 0.4f, 0.6f, 0f }).Within(1e-6f));
    }

    [Test]
    public void Attacking_leaves_the_network_as_it_was()
    {
        AdversarialExamples.Pgd(s_model, s_images, s_labels, 0.1, 0.02, 2);
        Assert.That(s_model.IsTraining, Is.True);
        Assert.That(s_model.Parameters().All(p => p.Grad is null), Is.True);
        Assert.That(s_images.RequiresGrad, Is.False);
        Assert.Throws<AttributeException>(() => AdversarialExamples.Fgsm(s_model, s_images, s_labels, -0.1));
        Assert.Throws<AttributeException>(() =>
            AdversarialExamples.Pgd(s_model, s_images, s_labels, 0.1, double.NaN, 1)
        );
    }

    [TestCase(1, 0, 1)]
    [TestCase(2, 1, 1)]
    [TestCase(1, 2, 2)]
    public void The_norm_of_a_convolution_is_the_largest_singular_value_of_its_matrix(
        int stride,
        int padding,
        int dilation
    )
    {
        var random = new Generator(11);
        var conv = new Conv2d(2, 3, 3, stride, padding, dilation, dtype: DType.Float64, generator: random);
        var norm = LipschitzBound.OperatorNorm(conv, [1, 2, 6, 6], random);
        var matrix = Autograd.Jacobian(
            x => conv.Call(x.Reshape([1, 2, 6, 6])).Reshape([-1]),
            Tensor.Zeros([72], DType.Float64)
        );
        Assert.That(norm, Is.EqualTo(LargestSingularValue(matrix)).Within(1e-4 * norm));
    }

    [Test]
    public void The_norm_of_a_diagonal_layer_is_its_largest_entry()
    {
        var layer = new Linear(3, 3);
        using (Autograd.NoGrad())
            layer.Weight.CopyFrom<float>([2, 0, 0, 0, -5, 0, 0, 0, 1]);
        Assert.That(LipschitzBound.OperatorNorm(layer, [1, 3], new Generator(1)), Is.EqualTo(5).Within(1e-4));
        Init.Zeros(layer.Weight);
        Assert.That(LipschitzBound.OperatorNorm(layer, [1, 3]), Is.Zero);
    }

    [Test]
    public void The_bound_holds_on_random_pairs()
    {
        var random = new Generator(2);
        var model = new Sequential(
            new Unflatten(1, [1, 12, 12]),
            new Conv2d(1, 4, 3, padding: 1, generator: random),
            new BatchNorm2d(4),
            new Relu(),
            new MaxPool2d(3, 2),
            new Conv2d(4, 6, 3, stride: 2, generator: random),
            new Tanh(),
            new AvgPool2d(2),
            new Sequential(new Flatten(), new Dropout(0.5, random)),
            new Linear(6, 5, generator: random),
            new Sigmoid()
        );
        using (Autograd.NoGrad())
            for (var i = 0; i < 20; i++)
                model.Call(Tensor.RandN([32, 144], generator: random));
        var bound = LipschitzBound.Of(model, [1, 144], random);
        Assert.That(model.IsTraining, Is.True);
        model.Eval();
        var (x, y) = (Tensor.RandN([200, 144], generator: random), Tensor.RandN([200, 144], 0, 0.1, generator: random));
        // Pairs far apart and pairs close together.
        foreach (var other in new[] { y, x + y, x + y * 1e-2 })
        {
            var stretch = Lengths(model.Call(x) - model.Call(other)) / Lengths(x - other);
            Assert.That(stretch.Max().Item(), Is.LessThan(bound).And.GreaterThan(1e-4 * bound));
        }
    }

    [Test]
    public void A_layer_without_a_known_bound_is_named()
    {
        var model = new Sequential(new Linear(3, 3), new Sequential(new Gelu()));
        Assert.That(
            () => LipschitzBound.Of(model, [1, 3]),
            Throws.TypeOf<NotSupportedException>().With.Message.Contains("Sequential.1.0 is a Gelu")
        );
    }

    private static Tensor Lengths(Tensor rows) => (rows * rows).Sum(1).Sqrt();

    // The trace of a power of AᵀA is the sum of its eigenvalues' powers, of which the largest outgrows the others.
    private static double LargestSingularValue(Tensor matrix)
    {
        var power = matrix.Transpose(0, 1).MatMul(matrix);
        double logarithm = 0;
        double share = 1;
        for (var i = 0; i < 24; i++)
        {
            var scale = power.Abs().Max().Item();
            logarithm += share * Math.Log(scale);
            power = power * (1 / scale);
            power = power.MatMul(power);
            share /= 2;
        }
        return Math.Exp(logarithm / 2);
    }

    private static double Accuracy(Tensor images)
    {
        s_model.Eval();
        using var noGrad = Autograd.NoGrad();
        var right = s_model.Call(images).ArgMax(1).Eq(s_labels).Cast(DType.Float32).Mean().Item();
        s_model.Train();
        return right;
    }
}
