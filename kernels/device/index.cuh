// Walking strided tensors. On the host, Walk<N> merges the axes that all N operands step through together; on the
// device it turns an element's number in the (row-major) shape into the N offsets, in elements.
#ifndef CUDANET_KERNELS_DEVICE_INDEX_CUH
#define CUDANET_KERNELS_DEVICE_INDEX_CUH

#include "kernel.cuh"

template <int N>
struct Walk {
    int64_t numel;
    int32_t rank;    // after merging; 0 for a single element
    int32_t narrow;  // every index fits 31 bits: divisions in 32 bits are several times faster on a GPU
    bool dense[N];   // the operand's offset is the element's number
    int64_t sizes[CN_MAX_RANK];
    int64_t strides[N][CN_MAX_RANK];

    bool all_dense() const {
        for (int n = 0; n < N; n++)
            if (!dense[n]) return false;
        return true;
    }

    template <class I>
    __host__ __device__ __forceinline__ void split(I linear, int64_t (&offsets)[N]) const {
#pragma unroll
        for (int n = 0; n < N; n++) offsets[n] = 0;
        for (int d = rank - 1; d > 0; d--) {
            I size = static_cast<I>(sizes[d]);
            I rest = linear / size;
            I at = linear - rest * size;
#pragma unroll
            for (int n = 0; n < N; n++) offsets[n] += static_cast<int64_t>(at) * strides[n][d];
            linear = rest;
        }
        if (rank > 0) {
#pragma unroll
            for (int n = 0; n < N; n++) offsets[n] += static_cast<int64_t>(linear) * strides[n][0];
        }
    }

    __host__ __device__ __forceinline__ void offsets(int64_t linear, int64_t (&out)[N]) const {
        if (narrow)
            split(static_cast<uint32_t>(linear), out);
        else
            split(static_cast<uint64_t>(linear), out);
    }
};

// `shape` is the shape walked (usually the output's); every operand has the same rank, or fewer axes, which then align
// with the last ones; axes of size 1 and stride 0 repeat.
template <int N>
inline Walk<N> make_walk(const CnTensor& shape, const CnTensor* const (&operands)[N]) {
    Walk<N> walk;
    memset(&walk, 0, sizeof walk);
    walk.numel = cn_numel(shape);
    for (int d = 0; d < shape.rank; d++) {
        int64_t size = shape.shape[d];
        if (size == 1) continue;
        int64_t strides[N];
        bool merges = walk.rank > 0;
        for (int n = 0; n < N; n++) {
            int own = d - (shape.rank - operands[n]->rank);
            strides[n] = own < 0 || operands[n]->shape[own] == 1 ? 0 : operands[n]->strides[own];
            merges = merges && walk.strides[n][walk.rank - 1] == strides[n] * size;
        }
        int place = merges ? walk.rank - 1 : walk.rank++;
        walk.sizes[place] = merges ? walk.sizes[place] * size : size;
        for (int n = 0; n < N; n++) walk.strides[n][place] = strides[n];
    }
    walk.narrow = walk.numel <= INT32_MAX;
    for (int n = 0; n < N; n++) walk.dense[n] = walk.rank == 0 || (walk.rank == 1 && walk.strides[n][0] == 1);
    return walk;
}

// One operand: `Strided s = make_strided(*tensor); data[s.offset(i)]`.
struct Strided : Walk<1> {
    __host__ __device__ __forceinline__ int64_t offset(int64_t linear) const {
        if (dense[0]) return linear;
        int64_t out[1];
        offsets(linear, out);
        return out[0];
    }
};
inline Strided make_strided(const CnTensor& tensor) {
    Strided strided;
    const CnTensor* const operands[1] = {&tensor};
    static_cast<Walk<1>&>(strided) = make_walk<1>(tensor, operands);
    return strided;
}

#endif
