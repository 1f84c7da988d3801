// linear: input * weight^T + bias over the last axis of the input; the bias is added before the result is rounded.
// linear_act: the same, with an activation function applied to each sum while it is in a register; for gelu, whose
// derivative needs it, the sum is stored as well.
#include "gemm.cuh"

namespace {

enum Activation : int64_t { none = 0, relu = 1, tanh_ = 2, sigmoid = 3, gelu = 4 };

template <class T>
struct Activate {
    int64_t activation;
    T* preactivation;  // null unless it is wanted

    // One function for all: the branch is the same for every thread, and taken once per element of C.
    __device__ __forceinline__ acc_t<T> operator()(acc_t<T> x, int64_t at) const {
        using A = acc_t<T>;
        if (preactivation) preactivation[at] = from_acc<T>(x);
        switch (activation) {
            case relu:
                return x < A(0) ? A(0) : x;
            case tanh_:
                return tanh(x);
            case sigmoid: {
                A e = exp(x < A(0) ? x : -x);
                return (x < A(0) ? e : A(1)) / (A(1) + e);
            }
            case gelu:
                return x * (A(0.5) * (A(1) + erf(x * A(0.70710678118654752))));
            default:
                return x;
        }
    }
};

bool fits(const CnTensor* input, const CnTensor* weight) { return input->rank >= 1 && weight->rank == 2; }

CnStatus refuse(const CnCall* call) {
    return cn_fail(call, CN_INVALID_ARGUMENT, "expected an input with an axis and a weight with two");
}

CnStatus launch_linear(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *weight = cn_arg(call, 1), *output = cn_arg(call, 3);
    if (!fits(input, weight)) return refuse(call);
    CN_DISPATCH_FLOATING(output->dtype, T, {
        return cn::launch_gemm(call, cn::make_problem<T>(*input, *weight, true, cn_arg(call, 2), *output));
    });
    return cn_unsupported_dtype(call, output->dtype);
}

CnStatus launch_linear_act(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *weight = cn_arg(call, 1), *output = cn_arg(call, 3);
    if (!fits(input, weight)) return refuse(call);
    CN_DISPATCH_FLOATING(output->dtype, T, {
        Activate<T> epilogue = {cn_attr_int(call, 0), cn_data<T>(cn_arg(call, 4))};
        return cn::launch_gemm(call, cn::make_problem<T>(*input, *weight, true, cn_arg(call, 2), *output, epilogue));
    });
    return cn_unsupported_dtype(call, output->dtype);
}

}  // namespace

CN_KERNEL(linear, "input, weight, bias? -> output", launch_linear, nullptr, CN_GEMM_VARIANTS);
CN_KERNEL(linear_act, "input, weight, bias?; activation: int -> output, preactivation?", launch_linear_act, nullptr,
          CN_GEMM_VARIANTS);
