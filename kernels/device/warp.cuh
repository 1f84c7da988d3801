// Warp reductions. All 32 lanes call them; the order is fixed, so results are bit-for-bit repeatable.
#ifndef CUDANET_KERNELS_DEVICE_WARP_CUH
#define CUDANET_KERNELS_DEVICE_WARP_CUH

#include "kernel.cuh"

constexpr unsigned full_warp = 0xffffffffu;
constexpr int warp_size = 32;

// The value of another lane: `distance` lanes away by exclusive or, or that many lanes below (one's own when there is
// none). Of any trivially copyable type of whole words, which is what the hardware shuffles.
template <class V>
__device__ __forceinline__ V lane_xor(V v, int distance) {
    static_assert(sizeof(V) % 4 == 0, "whole words");
    uint32_t words[sizeof(V) / 4];
    memcpy(words, &v, sizeof v);
#pragma unroll
    for (int i = 0; i < static_cast<int>(sizeof(V) / 4); i++) words[i] = __shfl_xor_sync(full_warp, words[i], distance);
    memcpy(&v, words, sizeof v);
    return v;
}
template <class V>
__device__ __forceinline__ V lane_below(V v, int distance) {
    static_assert(sizeof(V) % 4 == 0, "whole words");
    uint32_t words[sizeof(V) / 4];
    memcpy(words, &v, sizeof v);
#pragma unroll
    for (int i = 0; i < static_cast<int>(sizeof(V) / 4); i++) words[i] = __shfl_up_sync(full_warp, words[i], distance);
    memcpy(&v, words, sizeof v);
    return v;
}

// The sum in every lane. Addition commutes exactly, so the butterfly leaves the same bits in all lanes.
template <class T>
__device__ __forceinline__ T warp_sum(T v) {
#pragma unroll
    for (int d = 16; d > 0; d >>= 1) v += __shfl_xor_sync(full_warp, v, d);
    return v;
}

// NaN wins, as in PyTorch: fmax would drop it.
template <class T>
__device__ __forceinline__ T max_nan(T a, T b) {
    return a > b || a != a ? a : b;
}
template <class T>
__device__ __forceinline__ T min_nan(T a, T b) {
    return a < b || a != a ? a : b;
}

template <class T>
__device__ __forceinline__ T warp_max(T v) {
#pragma unroll
    for (int d = 16; d > 0; d >>= 1) v = max_nan(v, __shfl_xor_sync(full_warp, v, d));
    return v;
}
template <class T>
__device__ __forceinline__ T warp_min(T v) {
#pragma unroll
    for (int d = 16; d > 0; d >>= 1) v = min_nan(v, __shfl_xor_sync(full_warp, v, d));
    return v;
}

// Count, mean and sum of squared deviations of a set of numbers (Welford 1962; merged as Chan, Golub, LeVeque 1979).
template <class T>
struct Moments {
    T count, mean, m2;

    __device__ static __forceinline__ Moments none() { return {T(0), T(0), T(0)}; }
    __device__ __forceinline__ void add(T x) {
        count += T(1);
        T delta = x - mean;
        mean += delta / count;
        m2 += delta * (x - mean);
    }
    __device__ __forceinline__ void merge(const Moments& other) {
        T total = count + other.count;
        if (total == T(0)) return;
        T delta = other.mean - mean;
        T share = other.count / total;
        mean += delta * share;
        m2 += other.m2 + delta * delta * count * share;
        count = total;
    }
};

// The merged moments in every lane. Merging does not commute exactly, so lane 0's result is handed to all.
template <class T>
__device__ __forceinline__ Moments<T> warp_moments(Moments<T> v) {
#pragma unroll
    for (int d = 16; d > 0; d >>= 1) {
        Moments<T> other;
        other.count = __shfl_xor_sync(full_warp, v.count, d);
        other.mean = __shfl_xor_sync(full_warp, v.mean, d);
        other.m2 = __shfl_xor_sync(full_warp, v.m2, d);
        v.merge(other);
    }
    v.count = __shfl_sync(full_warp, v.count, 0);
    v.mean = __shfl_sync(full_warp, v.mean, 0);
    v.m2 = __shfl_sync(full_warp, v.m2, 0);
    return v;
}

#endif
