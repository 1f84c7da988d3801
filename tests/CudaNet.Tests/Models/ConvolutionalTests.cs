namespace CudaNet.Tests.Models;

using CudaNet;
using CudaNet.Models;
using CudaNet.Nn;

[TestFixture]
public sealed class ConvolutionalTests
{
    [Test]
    public void Residual_networks_have_the_printed_parameters_and_torchvisions_names()
    {
        var network = ResNet.ResNet18();
        Assert.That(network.ParameterCount, Is.EqualTo(11_689_512));
        var names = network.StateDict().Keys.ToList();
        Assert.That(names, Has.Count.EqualTo(122));
        Assert.That(
            names,
            Is.SupersetOf(
                new[]
                {
                    "conv1.weight",
                    "bn1.num_batches_tracked",
                    "layer2.0.downsample.0.weight",
                    "layer2.0.downsample.1.running_mean",
                    "layer4.1.bn2.running_var",
                    "fc.bias",
                }
            )
        );
        Assert.That(ResNet.ResNet34().ParameterCount, Is.EqualTo(21_797_672));
        Assert.That(ResNet.ResNet50().ParameterCount, Is.EqualTo(25_557_032));
    }

    [Test]
    public void Dense_networks_have_torchvisions_parameters_and_names()
    {
        var network = DenseNet.DenseNet121();
        Assert.That(network.ParameterCount, Is.EqualTo(7_978_856));
        var names = network.StateDict().Keys.ToList();
        Assert.That(names, Has.Count.EqualTo(727));
        Assert.That(names, Does.Contain("features.denseblock4.denselayer16.conv2.weight"));
        Assert.That(names, Does.Contain("features.transition3.norm.bias").And.Contain("features.norm5.weight"));
    }

    [Test]
    public void Udl_10_16_AlexNetParameters()
    {
        Assert.That(Count(() => AlexNet.Original()), Is.EqualTo(62_378_344));
        Assert.That(Count(() => AlexNet.Original(groups: 2)), Is.EqualTo(60_965_224));
        Assert.That(Count(() => AlexNet.OneColumn()), Is.EqualTo(61_100_840));
    }

    [Test]
    public void Udl_10_17_AlexNetReceptiveFields()
    {
        // The extents behind the first three convolutions, with the network's poolings of 3 × 3 and with poolings of 2 × 2.
        Assert.That(Extents(3), Is.EqualTo(new long[] { 11, 51, 99 }));
        Assert.That(Extents(2), Is.EqualTo(new long[] { 11, 47, 87 }));

        static long[] Extents(long pool)
        {
            var first = ReceptiveField.Input.Through(11, 4);
            var second = first.Through(pool, 2).Through(5, 1, 2);
            var third = second.Through(pool, 2).Through(3, 1, 1);
            return [first.Extent, second.Extent, third.Extent];
        }
    }

    // Each is over half a gigabyte, so they are made one after the other and given back.
    [Test]
    public void Udl_10_18_VggParameters()
    {
        Assert.That(Count(() => Vgg.Vgg16()), Is.EqualTo(138_357_544));
        Assert.That(Count(() => Vgg.Vgg19()), Is.EqualTo(143_667_240));
    }

    [Test]
    public void Udl_11_8_ResidualBlockParameters()
    {
        Assert.That(new PreActivationBlock([512], [3]).ParameterCount, Is.EqualTo(2_360_832));
        var bottleneck = new PreActivationBlock([512, 128, 128], [1, 3, 1]);
        Assert.That(bottleneck.ParameterCount, Is.EqualTo(280_832));
        Assert.That(bottleneck.Call(Tensor.Ones([1, 512, 3, 3])).Shape, Is.EqualTo(new Shape(1, 512, 3, 3)));
        Assert.Throws<AttributeException>(() => new PreActivationBlock([512], [1, 3]));
    }

    [Test]
    public void Networks_give_one_logit_per_class()
    {
        using var noGrad = Autograd.NoGrad();
        Assert.That(ResNet.ResNet18(7).Call(Tensor.Zeros([2, 3, 64, 64])).Shape, Is.EqualTo(new Shape(2, 7)));
        Assert.That(ResNet.Small18().Call(Tensor.Zeros([2, 1, 28, 28])).Shape, Is.EqualTo(new Shape(2, 10)));
        Assert.That(DenseNet.Small().Call(Tensor.Zeros([2, 1, 28, 28])).Shape, Is.EqualTo(new Shape(2, 10)));
        var alexNet = AlexNet.OneColumn(5);
        alexNet.Eval();
        Assert.That(alexNet.Call(Tensor.Zeros([1, 3, 224, 224])).Shape, Is.EqualTo(new Shape(1, 5)));
        Release(alexNet);
    }

