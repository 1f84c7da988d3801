// linear: input * weight^T + bias over the last axis of the input; the bias is added before the result is rounded.
// linear_act: the same with a residual added and an activation function applied to each sum while it is in a register; for
// gelu, whose derivative needs it, the sum is stored as well.
#include "../device/index.cuh"
#include "activation.cuh"
#include "gemm.cuh"

namespace {

// One type for all of them: the branches are the same for every thread, and taken once per element of C.
template <class T>
struct Activate {
    int64_t activation;
    const T* residual;  // null unless there is one
    T* preactivation;   // null unless it is wanted
    Strided residual_at;

    template <int N>
    __device__ __forceinline__ void operator()(acc_t<T> (&sums)[N], int64_t at) const {
        if (residual) add_residual(sums, at);
        if (preactivation) cn::store_row(preactivation + at, sums);
#pragma unroll
        for (int i = 0; i < N; i++) sums[i] = cn::activate(activation, sums[i]);
    }
    template <int N>
    __device__ __forceinline__ void add_residual(acc_t<T> (&sums)[N], int64_t at) const {
        if (residual_at.dense[0]) {
            acc_t<T> own[N];
            cn::load_row(residual + at, own);
#pragma unroll
            for (int i = 0; i < N; i++) sums[i] += own[i];
        } else {
#pragma unroll
            for (int i = 0; i < N; i++) sums[i] += to_acc(residual[residual_at.offset(at + i)]);
        }
    }

    // By how many elements the rows of all these tensors can be read and stored; `of_c`: those of C.
    int64_t width(int64_t of_c, int64_t length) const {
        int64_t kept = preactivation ? cn::row_width(preactivation, length) : of_c;
        int64_t added = residual && residual_at.dense[0] ? cn::row_width(residual, length) : of_c;
        return min(of_c, min(kept, added));
    }
};

// linear has neither attribute nor residual nor second output: what it does not have is absent.
struct Arguments {
    const CnTensor *input, *weight, *bias, *residual, *output, *preactivation;
    int64_t activation;

    bool fit() const { return input->rank >= 1 && weight->rank == 2; }
    template <class T>
    cn::GemmProblem<T, Activate<T>> problem() const {
        Activate<T> epilogue;
        memset(static_cast<void*>(&epilogue), 0, sizeof epilogue);
        epilogue.activation = activation;
        epilogue.residual = cn_data<T>(residual);
        epilogue.preactivation = cn_data<T>(preactivation);
        if (residual) epilogue.residual_at = make_strided(*residual);
        return cn::make_problem<T>(*input, *weight, true, bias, *output, epilogue);
    }
};

Arguments of_linear(const CnCall* call) {
    return {cn_arg(call, 0), cn_arg(call, 1), cn_arg(call, 2), nullptr, cn_arg(call, 3), nullptr, cn::none};
}
Arguments of_linear_act(const CnCall* call) {
    return {cn_arg(call, 0), cn_arg(call, 1), cn_arg(call, 2),     cn_arg(call, 3),
            cn_arg(call, 4), cn_arg(call, 5), cn_attr_int(call, 0)};
}

CnStatus launch(const CnCall* call, const Arguments& arguments) {
    if (!arguments.fit())
        return cn_fail(call, CN_INVALID_ARGUMENT, "expected an input with an axis and a weight with two");
    int32_t dtype = arguments.output->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return cn::launch_gemm(call, arguments.problem<T>()); });
    return cn_unsupported_dtype(call, dtype);
}
int64_t workspace(const CnCall* call, const Arguments& arguments) {
    if (!arguments.fit()) return 0;
    CN_DISPATCH_FLOATING(arguments.output->dtype, T, { return cn::gemm_workspace(call, arguments.problem<T>()); });
    return 0;
}

CnStatus launch_linear(const CnCall* call) { return launch(call, of_linear(call)); }
int64_t linear_workspace(const CnCall* call) { return workspace(call, of_linear(call)); }
CnStatus launch_linear_act(const CnCall* call) { return launch(call, of_linear_act(call)); }
int64_t linear_act_workspace(const CnCall* call) { return workspace(call, of_linear_act(call)); }

}  // namespace

CN_KERNEL(linear, "input, weight, bias? -> output", launch_linear, linear_workspace, CN_GEMM_VARIANTS);
CN_KERNEL(linear_act, "input, weight, bias?, residual?; activation: int -> output, preactivation?", launch_linear_act,
          linear_act_workspace, CN_GEMM_VARIANTS);
