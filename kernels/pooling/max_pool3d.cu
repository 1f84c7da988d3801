// max_pool3d, adaptive_max_pool3d and their adjoints.
#include "max_pool.cuh"

CN_KERNEL(max_pool3d,
          "input; kernel_size: ints, stride: ints, padding: ints, dilation: ints, ceil_mode: bool -> output, indices",
          cn::launch_max_pool<3>, nullptr, CN_WINDOW_VARIANTS);
CN_KERNEL(max_pool3d_backward,
          "grad_output, indices; kernel_size: ints, stride: ints, padding: ints, dilation: ints, ceil_mode: bool, "
          "input_size: ints -> grad_input",
          cn::launch_max_pool_backward<3>, nullptr, CN_WINDOW_VARIANTS);
CN_KERNEL(adaptive_max_pool3d, "input; output_size: ints -> output, indices", cn::launch_adaptive_max_pool<3>, nullptr,
          CN_WINDOW_VARIANTS);
CN_KERNEL(adaptive_max_pool3d_backward, "grad_output, indices; output_size: ints, input_size: ints -> grad_input",
          cn::launch_adaptive_max_pool_backward<3>, nullptr, CN_WINDOW_VARIANTS);
