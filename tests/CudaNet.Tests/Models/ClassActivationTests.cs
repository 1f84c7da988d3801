namespace CudaNet.Tests.Models;

using CudaNet;
using CudaNet.IO;
using CudaNet.Models;
using CudaNet.Nn;

[TestFixture]
public sealed class ClassActivationTests
{
    private static readonly long[] s_classes = [3, 0, 9];

    private static (ResNet Network, Tensor Images, Tensor Classes) Example()
    {
        var random = new Generator(7);
        var network = ResNet.Small18(generator: random);
        var images = Tensor.Rand([3, 1, 28, 28], generator: random);
        // A few batches, so that the running statistics fit the activations.
        using (Autograd.NoGrad())
            for (var i = 0; i < 5; i++)
                network.Call(images);
        return (network, images, Tensor.From(s_classes));
    }

    // d logit / d A_k(i, j) = w_k / (H·W): Grad-CAM is the positive part of CAM, divided by the number of positions.
    [Test]
    public void Grad_cam_is_the_positive_part_of_cam_over_the_positions_for_a_network_with_global_averages()
    {
        var (network, images, classes) = Example();
        var cam = ClassActivation.Cam(network, network, images, classes);
        var gradCam = ClassActivation.GradCam(network, network.FeatureMaps, images, classes);
        Assert.That(gradCam.Shape, Is.EqualTo(new Shape(3, 7, 7)));
        var expected = cam.Relu().ToDoubles().Select(value => value / 49).ToArray();
        Assert.That(expected.Max(), Is.GreaterThan(1e-4));
        Assert.That(cam.ToDoubles().Min(), Is.LessThan(0));
        Assert.That(gradCam.ToDoubles(), Is.EqualTo(expected).Within(1e-5 * expected.Max()));
    }

    [Test]
    public void The_mean_of_cam_and_the_bias_are_the_logit()
    {
        var (network, images, classes) = Example();
        var cam = ClassActivation.Cam(network, network, images, classes);
        network.Eval();
        var logits = network.Call(images).Gather(1, classes.Reshape([3, 1])).Reshape([3]);
        var bias = network.Classifier.Bias!.IndexSelect(0, classes);
        Assert.That((cam.Mean([1, 2]) + bias).ToDoubles(), Is.EqualTo(logits.ToDoubles()).Within(1e-4));
    }

    [Test]
    public void Explaining_leaves_the_network_as_it_was()
    {
        var (network, images, classes) = Example();
        var before = network.StateDict().ToDictionary(p => p.Key, p => p.Value.ToDoubles());
        var maps = ClassActivation.GradCam(network, network.FeatureMaps, images, classes).ToDoubles();
        Assert.That(network.IsTraining, Is.True);
        Assert.That(network.Parameters().All(p => p.Grad is null), Is.True);
        foreach (var (name, values) in before)
            Assert.That(network.StateDict()[name].ToDoubles(), Is.EqualTo(values), name);
        // Neither a frozen network nor the absence of a graph hinders it.
        network.Freeze();
        using var noGrad = Autograd.NoGrad();
        var again = ClassActivation.GradCam(network, network.FeatureMaps, images, classes);
        Assert.That(again.ToDoubles(), Is.EqualTo(maps));
    }

    [Test]
    public void A_layer_without_maps_and_a_wrong_number_of_classes_are_refused()
    {
        var (network, images, classes) = Example();
        Assert.That(
            () => ClassActivation.GradCam(network, network.Classifier, images, classes),
            Throws.TypeOf<ShapeException>().With.Message.Contains("(3, 10)")
        );
        Assert.That(
            () => ClassActivation.GradCam(network, new Relu(), images, classes),
            Throws.TypeOf<ShapeException>().With.Message.Contains("no call")
        );
        Assert.That(
            () => ClassActivation.GradCam(network, network.FeatureMaps, images, classes.Narrow(0, 0, 2)),
            Throws.TypeOf<ShapeException>().With.Message.Contains("3 images")
        );
    }

    [Test]
    public void Activation_maps_are_those_that_the_layers_gave()
    {
        var (network, images, _) = Example();
        var maps = ActivationMaps.Record(network, images);
        Assert.That(network.IsTraining, Is.True);
        Assert.That(
            maps.Select(map => map.Module).Where(name => !name.Contains('.')),
            Is.EqualTo(new[] { "conv1", "bn1", "layer1", "layer2", "layer3", "layer4" })
        );
        network.Eval();
        var conv = (Conv2d)network.Children.First(child => child.Name == "conv1").Module;
        Assert.That(maps[0].Maps.ToDoubles(), Is.EqualTo(conv.Call(images).ToDoubles()));
        network.Call(images);
        Assert.That(maps, Has.Count.EqualTo(maps.Distinct().Count()), "the hooks are gone");

        var pictures = ActivationMaps.Pictures(maps[0].Maps, image: 1, most: 5);
        Assert.That(pictures, Has.Count.EqualTo(5));
        Assert.That(pictures.Min(picture => picture.Pixels.Min()), Is.Zero);
        Assert.That(pictures.Max(picture => picture.Pixels.Max()), Is.EqualTo(255));
        Assert.That((pictures[0].Width, pictures[0].Height), Is.EqualTo((28, 28)));
    }

    [Test]
    public void A_picture_glows_where_the_map_is_large_and_is_itself_elsewhere()
    {
        var image = new Picture([.. Enumerable.Repeat((byte)100, 16)], 4, 4);
        var map = Tensor.From<float>([0, 0, 0, 8], [2, 2]);
        var heat = HeatPictures.Overlay(image, map, enlargement: 2);
        Assert.That((heat.Width, heat.Height, heat.Channels), Is.EqualTo((8, 8, 3)));
        Assert.That(heat.Pixels[..3], Is.EqualTo(new byte[] { 100, 100, 100 }));
        Assert.That(heat.Pixels[^3], Is.GreaterThan(200));
        Assert.That(HeatPictures.Overlay(image, map * 0).Pixels, Is.All.EqualTo(100));
    }
}
