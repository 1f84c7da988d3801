// The grids of kernels whose blocks step through the work by gridDim.
#ifndef CUDANET_KERNELS_DEVICE_GRID_CUH
#define CUDANET_KERNELS_DEVICE_GRID_CUH

#include "kernel.cuh"
#include "../../native/runtime/grid.h"

// As many blocks as there is work for, but at most `most`; the kernel loops over the rest. Verification lowers `most`, so
// that small cases come round as well.
inline int64_t cn_grid(int64_t blocks, int64_t most = INT32_MAX) {
    int64_t limit = cn::largest_grid();
    if (limit < most) most = limit;
    return blocks < most ? blocks : most;
}

#endif
