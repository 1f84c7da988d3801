// conv2d_backward_filter: the weight's gradient, summed over all images and positions of the output in a fixed order.
#include "conv.cuh"

namespace {

CnStatus launch_conv2d_backward_filter(const CnCall* call) {
    const CnTensor *grad_output = cn_arg(call, 0), *input = cn_arg(call, 1), *grad_weight = cn_arg(call, 2);
    auto shape = cn::ConvShape<2>::of(call, *input, *grad_weight, *grad_output);
    CN_DISPATCH_FLOATING(grad_weight->dtype, T, {
        return cn::launch_conv(call, cn::make_conv_backward_filter<T>(shape, grad_output, input, grad_weight));
    });
    return cn_unsupported_dtype(call, grad_weight->dtype);
}

}  // namespace

CN_KERNEL(
    conv2d_backward_filter,
    "grad_output, input; stride: ints, padding: ints, dilation: ints, groups: int, weight_size: ints -> grad_weight",
    launch_conv2d_backward_filter, nullptr, CN_CONV_VARIANTS);
