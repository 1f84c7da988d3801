// Activation functions that several kernels apply: value and slope at a point, in registers.
#ifndef CUDANET_KERNELS_ACTIVATION_FUNCTIONS_CUH
#define CUDANET_KERNELS_ACTIVATION_FUNCTIONS_CUH

#include "../device/kernel.cuh"

namespace cn {

// The logistic function, and what its slope needs: both tails keep their accuracy.
template <class A>
struct Sigmoid {
    A value, complement;  // s and 1 - s
    __device__ __forceinline__ explicit Sigmoid(A x) {
        A e = exp(x < A(0) ? x : -x), r = A(1) / (A(1) + e);
        value = x < A(0) ? e * r : r;
        complement = x < A(0) ? r : e * r;
    }
};

template <class A>
struct Silu {
    static Silu of(const CnCall*) { return {}; }
    __device__ __forceinline__ A value(A x) const { return x * Sigmoid<A>(x).value; }
    __device__ __forceinline__ A slope(A x) const {
        Sigmoid<A> s(x);
        return s.value + x * s.value * s.complement;
    }
};

template <class A>
struct Gelu {
    static Gelu of(const CnCall*) { return {}; }
    __device__ __forceinline__ A cdf(A x) const { return A(0.5) * (A(1) + erf(x * A(0.70710678118654752))); }
    __device__ __forceinline__ A value(A x) const { return x * cdf(x); }
    __device__ __forceinline__ A slope(A x) const {
        return cdf(x) + x * (exp(A(-0.5) * x * x) * A(0.39894228040143268));
    }
};

}  // namespace cn

#endif
