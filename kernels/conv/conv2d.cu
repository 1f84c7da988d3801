// conv2d: output[n, o, p] = bias[o] + sum over c, k of input[n, c, p * stride - padding + k * dilation] * weight[o, c, k].
#include "conv.cuh"

CN_KERNEL(conv2d, "input, weight, bias?; stride: ints, padding: ints, dilation: ints, groups: int -> output",
          cn::launch_conv_forward<2>, cn::workspace_conv_forward<2>, CN_CONV_VARIANTS);