    [Test]
    public void The_small_residual_network_ends_with_maps_of_7_by_7()
    {
        var summary = ResNet.Small18().Summary([1, 1, 28, 28]);
        Assert.That(summary.Rows.Single(row => row.Name == "layer4").Output, Is.EqualTo("(1, 64, 7, 7)"));
        Assert.That(summary.Rows.Single(row => row.Name == "layer1").Output, Is.EqualTo("(1, 16, 28, 28)"));
        // 17 convolutions and a linear layer, apart from those of the shortcuts.
        Assert.That(
            summary.Rows.Count(row =>
                row.Type is "Conv2d" or "Linear" && !row.Name.Contains("downsample", StringComparison.Ordinal)
            ),
            Is.EqualTo(18)
        );
    }

    [Test]
    public void A_block_whose_branch_is_nothing_hands_its_input_through()
    {
        var block = new BasicBlock(3, 3);
        Init.Zeros(block.NamedParameters().Single(p => p.Name == "bn2.weight").Tensor);
        var input = Tensor.RandN([2, 3, 5, 5], generator: new Generator(1));
        Assert.That(block.Call(input).ToArray<float>(), Is.EqualTo(input.Relu().ToArray<float>()));
        Assert.That(new Bottleneck(8, 4, 2).Call(Tensor.Ones([1, 8, 6, 6])).Shape, Is.EqualTo(new Shape(1, 16, 3, 3)));
    }

    [Test]
    public void A_dense_block_keeps_what_came_in()
    {
        var block = new DenseBlock(3, layers: 2, growth: 4);
        var input = Tensor.RandN([2, 3, 5, 5], generator: new Generator(1));
        var output = block.Call(input);
        Assert.That(output.Shape, Is.EqualTo(new Shape(2, 11, 5, 5)));
        Assert.That(output.Narrow(1, 0, 3).ToDoubles(), Is.EqualTo(input.ToDoubles()));
    }

    [Test]
    public void A_highway_layer_goes_from_its_input_to_its_transform()
    {
        var input = Tensor.RandN([4, 6], generator: new Generator(1));
        var shut = new Highway(6, gateBias: -200, generator: new Generator(2));
        Assert.That(shut.Call(input).ToDoubles(), Is.EqualTo(input.ToDoubles()));
        var open = new Highway(6, gateBias: 200, generator: new Generator(2));
        var parameters = open.NamedParameters().ToDictionary(p => p.Name, p => p.Tensor);
        var transform = input.Linear(parameters["transform.weight"], parameters["transform.bias"]).Relu();
        Assert.That(open.Call(input).ToDoubles(), Is.EqualTo(transform.ToDoubles()).Within(1e-6));
        // Half of each where the gate is at 0.5.
        var half = new Highway(6, gateBias: 0, generator: new Generator(2));
        Init.Zeros(half.NamedParameters().Single(p => p.Name == "gate.weight").Tensor);
        Assert.That(half.Call(input).ToDoubles(), Is.EqualTo(((transform + input) * 0.5).ToDoubles()).Within(1e-6));
    }

    [TestCase(32, 32)]
    [TestCase(29, 37)]
    public void A_unet_gives_logits_for_each_pixel_of_images_of_any_size(int height, int width)
    {
        var network = new UNet(1, 4, width: 4, halvings: 3);
        network.Eval();
        var output = network.Call(Tensor.Zeros([2, 1, height, width]));
        Assert.That(output.Shape, Is.EqualTo(new Shape(2, 4, height, width)));
    }

    [Test]
    public void A_unet_has_the_usual_parameters()
    {
        // Convolutions of 3 × 3 without bias, two per level, and 4 normalisation parameters per channel of each level; upwards a transposed convolution of 2 × 2.
        long expected = 2 * 64 + 2;
        for (var level = 0; level <= 4; level++)
        {
            var channels = 64L << level;
            var from = level == 0 ? 3 : channels / 2;
            expected += 9 * (from * channels + channels * channels) + 4 * channels;
            if (level < 4)
                expected += (4 * 2 * channels * channels + channels) + 9 * 3 * channels * channels + 4 * channels;
        }
        Assert.That(expected, Is.EqualTo(31_037_698), "as is printed for this form with 3 channels and 2 classes");
        Assert.That(new UNet(3, 2).ParameterCount, Is.EqualTo(expected));
    }

    private static long Count(Func<Module> create)
    {
        var module = create();
        var count = module.ParameterCount;
        Release(module);
        return count;
    }

    private static void Release(Module module)
    {
        foreach (var parameter in module.Parameters())
            parameter.Release();
        Device.Cpu.EmptyCache();
    }
}
