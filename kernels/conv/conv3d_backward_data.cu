// conv3d_backward_data: each element of the input's gradient gathers the products that its forward value went into.
// conv_transpose3d is the same, with a bias and the result's extents given by the op.
#include "conv.cuh"

namespace {

CnStatus launch_conv3d_backward_data(const CnCall* call) {
    return cn::launch_conv_backward_data<3>(call, nullptr, cn_arg(call, 2));
}
CnStatus launch_conv_transpose3d(const CnCall* call) {
    return cn::launch_conv_backward_data<3>(call, cn_arg(call, 2), cn_arg(call, 3));
}

}  // namespace

CN_KERNEL(
    conv3d_backward_data,
    "grad_output, weight; stride: ints, padding: ints, dilation: ints, groups: int, input_size: ints -> grad_input",
    launch_conv3d_backward_data, nullptr, CN_CONV_VARIANTS);
CN_KERNEL(
    conv_transpose3d,
    "input, weight, bias?; stride: ints, padding: ints, dilation: ints, groups: int, output_padding: ints -> output",
    launch_conv_transpose3d, nullptr, CN_CONV_VARIANTS);
