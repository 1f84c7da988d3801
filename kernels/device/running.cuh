// The largest of some numbers and the sum of exp(x - largest), in one pass (Milakov and Gimelshein 2018): nothing
// overflows, because the sum is scaled anew whenever the largest grows.
#ifndef CUDANET_KERNELS_DEVICE_RUNNING_CUH
#define CUDANET_KERNELS_DEVICE_RUNNING_CUH

#include "warp.cuh"

template <class A>
struct Running {
    A max, sum;
    __device__ static __forceinline__ Running none() { return {-INFINITY, A(0)}; }
    __device__ __forceinline__ void add(A x) {
        A larger = max_nan(max, x);
        // While all are -inf the difference would be NaN; the exponents are then 0 on purpose.
        A base = larger == A(-INFINITY) ? A(0) : larger;
        sum = sum * exp(max - base) + exp(x - base);
        max = larger;
    }
    // log of the sum of exp(x), also when all are -inf or one is +inf.
    __device__ __forceinline__ A log_sum() const { return fabs(max) == A(INFINITY) ? max : max + log(sum); }
};
struct JoinRunning {
    template <class A>
    __device__ __forceinline__ Running<A> operator()(const Running<A>& a, const Running<A>& b) const {
        A larger = max_nan(a.max, b.max);
        A base = larger == A(-INFINITY) ? A(0) : larger;
        return {larger, a.sum * exp(a.max - base) + b.sum * exp(b.max - base)};
    }
};

#endif
