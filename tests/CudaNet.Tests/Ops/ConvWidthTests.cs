using System.Numerics;
using System.Runtime.Intrinsics;

namespace CudaNet.Tests.Ops;

/// <summary>The CPU's convolutions in every width of vectors; those wider than the machine's are emulated by the runtime.</summary>
[TestFixture]
public sealed class ConvWidthTests
{
    private delegate void Pass(in OpCall call, ConvPass pass);

    [TestCase(3, 7, 9, 3, 1, 1)]
    [TestCase(5, 19, 14, 4, 2, 2)]
    [TestCase(33, 40, 21, 3, 1, 1)]
    [TestCase(1, 9, 28, 3, 0, 1)]
    public void EveryVectorWidthAgrees(int channels, int kernels, int side, int kernel, int padding, int stride)
    {
        using var frame = Lifetime.Frame();
        using var noGrad = Autograd.NoGrad();
        var generator = new Generator(3);
        var x = Tensor.RandN([2, channels, side, side + 3], generator: generator);
        var weight = Tensor.RandN([kernels, channels, kernel, kernel], generator: generator);
        var attributes = Attributes.Of(new long[] { stride }, new long[] { padding }, new long[] { 1 }, 1L);
        var y = x.Conv2d(weight, stride: stride, padding: padding);
        var gradient = Tensor.RandN(y.Shape, generator: generator);
        Agree(Conv2dOp.Instance, ConvPass.Forward, [x, weight, null], attributes, y);
        Agree(
            Conv2dBackwardDataOp.Instance,
            ConvPass.BackwardData,
            [gradient, weight],
            ConvGeometry.With(attributes, x.Shape),
            new ConvFamily(2).BackwardData(gradient, weight, x.Shape, attributes)
        );
        Agree(
            Conv2dBackwardFilterOp.Instance,
            ConvPass.BackwardFilter,
            [gradient, x],
            ConvGeometry.With(attributes, weight.Shape),
            new ConvFamily(2).BackwardFilter(gradient, x, weight.Shape, attributes)
        );
    }

    private static void Agree(Op op, ConvPass pass, Tensor?[] inputs, Attributes attributes, Tensor expected)
    {
        var scale = expected.Abs().Max().Item();
        Pass[] widths =
        [
            CpuConv<GemmVectorPortable<float>, Vector<float>, float>.Run,
            CpuConv<GemmVector256<float>, Vector256<float>, float>.Run,
            CpuConv<GemmVector512<float>, Vector512<float>, float>.Run,
        ];
        for (var i = 0; i < widths.Length; i++)
        {
            var result = Tensor.Full(expected.Shape, double.NaN);
            widths[i](new OpCall(op, inputs, attributes, new Tensor?[] { result }), pass);
            Assert.That(
                result.ToDoubles(),
                Is.EqualTo(expected.ToDoubles()).Within(2e-5 * scale),
                $"{op.Name}, width {i}"
            );
        }
    }
}
