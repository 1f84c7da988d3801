#include "planted.h"

#include "device/block.cuh"

namespace planted {
namespace {

__global__ void transpose_kernel(const float* in, float* out, int n) {
    CN_SHARED(float, tile, [32][33]);
    int x = static_cast<int>(blockIdx.x * 32 + threadIdx.x), y = static_cast<int>(blockIdx.y * 32);
    for (unsigned j = threadIdx.y; j < 32; j += 8) tile[j][threadIdx.x] = in[(y + static_cast<int>(j)) * n + x];
    __syncthreads();
    x = static_cast<int>(blockIdx.y * 32 + threadIdx.x), y = static_cast<int>(blockIdx.x * 32);
    for (unsigned j = threadIdx.y; j < 32; j += 8) out[(y + static_cast<int>(j)) * n + x] = tile[threadIdx.x][j];
}

__global__ void block_sums_kernel(const float* in, float* out) {
    float v = in[blockIdx.x * 256 + threadIdx.x];
    float sum = block_sum<256>(v);
    float top = block_max<256>(v);
    Moments<float> m = block_moments<256>(Moments<float>{1, v, 0});
    if (threadIdx.x == 0) out[blockIdx.x] = sum + 0 * (top + m.mean);
}

__global__ void warp_exchange_kernel(const float* in, float* out) {
    CN_SHARED(float, values, [256]);
    unsigned base = threadIdx.x & ~31u, lane = threadIdx.x & 31u;
    values[threadIdx.x] = in[threadIdx.x];
    __syncwarp();
    float v = values[base + (lane + 1) % 32];
    __syncwarp();
    values[threadIdx.x] = v;
    __syncwarp();
    out[threadIdx.x] = values[base + (lane + 1) % 32];
}

__global__ void histogram_kernel(const int* in, int* counts, int n) {
    CN_SHARED(int, local, [16]);
    if (threadIdx.x < 16) local[threadIdx.x] = 0;
    __syncthreads();
    int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < n) atomicAdd(&local[in[i]], 1);
    __syncthreads();
    if (threadIdx.x < 16) atomicAdd(&counts[threadIdx.x], local[threadIdx.x]);
}

__global__ void partial_warp_kernel(float* out) {
    unsigned mask = threadIdx.x < 32 ? 0xffffffffu : 0xffu;
    float v = 1;
    for (int d = threadIdx.x < 32 ? 16 : 4; d > 0; d >>= 1) v += __shfl_xor_sync(mask, v, d);
    if (threadIdx.x % 32 < 4) v += static_cast<float>(__popc(__ballot_sync(0xfu, 1)));
    out[threadIdx.x] = v;
}

__global__ void dynamic_reverse_kernel(const float* in, float* out, int n) {
    CN_DYNAMIC_SHARED(float, held);
    int i = static_cast<int>(threadIdx.x);
    held[i] = in[i];
    __syncthreads();
    out[i] = held[n - 1 - i];
}

__global__ void add_one_kernel(const float* in, float* out, int n) {
    int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < n) out[i] = in[i] + 1;
}

__global__ void bytes_kernel(unsigned char* out, int n) {
    int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < n) out[i] = static_cast<unsigned char>(i);
}

__global__ void missing_barrier_kernel(const float* in, float* out) {
    CN_SHARED(float, values, [256]);
    values[threadIdx.x] = in[threadIdx.x];
    out[threadIdx.x] = values[(threadIdx.x + 100) % 256];
}

__global__ void store_past_end_kernel(float* out, int n) {
    int i = static_cast<int>(threadIdx.x);
    if (i <= n) out[i] = 1;
}

__global__ void store_past_shared_kernel(float* out) {
    CN_SHARED(float, values, [64]);
    float* p = values;
    p[threadIdx.x + 1] = 1;
    __syncthreads();
    out[threadIdx.x] = values[threadIdx.x];
}

__global__ void unwritten_kernel(float* out, int n) {
    int i = static_cast<int>(threadIdx.x);
    if (i < n - 1) out[i] = 1;
}

