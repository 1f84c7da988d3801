// Launchers of the planted kernels, so that main.cpp is compiled without the checkers' instrumentation.
#ifndef CUDANET_TESTS_PLANTED_H
#define CUDANET_TESTS_PLANTED_H

#include "cudanet.h"

namespace planted {

// Clean kernels.
CnStatus transpose(const CnCall* call, const float* in, float* out, int n);        // n a multiple of 32
CnStatus block_sums(const CnCall* call, const float* in, float* out, int blocks);  // blocks of 256
CnStatus warp_exchange(const CnCall* call, const float* in, float* out);           // 256 threads
CnStatus histogram(const CnCall* call, const int* in, int* counts, int n);         // atomics on both memories
CnStatus partial_warp(const CnCall* call, float* out);                             // 40 threads, right masks
CnStatus dynamic_reverse(const CnCall* call, const float* in, float* out, int n);  // one block, dynamic shared
CnStatus add_one(const CnCall* call, const float* in, float* out, int n);
CnStatus bytes(const CnCall* call, unsigned char* out, int n);  // neighbours write neighbouring bytes

// planted_mma.cu. d, 16 x 16, is a, 16 x depth, times b, depth x 16; depth is 16 for f16 and bf16, 8 for f32 (as tf32).
CnStatus mma(const CnCall* call, int dtype, const void* a, const void* b, float* d, bool a_by_k, bool b_by_k);
CnStatus swapped_fragment(const CnCall* call, const void* a, const void* b, float* d);  // f32; a bug
// Sums of 64 neighbours over rounds of 64 x 4 numbers, by cp.async; then the same with a bug each.
CnStatus pipeline(const CnCall* call, const float* in, float* out, int rounds);
CnStatus pipeline_without_wait(const CnCall* call, const float* in, float* out, int rounds);
CnStatus pipeline_without_barrier(const CnCall* call, const float* in, float* out, int rounds);
CnStatus pipeline_with_late_wait(const CnCall* call, const float* in, float* out, int rounds);
CnStatus misaligned_copy(const CnCall* call, const float* in, float* out);
CnStatus partial_copy(const CnCall* call, const float* in, float* out);  // 8 of 16 bytes; no bug

// Planted bugs. The line of the bug is told to compare it with the report.
CnStatus missing_barrier(const CnCall* call, const float* in, float* out);
CnStatus store_past_end(const CnCall* call, float* out, int n);
CnStatus store_past_shared(const CnCall* call, float* out);
CnStatus unwritten(const CnCall* call, float* out, int n);
CnStatus barrier_in_branch(const CnCall* call, float* out, int* line);
CnStatus barrier_after_return(const CnCall* call, float* out, int* line);
CnStatus two_barriers(const CnCall* call, float* out, int* line);
CnStatus race_shared(const CnCall* call, float* out, int* line);
CnStatus race_global(const CnCall* call, float* out, int* line);
CnStatus race_plain_and_atomic(const CnCall* call, int* out);
CnStatus missing_syncwarp(const CnCall* call, const float* in, float* out);
CnStatus absent_lane(const CnCall* call, float* out, int* line);
CnStatus wrong_edge_mask(const CnCall* call, float* out, int* line);
CnStatus not_in_own_mask(const CnCall* call, float* out);
CnStatus unordered_sum(const CnCall* call, const float* in, float* out);
CnStatus different_collectives(const CnCall* call, float* out);
CnStatus no_dynamic_shared(const CnCall* call, float* out);

CnStatus geometry(const CnCall* call, int64_t gx, int64_t gy, int64_t block, int64_t shared, bool large);

}  // namespace planted

#endif
