// rms_norm_backward: the gradients of input and weight from the statistics of the forward pass.
#include "rows_backward.cuh"

namespace {

CnStatus launch_rms_norm_backward(const CnCall* call) {
    int32_t dtype = cn_arg(call, 1)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, {
        cn::RowGradients<T, false> r = {cn_data<T>(cn_arg(call, 0)),
                                        cn_data<T>(cn_arg(call, 1)),
                                        cn_data<T>(cn_arg(call, 2)),
                                        nullptr,
                                        cn_data<acc_t<T>>(cn_arg(call, 3)),
                                        cn_data<T>(cn_arg(call, 4)),
                                        cn_data<T>(cn_arg(call, 5)),
                                        nullptr,
                                        0,
                                        0};
        return cn::launch_rows_backward(call, r);
    });
    return cn_unsupported_dtype(call, dtype);
}

}  // namespace

CN_KERNEL(rms_norm_backward, "grad_output, input, weight?, rstd; normalized_shape: ints -> grad_input, grad_weight?",
          launch_rms_norm_backward, cn::rows_backward_workspace, CN_ROW_BACKWARD_VARIANTS);