constexpr int barrier_in_branch_line = __LINE__ + 3;
__global__ void barrier_in_branch_kernel(float* out) {
    if (threadIdx.x < 16) {
        __syncthreads();
    }
    out[threadIdx.x] = 1;
}

constexpr int barrier_after_return_line = __LINE__ + 4;
__global__ void barrier_after_return_kernel(float* out) {
    if (threadIdx.x == 5) return;
    out[threadIdx.x] = 1;
    __syncthreads();
}

constexpr int two_barriers_line = __LINE__ + 3;
__global__ void two_barriers_kernel(float* out) {
    if (threadIdx.x % 2) {
        __syncthreads();
    } else {
        __syncthreads();
    }
    out[threadIdx.x] = 1;
}

constexpr int race_shared_line = __LINE__ + 3;
__global__ void race_shared_kernel(float* out) {
    CN_SHARED(float, value, [1]);
    value[0] = static_cast<float>(threadIdx.x);
    __syncthreads();
    out[threadIdx.x] = value[0];
}

constexpr int race_global_line = __LINE__ + 2;
__global__ void race_global_kernel(float* out) {
    if (threadIdx.x == 0) out[0] += 1;
}

__global__ void race_plain_and_atomic_kernel(int* out) {
    if (blockIdx.x == 0)
        out[0] = 5;
    else
        atomicAdd(out, 1);
}

// The shuffle makes the lanes meet, but it orders no memory.
__global__ void missing_syncwarp_kernel(const float* in, float* out) {
    CN_SHARED(float, values, [32]);
    values[threadIdx.x] = in[threadIdx.x];
    float v = __shfl_xor_sync(0xffffffffu, in[threadIdx.x], 1);
    out[threadIdx.x] = values[(threadIdx.x + 1) % 32] + v;
}

constexpr int absent_lane_line = __LINE__ + 3;
__global__ void absent_lane_kernel(float* out) {
    float v = 1;
    if (threadIdx.x < 16) v = __shfl_down_sync(0xffffu, v, 8);
    out[threadIdx.x] = v;
}

constexpr int wrong_edge_mask_line = __LINE__ + 1;
__global__ void wrong_edge_mask_kernel(float* out) { out[threadIdx.x] = __shfl_sync(0xffffffffu, 1.0f, 0); }

__global__ void not_in_own_mask_kernel(float* out) { out[threadIdx.x] = __shfl_sync(0xffffu, 1.0f, 0); }

__global__ void different_collectives_kernel(float* out) {
    float v = 1;
    if (threadIdx.x < 16)
        v = __shfl_xor_sync(0xffffffffu, v, 1);
    else
        v = static_cast<float>(__any_sync(0xffffffffu, 1));
    out[threadIdx.x] = v;
}

__global__ void no_dynamic_shared_kernel(float* out) {
    CN_DYNAMIC_SHARED(float, held);
    held[threadIdx.x] = 1;
    out[threadIdx.x] = held[threadIdx.x];
}

// Sums of floats depend on their order, and atomics come in any.
__global__ void unordered_sum_kernel(const float* in, float* out) { atomicAdd(out, in[threadIdx.x]); }

__global__ void nothing_kernel() {}

}  // namespace

CnStatus transpose(const CnCall* call, const float* in, float* out, int n) {
    return CN_LAUNCH(call, transpose_kernel, cn::Dim(n / 32, n / 32), cn::Dim(32, 8), 0, in, out, n);
}
CnStatus block_sums(const CnCall* call, const float* in, float* out, int blocks) {
    return CN_LAUNCH(call, block_sums_kernel, blocks, 256, 0, in, out);
}
CnStatus warp_exchange(const CnCall* call, const float* in, float* out) {
    return CN_LAUNCH(call, warp_exchange_kernel, 1, 256, 0, in, out);
}
CnStatus histogram(const CnCall* call, const int* in, int* counts, int n) {
    return CN_LAUNCH(call, histogram_kernel, cn_ceil_div(n, 128), 128, 0, in, counts, n);
}
CnStatus partial_warp(const CnCall* call, float* out) { return CN_LAUNCH(call, partial_warp_kernel, 1, 40, 0, out); }
CnStatus dynamic_reverse(const CnCall* call, const float* in, float* out, int n) {
    return CN_LAUNCH(call, dynamic_reverse_kernel, 1, n, n * 4, in, out, n);
}
CnStatus add_one(const CnCall* call, const float* in, float* out, int n) {
    return CN_LAUNCH(call, add_one_kernel, cn_ceil_div(n, 256), 256, 0, in, out, n);
}
CnStatus bytes(const CnCall* call, unsigned char* out, int n) {
    return CN_LAUNCH(call, bytes_kernel, cn_ceil_div(n, 256), 256, 0, out, n);
}

