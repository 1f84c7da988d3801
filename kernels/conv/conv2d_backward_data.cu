// conv2d_backward_data: each element of the input's gradient gathers the products that its forward value went into.
#include "conv.cuh"

namespace {

CnStatus launch_conv2d_backward_data(const CnCall* call) {
    const CnTensor *grad_output = cn_arg(call, 0), *weight = cn_arg(call, 1), *grad_input = cn_arg(call, 2);
    auto shape = cn::ConvShape<2>::of(call, *grad_input, *weight, *grad_output);
    CN_DISPATCH_FLOATING(grad_input->dtype, T, {
        return cn::launch_conv<false>(call, cn::make_conv_backward_data<T>(shape, grad_output, weight, grad_input));
    });
    return cn_unsupported_dtype(call, grad_input->dtype);
}

}  // namespace

CN_KERNEL(
    conv2d_backward_data,
    "grad_output, weight; stride: ints, padding: ints, dilation: ints, groups: int, input_size: ints -> grad_input",
    launch_conv2d_backward_data, nullptr, CN_CONV_VARIANTS);
