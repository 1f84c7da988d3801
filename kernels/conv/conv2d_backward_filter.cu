// conv2d_backward_filter: the weight's gradient, summed over all images and positions of the output in a fixed order.
#include "conv.cuh"

CN_KERNEL(
    conv2d_backward_filter,
    "grad_output, input; stride: ints, padding: ints, dilation: ints, groups: int, weight_size: ints -> grad_weight",
    cn::launch_conv_backward_filter<2>, cn::workspace_conv_backward_filter<2>, CN_CONV_VARIANTS);
