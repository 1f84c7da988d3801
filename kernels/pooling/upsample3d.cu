// upsample_nearest3d, upsample_trilinear3d and their adjoints.
#include "upsample.cuh"

CN_KERNEL(upsample_nearest3d, "input; output_size: ints -> output", (cn::launch_upsample<false, 3>), nullptr,
          CN_UPSAMPLE_VARIANTS);
CN_KERNEL(upsample_nearest3d_backward, "grad_output; output_size: ints, input_size: ints -> grad_input",
          (cn::launch_upsample_backward<false, 3>), nullptr, CN_UPSAMPLE_VARIANTS);
CN_KERNEL(upsample_trilinear3d, "input; output_size: ints, align_corners: bool -> output",
          (cn::launch_upsample<true, 3>), nullptr, CN_UPSAMPLE_VARIANTS);
CN_KERNEL(upsample_trilinear3d_backward,
          "grad_output; output_size: ints, align_corners: bool, input_size: ints -> grad_input",
          (cn::launch_upsample_backward<true, 3>), nullptr, CN_UPSAMPLE_VARIANTS);
