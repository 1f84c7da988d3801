// Block reductions for one-dimensional blocks of BLOCK threads, a multiple of 32. Every thread of the block calls them
// and every thread gets the result; the order is fixed. Each holds two barriers: the second lets the next call reuse
// the shared memory.
#ifndef CUDANET_KERNELS_DEVICE_BLOCK_CUH
#define CUDANET_KERNELS_DEVICE_BLOCK_CUH

#include "warp.cuh"

namespace cn {
// The partial results are few and read by all threads at the same address, which shared memory serves as a broadcast;
// a second round of shuffles would cost more.
template <int BLOCK, class T, class Join>
__device__ __forceinline__ T block_join(T v, Join join) {
    static_assert(BLOCK % 32 == 0 && BLOCK <= 1024, "whole warps");
    if (BLOCK == 32) return v;
    CN_SHARED(T, partial, [BLOCK / 32]);
    if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = v;
    __syncthreads();
    T result = partial[0];
#pragma unroll
    for (int i = 1; i < BLOCK / 32; i++) result = join(result, partial[i]);
    __syncthreads();
    return result;
}
struct JoinSum {
    template <class T>
    __device__ __forceinline__ T operator()(T a, T b) const {
        return a + b;
    }
};
struct JoinMax {
    template <class T>
    __device__ __forceinline__ T operator()(T a, T b) const {
        return max_nan(a, b);
    }
};
struct JoinMin {
    template <class T>
    __device__ __forceinline__ T operator()(T a, T b) const {
        return min_nan(a, b);
    }
};
struct JoinMoments {
    template <class T>
    __device__ __forceinline__ Moments<T> operator()(Moments<T> a, const Moments<T>& b) const {
        a.merge(b);
        return a;
    }
};
}  // namespace cn

template <int BLOCK, class T>
__device__ __forceinline__ T block_sum(T v) {
    return cn::block_join<BLOCK>(warp_sum(v), cn::JoinSum());
}
template <int BLOCK, class T>
__device__ __forceinline__ T block_max(T v) {
    return cn::block_join<BLOCK>(warp_max(v), cn::JoinMax());
}
template <int BLOCK, class T>
__device__ __forceinline__ T block_min(T v) {
    return cn::block_join<BLOCK>(warp_min(v), cn::JoinMin());
}
template <int BLOCK, class T>
__device__ __forceinline__ Moments<T> block_moments(Moments<T> v) {
    return cn::block_join<BLOCK>(warp_moments(v), cn::JoinMoments());
}

#endif
