// matmul: C = A * B with broadcast batch axes and any strides; transposed views are read in place.
#include "gemm.cuh"

namespace {

CnStatus launch_matmul(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *other = cn_arg(call, 1), *output = cn_arg(call, 2);
    if (input->rank < 1 || other->rank < 1) return cn_fail(call, CN_INVALID_ARGUMENT, "operands need an axis");
    CN_DISPATCH_FLOATING(output->dtype, T, {
        return cn::launch_gemm(call, cn::make_problem<T>(*input, *other, false, nullptr, *output));
    });
    return cn_unsupported_dtype(call, output->dtype);
}

}  // namespace

CN_KERNEL(matmul, "input, other -> output", launch_matmul, nullptr, CN_GEMM_VARIANTS);
