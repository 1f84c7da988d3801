// Fragments for tensor cores from tiles in shared memory: f16 and bf16 as they are, f32 rounded to tf32, sums in f32.
#ifndef CUDANET_KERNELS_DEVICE_MMA_CUH
#define CUDANET_KERNELS_DEVICE_MMA_CUH

#include "kernel.cuh"

namespace cn {

// Mma<T>::run(d, a, b): D += A * B for 16 x depth, depth x 8 and 16 x 8; fragments as in native/simt/tensor_core.h.
template <class T>
struct Mma;
template <>
struct Mma<cn_half> {
    static constexpr int depth = 16;
    static __device__ __forceinline__ void run(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
        mma_m16n8k16_f16(d, a, b);
    }
};
template <>
struct Mma<cn_bf16> {
    static constexpr int depth = 16;
    static __device__ __forceinline__ void run(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
        mma_m16n8k16_bf16(d, a, b);
    }
};
template <>
struct Mma<float> {
    static constexpr int depth = 8;
    static __device__ __forceinline__ void run(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
        mma_m16n8k8_tf32(d, a, b);
    }
};

// 16 rows of A, or 16 columns of B, over one depth of the product. As A the four registers are a fragment; as B they are two,
// of columns 0 to 7 and of columns 8 to 15: instructions want the registers of a fragment side by side.
// `tile` is [row or column][k] where BY_K and otherwise [k][row or column], with PITCH elements from line to line; lines
// begin at multiples of 16 bytes. A pitch of an odd number of 16 bytes keeps eight lines in different banks; for f32 that
// is not BY_K, whose elements are read one by one, a pitch of 8 elements more than a multiple of 32 does.
enum class Operand { a, b };
template <Operand OF, bool BY_K, int PITCH, class T>
__device__ __forceinline__ void load_strip(uint32_t (&r)[4], const T* tile, int i0, int k0) {
    constexpr int line = 16 / sizeof(T);                                // elements of one row of ldmatrix
    constexpr int per_i = OF == Operand::a ? 1 : 2, per_k = 3 - per_i;  // registers from one half to the other
    const int lane = threadIdx.x % 32;
    if constexpr (BY_K || sizeof(T) == 2) {
        int i = i0 + lane / (8 * per_i) % 2 * 8, k = k0 + lane / (8 * per_k) % 2 * line;
        if constexpr (BY_K)
            ldmatrix_x4(r, tile + (i + lane % 8) * PITCH + k);
        else
            ldmatrix_x4_trans(r, tile + (k + lane % 8) * PITCH + i);
        if constexpr (sizeof(T) == 4) {
#pragma unroll
            for (int q = 0; q < 4; q++) {
                float x;
                memcpy(&x, &r[q], 4);
                r[q] = float_to_tf32(x);
            }
        }
    } else {
        const T* at = tile + (k0 + lane % 4) * PITCH + i0 + lane / 4;
#pragma unroll
        for (int q = 0; q < 4; q++) r[q] = float_to_tf32(at[q / per_k % 2 * 4 * PITCH + q / per_i % 2 * 8]);
    }
}

// sums[i][j] += rows i of A * columns j of B, for strips of 16 rows and of 16 columns.
template <class T, int ROWS, int COLUMNS>
__device__ __forceinline__ void multiply_strips(float (&sums)[ROWS][2 * COLUMNS][4], const uint32_t (&a)[ROWS][4],
                                                const uint32_t (&b)[COLUMNS][4]) {
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
#pragma unroll
        for (int j = 0; j < 2 * COLUMNS; j++) {
            const uint32_t own[2] = {b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]};
            Mma<T>::run(sums[i][j], a[i], own);
        }
    }
}

}  // namespace cn

#endif
