// max_pool2d, adaptive_max_pool2d and their adjoints.
#include "max_pool.cuh"

CN_KERNEL(max_pool2d,
          "input; kernel_size: ints, stride: ints, padding: ints, dilation: ints, ceil_mode: bool -> output, indices",
          cn::launch_max_pool<2>, nullptr, CN_WINDOW_VARIANTS);
CN_KERNEL(max_pool2d_backward,
          "grad_output, indices; kernel_size: ints, stride: ints, padding: ints, dilation: ints, ceil_mode: bool, "
          "input_size: ints -> grad_input",
          cn::launch_max_pool_backward<2>, nullptr, CN_WINDOW_VARIANTS);
CN_KERNEL(adaptive_max_pool2d, "input; output_size: ints -> output, indices", cn::launch_adaptive_max_pool<2>, nullptr,
          CN_WINDOW_VARIANTS);
CN_KERNEL(adaptive_max_pool2d_backward, "grad_output, indices; output_size: ints, input_size: ints -> grad_input",
          cn::launch_adaptive_max_pool_backward<2>, nullptr, CN_WINDOW_VARIANTS);
