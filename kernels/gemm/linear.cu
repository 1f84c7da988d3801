// linear: input * weight^T + bias over the last axis of the input; the bias is added before the result is rounded.
#include "gemm.cuh"

namespace {

CnStatus launch_linear(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *weight = cn_arg(call, 1), *output = cn_arg(call, 3);
    if (input->rank < 1 || weight->rank != 2)
        return cn_fail(call, CN_INVALID_ARGUMENT, "expected an input with an axis and a weight with two");
    CN_DISPATCH_FLOATING(output->dtype, T, {
        return cn::launch_gemm(call, cn::make_problem<T>(*input, *weight, true, cn_arg(call, 2), *output));
    });
    return cn_unsupported_dtype(call, output->dtype);
}

}  // namespace

CN_KERNEL(linear, "input, weight, bias? -> output", launch_linear, nullptr, CN_GEMM_VARIANTS);
