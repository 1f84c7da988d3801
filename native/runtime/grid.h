// How many blocks a kernel gets that loops over what is left: kernels/device/grid.cuh. The limit is for verification, where no case is as
// large as the grids that a GPU takes; programs have no use for it, so it is not in cudanet.h.
#ifndef CUDANET_RUNTIME_GRID_H
#define CUDANET_RUNTIME_GRID_H

#include "cudanet.h"

namespace cn {
// INT64_MAX, unless it was limited.
int64_t largest_grid();
}  // namespace cn

// Limits the grids of later launches; 0 ends that. On cuda nothing happens. The start value is CUDANET_SIMT_GRID.
extern "C" CN_EXPORT void cn_simt_limit_grids(int64_t blocks);

#endif
