// update_scale: the scale of a loss after a step, from what `unscale` found. It is a launch, not a decision of the host, so that a captured
// training step contains it; one thread, as there is one scale.
#include "../device/kernel.cuh"

namespace {

__global__ void update_scale_kernel(float* scale, float* inv_scale, int64_t* growth_tracker, const float* found_inf,
                                    double growth_factor, double backoff_factor, int64_t growth_interval) {
    float next = scale[0];
    int64_t good = growth_tracker[0] + 1;
    if (found_inf[0] != 0) {
        next = static_cast<float>(next * backoff_factor);
        good = 0;
    } else if (good >= growth_interval) {
        float grown = static_cast<float>(next * growth_factor);
        if (grown - grown == 0) next = grown;
        good = 0;
    }
    scale[0] = next;
    inv_scale[0] = static_cast<float>(1.0 / next);
    growth_tracker[0] = good;
}

CnStatus launch_update_scale(const CnCall* call) {
    return CN_LAUNCH(call, update_scale_kernel, 1, 1, 0, cn_data<float>(cn_arg(call, 0)),
                     cn_data<float>(cn_arg(call, 1)), cn_data<int64_t>(cn_arg(call, 2)),
                     cn_data<const float>(cn_arg(call, 3)), cn_attr_float(call, 0), cn_attr_float(call, 1),
                     cn_attr_int(call, 2));
}

}  // namespace

CN_KERNEL(update_scale,
          "scale!, inv_scale!, growth_tracker!, found_inf; growth_factor: float, backoff_factor: float, "
          "growth_interval: int",
          launch_update_scale, nullptr, "one thread");
