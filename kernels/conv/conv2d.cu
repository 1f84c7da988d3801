// conv2d: output[n, o, p] = bias[o] + sum over c, k of input[n, c, p * stride - padding + k * dilation] * weight[o, c, k].
#include "conv.cuh"

namespace {

CnStatus launch_conv2d(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *weight = cn_arg(call, 1), *output = cn_arg(call, 3);
    auto shape = cn::ConvShape<2>::of(call, *input, *weight, *output);
    CN_DISPATCH_FLOATING(output->dtype, T, {
        return cn::launch_conv<false>(call, cn::make_conv<T>(shape, input, weight, cn_arg(call, 2), output));
    });
    return cn_unsupported_dtype(call, output->dtype);
}

}  // namespace

CN_KERNEL(conv2d, "input, weight, bias?; stride: ints, padding: ints, dilation: ints, groups: int -> output",
          launch_conv2d, nullptr, CN_CONV_VARIANTS);
