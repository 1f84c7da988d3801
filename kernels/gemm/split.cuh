// Division of k into parts, for products with few elements that are long sums: without it most multiprocessors have
// nothing to do. Each part's sums go to the workspace, and a second kernel joins them in order, so that the result is the
// same in every run; atomic additions would spare the second kernel and lose that.
#ifndef CUDANET_KERNELS_GEMM_SPLIT_CUH
#define CUDANET_KERNELS_GEMM_SPLIT_CUH

#include "../device/grid.cuh"
#include "problem.cuh"

namespace cn {

constexpr int64_t part_step = 64;  // parts begin at multiples of it, which keeps vectors aligned

// Divides k into about `parts` parts.
template <class T, class E>
void split_depth(GemmProblem<T, E>& p, int64_t parts) {
    p.part_depth = cn_ceil_div(cn_ceil_div(p.k, parts), part_step) * part_step;
    p.parts = p.k > p.part_depth ? cn_ceil_div(p.k, p.part_depth) : 1;
}

template <class T, class E>
int64_t part_bytes(const GemmProblem<T, E>& p) {
    return p.parts > 1 ? p.parts * p.batches * p.m * p.n * static_cast<int64_t>(sizeof(acc_t<T>)) : 0;
}

constexpr int join_block = 256;

// WIDTH elements of a row per thread.
template <int WIDTH, class T, class E>
__global__ void __launch_bounds__(join_block) gemm_join(GemmProblem<T, E> p, const acc_t<T>* part_sums) {
    int64_t count = p.batches * p.m * p.n, stride = static_cast<int64_t>(gridDim.x) * join_block * WIDTH;
    int64_t first = (static_cast<int64_t>(blockIdx.x) * join_block + threadIdx.x) * WIDTH;
    for (int64_t at = first; at < count; at += stride) {
        acc_t<T> sums[WIDTH] = {};
        for (int64_t part = 0; part < p.parts; part++) {
            acc_t<T> own[WIDTH];
            load_row(part_sums + part * count + at, own);
#pragma unroll
            for (int i = 0; i < WIDTH; i++) sums[i] += own[i];
        }
        p.finish(at, at % p.n, sums);
    }
}

// Runs `tiled(problem)`, a launcher of a kernel that knows parts, and joins its parts where there are several.
template <class T, class E, class Tiled>
CnStatus launch_parts(const CnCall* call, GemmProblem<T, E> p, Tiled tiled) {
    int64_t needed = part_bytes(p);
    if (needed == 0) return tiled(p);
    if (call->workspace_bytes < needed)
        return cn_fail(call, CN_INVALID_ARGUMENT, "a workspace of %lld bytes is needed, %lld were given",
                       static_cast<long long>(needed), static_cast<long long>(call->workspace_bytes));
    acc_t<T>* sums = static_cast<acc_t<T>*>(call->workspace);
    GemmProblem<T, E> of_parts = p;
    of_parts.part_sums = sums;
    CN_TRY(tiled(of_parts));
    bool wide = p.width == 4;
    int64_t blocks = cn_ceil_div(p.batches * p.m * p.n, join_block * (wide ? 4 : 1));
    int64_t grid = blocks < INT32_MAX ? blocks : INT32_MAX;
    if (wide) return CN_LAUNCH(call, (gemm_join<4, T, E>), grid, join_block, 0, p, sums);
    return CN_LAUNCH(call, (gemm_join<1, T, E>), grid, join_block, 0, p, sums);
}

}  // namespace cn

#endif
