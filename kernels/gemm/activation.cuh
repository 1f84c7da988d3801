// The activation functions of a linear layer, by the numbers of linear_act's attribute.
#ifndef CUDANET_KERNELS_GEMM_ACTIVATION_CUH
#define CUDANET_KERNELS_GEMM_ACTIVATION_CUH

#include "../device/kernel.cuh"

namespace cn {

enum Activation : int64_t { none = 0, relu = 1, tanh_ = 2, sigmoid = 3, gelu = 4 };

template <class A>
__device__ __forceinline__ A activate(int64_t activation, A x) {
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

}  // namespace cn

#endif
