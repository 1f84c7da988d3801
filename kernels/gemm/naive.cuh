// Variant 1: one thread per element of C, which reads a row of A and a column of B from global memory: 2K loads for K
// multiply-adds. The baseline, and quick enough for very small matrices.
#ifndef CUDANET_KERNELS_GEMM_NAIVE_CUH
#define CUDANET_KERNELS_GEMM_NAIVE_CUH

#include "../device/grid.cuh"
#include "problem.cuh"

namespace cn {

constexpr int gemm_naive_block = 256;

template <class T, class E>
__global__ void __launch_bounds__(gemm_naive_block) gemm_v1(GemmProblem<T, E> p) {
    int64_t count = p.batches * p.m * p.n;
    int64_t stride = static_cast<int64_t>(gridDim.x) * gemm_naive_block;
    for (int64_t at = static_cast<int64_t>(blockIdx.x) * gemm_naive_block + threadIdx.x; at < count; at += stride) {
        int64_t batch = at / (p.m * p.n), within = at - batch * p.m * p.n;
        int64_t row = within / p.n, col = within - row * p.n;
        const T *a, *b;
        p.select(batch, a, b);
        a += row * p.a_row;
        b += col * p.b_col;
        acc_t<T> sum[1] = {};
        for (int64_t k = 0; k < p.k; k++, a += p.a_col, b += p.b_row) sum[0] += to_acc(*a) * to_acc(*b);
        p.finish(at, col, sum);
    }
}

template <class T, class E>
CnStatus launch_gemm_v1(const CnCall* call, const GemmProblem<T, E>& p) {
    int64_t blocks = cn_ceil_div(p.batches * p.m * p.n, gemm_naive_block);
    return CN_LAUNCH(call, (gemm_v1<T, E>), cn_grid(blocks), gemm_naive_block, 0, p);
}

}  // namespace cn

#endif
