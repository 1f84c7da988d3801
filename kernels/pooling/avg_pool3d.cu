// avg_pool3d, adaptive_avg_pool3d and their adjoints.
#include "avg_pool.cuh"

CN_KERNEL(avg_pool3d,
          "input; kernel_size: ints, stride: ints, padding: ints, ceil_mode: bool, count_include_pad: bool -> output",
          cn::launch_avg_pool<3>, nullptr, CN_WINDOW_VARIANTS);
CN_KERNEL(avg_pool3d_backward,
          "grad_output; kernel_size: ints, stride: ints, padding: ints, ceil_mode: bool, count_include_pad: bool, "
          "input_size: ints -> grad_input",
          cn::launch_avg_pool_backward<3>, nullptr, CN_WINDOW_VARIANTS);
CN_KERNEL(adaptive_avg_pool3d, "input; output_size: ints -> output", cn::launch_adaptive_avg_pool<3>, nullptr,
          CN_WINDOW_VARIANTS);
CN_KERNEL(adaptive_avg_pool3d_backward, "grad_output; output_size: ints, input_size: ints -> grad_input",
          cn::launch_adaptive_avg_pool_backward<3>, nullptr, CN_WINDOW_VARIANTS);
