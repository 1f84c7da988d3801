// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011) and the formulas that make random values of its words. The managed
// twins are src/CudaNet/Random/Philox.cs and RandomFormulas.cs; uniforms agree bit by bit.
#ifndef CUDANET_KERNELS_DEVICE_PHILOX_CUH
#define CUDANET_KERNELS_DEVICE_PHILOX_CUH

#include <initializer_list>

#include "kernel.cuh"

__device__ __forceinline__ uint4 philox(uint64_t seed, uint64_t counter_low, uint64_t counter_high) {
    uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
    uint32_t c0 = static_cast<uint32_t>(counter_low), c1 = static_cast<uint32_t>(counter_low >> 32);
    uint32_t c2 = static_cast<uint32_t>(counter_high), c3 = static_cast<uint32_t>(counter_high >> 32);
#pragma unroll
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = static_cast<uint64_t>(0xD2511F53u) * c0, p1 = static_cast<uint64_t>(0xCD9E8D57u) * c2;
        c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
        c1 = static_cast<uint32_t>(p1);
        c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
        c3 = static_cast<uint32_t>(p0);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return make_uint4(c0, c1, c2, c3);
}

__device__ __forceinline__ uint64_t join_words(uint32_t low, uint32_t high) {
    return low | static_cast<uint64_t>(high) << 32;
}

// The state tensor {seed, base}: what a captured graph changes between replays.
struct RandomState {
    const int64_t* __restrict__ state;
    int64_t offset;

    __device__ __forceinline__ uint64_t seed() const { return static_cast<uint64_t>(state[0]); }
    __device__ __forceinline__ uint64_t counter(int64_t block) const {
        return static_cast<uint64_t>(state[1]) + static_cast<uint64_t>(offset) + static_cast<uint64_t>(block);
    }
    __device__ __forceinline__ uint4 words(int64_t block) const { return philox(seed(), counter(block), 0); }
};

// Whether the four elements of each counter can be read and written together.
template <class T>
inline bool cn_takes_fours(int64_t numel, std::initializer_list<const CnTensor*> tensors) {
    bool takes = numel % 4 == 0;
    for (const CnTensor* tensor : tensors)
        takes = takes && reinterpret_cast<uintptr_t>(tensor->data) % (4 * sizeof(T)) == 0;
    return takes;
}

// The uniform values of one counter, on [0, 1): four of 24 bits, or two of 53.
template <class A>
struct Uniforms;
template <>
struct Uniforms<float> {
    static constexpr int lanes = 4;
    static constexpr float step = 1.0f / (1 << 24);
    float at[4];
    __device__ __forceinline__ explicit Uniforms(uint4 w) {
        at[0] = static_cast<float>(w.x >> 8) * step;
        at[1] = static_cast<float>(w.y >> 8) * step;
        at[2] = static_cast<float>(w.z >> 8) * step;
        at[3] = static_cast<float>(w.w >> 8) * step;
    }
};
template <>
struct Uniforms<double> {
    static constexpr int lanes = 2;
    static constexpr double step = 1.0 / (1ull << 53);
    double at[2];
    __device__ __forceinline__ explicit Uniforms(uint4 w) {
        at[0] = static_cast<double>(join_words(w.x, w.y) >> 11) * step;
        at[1] = static_cast<double>(join_words(w.z, w.w) >> 11) * step;
    }
};

#endif
