// What optimiser kernels share beside the table of tensors: the count of steps, which lives in device memory so that a captured
// graph can be replayed, and roots.
#ifndef CUDANET_KERNELS_OPTIMIZER_STEP_CUH
#define CUDANET_KERNELS_OPTIMIZER_STEP_CUH

#include "table.cuh"

namespace cn {

// The steps taken before this one. Read and counted by atomic operations: blocks that have not arrived yet still read.
__device__ __forceinline__ int64_t steps_before(int64_t* state) {
    return static_cast<int64_t>(atomicAdd(reinterpret_cast<unsigned long long*>(state), 0ull));
}

// Called by one thread of each block when it has read the step.
__device__ __forceinline__ void arrive(int64_t* state, int64_t blocks) {
    unsigned long long* count = reinterpret_cast<unsigned long long*>(state);
    __threadfence();
    if (atomicAdd(count + 1, 1ull) + 1 == static_cast<unsigned long long>(blocks)) {
        atomicExch(count + 1, 0ull);
        atomicAdd(count, 1ull);
    }
}

__device__ __forceinline__ float root(float x) { return sqrtf(x); }
__device__ __forceinline__ double root(double x) { return sqrt(x); }

}  // namespace cn

#endif
