// conv2d_backward_data: each element of the input's gradient gathers the products that its forward value went into.
// conv_transpose2d is the same, with a bias and the result's extents given by the op.
#include "conv.cuh"

CN_KERNEL(
    conv2d_backward_data,
    "grad_output, weight; stride: ints, padding: ints, dilation: ints, groups: int, input_size: ints -> grad_input",
    cn::launch_conv_backward_data<2>, cn::workspace_conv_backward_data<2>, CN_CONV_VARIANTS);
CN_KERNEL(
    conv_transpose2d,
    "input, weight, bias?; stride: ints, padding: ints, dilation: ints, groups: int, output_padding: ints -> output",
    cn::launch_conv_transpose<2>, cn::workspace_conv_transpose<2>, CN_CONV_VARIANTS);