CnStatus missing_barrier(const CnCall* call, const float* in, float* out) {
    return CN_LAUNCH(call, missing_barrier_kernel, 1, 256, 0, in, out);
}
CnStatus store_past_end(const CnCall* call, float* out, int n) {
    return CN_LAUNCH(call, store_past_end_kernel, 1, 64, 0, out, n);
}
CnStatus store_past_shared(const CnCall* call, float* out) {
    return CN_LAUNCH(call, store_past_shared_kernel, 1, 64, 0, out);
}
CnStatus unwritten(const CnCall* call, float* out, int n) {
    return CN_LAUNCH(call, unwritten_kernel, 1, 64, 0, out, n);
}
CnStatus barrier_in_branch(const CnCall* call, float* out, int* line) {
    *line = barrier_in_branch_line;
    return CN_LAUNCH(call, barrier_in_branch_kernel, 4, 64, 0, out);
}
CnStatus barrier_after_return(const CnCall* call, float* out, int* line) {
    *line = barrier_after_return_line;
    return CN_LAUNCH(call, barrier_after_return_kernel, 1, 64, 0, out);
}
CnStatus two_barriers(const CnCall* call, float* out, int* line) {
    *line = two_barriers_line;
    return CN_LAUNCH(call, two_barriers_kernel, 1, 64, 0, out);
}
CnStatus race_shared(const CnCall* call, float* out, int* line) {
    *line = race_shared_line;
    return CN_LAUNCH(call, race_shared_kernel, 1, 64, 0, out);
}
CnStatus race_global(const CnCall* call, float* out, int* line) {
    *line = race_global_line;
    return CN_LAUNCH(call, race_global_kernel, 3, 64, 0, out);
}
CnStatus race_plain_and_atomic(const CnCall* call, int* out) {
    return CN_LAUNCH(call, race_plain_and_atomic_kernel, 2, 1, 0, out);
}
CnStatus missing_syncwarp(const CnCall* call, const float* in, float* out) {
    return CN_LAUNCH(call, missing_syncwarp_kernel, 1, 32, 0, in, out);
}
CnStatus absent_lane(const CnCall* call, float* out, int* line) {
    *line = absent_lane_line;
    return CN_LAUNCH(call, absent_lane_kernel, 1, 32, 0, out);
}
CnStatus wrong_edge_mask(const CnCall* call, float* out, int* line) {
    *line = wrong_edge_mask_line;
    return CN_LAUNCH(call, wrong_edge_mask_kernel, 1, 40, 0, out);
}
CnStatus not_in_own_mask(const CnCall* call, float* out) {
    return CN_LAUNCH(call, not_in_own_mask_kernel, 1, 32, 0, out);
}
CnStatus different_collectives(const CnCall* call, float* out) {
    return CN_LAUNCH(call, different_collectives_kernel, 1, 32, 0, out);
}
CnStatus no_dynamic_shared(const CnCall* call, float* out) {
    return CN_LAUNCH(call, no_dynamic_shared_kernel, 1, 32, 0, out);
}
CnStatus unordered_sum(const CnCall* call, const float* in, float* out) {
    return CN_LAUNCH(call, unordered_sum_kernel, 1, 256, 0, in, out);
}
CnStatus geometry(const CnCall* call, int64_t gx, int64_t gy, int64_t block, int64_t shared, bool large) {
    if (large) return CN_LAUNCH_LARGE_SHARED(call, nothing_kernel, cn::Dim(gx, gy), block, shared);
    return CN_LAUNCH(call, nothing_kernel, cn::Dim(gx, gy), block, shared);
}

}  // namespace planted
