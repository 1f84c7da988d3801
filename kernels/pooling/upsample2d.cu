// upsample_nearest2d, upsample_bilinear2d and their adjoints.
#include "upsample.cuh"

CN_KERNEL(upsample_nearest2d, "input; output_size: ints -> output", (cn::launch_upsample<false, 2>), nullptr,
          CN_UPSAMPLE_VARIANTS);
CN_KERNEL(upsample_nearest2d_backward, "grad_output; output_size: ints, input_size: ints -> grad_input",
          (cn::launch_upsample_backward<false, 2>), nullptr, CN_UPSAMPLE_VARIANTS);
CN_KERNEL(upsample_bilinear2d, "input; output_size: ints, align_corners: bool -> output",
          (cn::launch_upsample<true, 2>), nullptr, CN_UPSAMPLE_VARIANTS);
CN_KERNEL(upsample_bilinear2d_backward,
          "grad_output; output_size: ints, align_corners: bool, input_size: ints -> grad_input",
          (cn::launch_upsample_backward<true, 2>), nullptr, CN_UPSAMPLE_VARIANTS);
