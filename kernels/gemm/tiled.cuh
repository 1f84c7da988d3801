// Variant 2: one thread per element of C, operands through shared memory in tiles of 16 x 16, so that each element of A
// and B is read from global memory once per 16 rows or columns instead of once per row or column. Two shared loads per
// multiply-add still limit it. Neighbouring threads load along whichever axis is contiguous.
#ifndef CUDANET_KERNELS_GEMM_TILED_CUH
#define CUDANET_KERNELS_GEMM_TILED_CUH

#include "problem.cuh"

namespace cn {

constexpr int gemm_tile = 16;

template <class T, class E>
__global__ void __launch_bounds__(gemm_tile* gemm_tile) gemm_v2(GemmProblem<T, E> p, GemmTiles tiles) {
    // One more column keeps the threads of a column in different banks.
    CN_SHARED(acc_t<T>, a_tile, [gemm_tile][gemm_tile + 1]);
    CN_SHARED(acc_t<T>, b_tile, [gemm_tile][gemm_tile + 1]);
    const int tx = threadIdx.x % gemm_tile, ty = threadIdx.x / gemm_tile;
    const bool a_by_col = p.a_col == 1, b_by_col = p.b_col == 1;
    const int a_i = a_by_col ? ty : tx, a_k = a_by_col ? tx : ty;
    const int b_k = b_by_col ? ty : tx, b_j = b_by_col ? tx : ty;
    const GemmBlock<T> block = tiles.block(p, blockIdx.x);
    acc_t<T> sum[1] = {};
    for (int64_t k0 = 0; k0 < block.depth; k0 += gemm_tile) {
        bool a_in = block.row + a_i < p.m && k0 + a_k < block.depth;
        bool b_in = block.col + b_j < p.n && k0 + b_k < block.depth;
        a_tile[a_i][a_k] = a_in ? to_acc(block.a[a_i * p.a_row + (k0 + a_k) * p.a_col]) : acc_t<T>(0);
        b_tile[b_k][b_j] = b_in ? to_acc(block.b[b_j * p.b_col + (k0 + b_k) * p.b_row]) : acc_t<T>(0);
        __syncthreads();
#pragma unroll
        for (int k = 0; k < gemm_tile; k++) sum[0] += a_tile[ty][k] * b_tile[k][tx];
        __syncthreads();
    }
    p.put(block, block.row + ty, block.col + tx, sum);
}

template <class T, class E>
CnStatus launch_gemm_v2(const CnCall* call, const GemmProblem<T, E>& p) {
    auto tiles = GemmTiles::of(p, gemm_tile, gemm_tile);
    return CN_LAUNCH(call, (gemm_v2<T, E>), tiles.count, gemm_tile * gemm_tile, 0, p, tiles);
}

}  // namespace cn

#endif
