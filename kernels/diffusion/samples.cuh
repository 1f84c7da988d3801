// What the kernels of this folder share: tensors (samples, ...) without gaps, and values that each sample finds in a
// table by its time step, or that are given for each sample.
#ifndef CUDANET_KERNELS_DIFFUSION_SAMPLES_CUH
#define CUDANET_KERNELS_DIFFUSION_SAMPLES_CUH

#include "../device/elementwise.cuh"
#include "../device/vec.cuh"
#include "../device/warp.cuh"

namespace cn {

// The row of a table that belongs to a sample; -1 where the time step is out of range, which is never followed.
struct Timesteps {
    const int64_t* __restrict__ steps;  // null: sample n has row n
    int64_t rows;

    __device__ __forceinline__ int64_t row(int64_t sample) const {
        if (!steps) return sample;
        int64_t step = steps[sample];
        return step >= 0 && step < rows ? step : -1;
    }
};

template <class A>
__device__ __forceinline__ A value_at(const A* table, int64_t row, A not_there) {
    return row < 0 ? not_there : table[row];
}

inline int64_t sample_length(const CnTensor& tensor) {
    int64_t length = 1;
    for (int d = 1; d < tensor.rank; d++) length *= tensor.shape[d];
    return length;
}

}  // namespace cn

#endif
