// matmul: C = A * B with broadcast batch axes and any strides; transposed views are read in place.
#include "gemm.cuh"

namespace {

bool has_axes(const CnCall* call) { return cn_arg(call, 0)->rank >= 1 && cn_arg(call, 1)->rank >= 1; }

template <class T>
cn::GemmProblem<T> problem_of(const CnCall* call) {
    return cn::make_problem<T>(*cn_arg(call, 0), *cn_arg(call, 1), false, nullptr, *cn_arg(call, 2));
}

CnStatus launch_matmul(const CnCall* call) {
    if (!has_axes(call)) return cn_fail(call, CN_INVALID_ARGUMENT, "operands need an axis");
    int32_t dtype = cn_arg(call, 2)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return cn::launch_gemm(call, problem_of<T>(call)); });
    return cn_unsupported_dtype(call, dtype);
}

int64_t matmul_workspace(const CnCall* call) {
    if (!has_axes(call)) return 0;
    CN_DISPATCH_FLOATING(cn_arg(call, 2)->dtype, T, { return cn::gemm_workspace(call, problem_of<T>(call)); });
    return 0;
}

}  // namespace

CN_KERNEL(matmul, "input, other -> output", launch_matmul, matmul_workspace, CN_GEMM_VARIANTS);
