// conv3d_backward_data: each element of the input's gradient gathers the products that its forward value went into.
// conv_transpose3d is the same, with a bias and the result's extents given by the op.
#include "conv.cuh"

CN_KERNEL(
    conv3d_backward_data,
    "grad_output, weight; stride: ints, padding: ints, dilation: ints, groups: int, input_size: ints -> grad_input",
    cn::launch_conv_backward_data<3>, cn::workspace_conv_backward_data<3>, CN_CONV_VARIANTS);
CN_KERNEL(
    conv_transpose3d,
    "input, weight, bias?; stride: ints, padding: ints, dilation: ints, groups: int, output_padding: ints -> output",
    cn::launch_conv_transpose<3>, cn::workspace_conv_transpose<3>, CN_CONV_VARIANTS);
