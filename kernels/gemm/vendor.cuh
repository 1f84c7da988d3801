// What the routes to cuBLAS and cuBLASLt share. Their matrices are column-major, so that ours, row-major, are their transposes:
// C^T = B^T A^T.
#ifndef CUDANET_KERNELS_GEMM_VENDOR_CUH
#define CUDANET_KERNELS_GEMM_VENDOR_CUH

#include "problem.cuh"

namespace cn {

// linear with its bias in the product's epilogue; CN_UNSUPPORTED where cuBLASLt is not there or cannot.
CnStatus linear_by_cublaslt(const CnCall* call);
int64_t cublaslt_workspace(const CnCall* call);

// A matrix of ours as cuBLAS is told of it. The transpose of ours needs no operation if our rows have no gaps inside.
struct ColumnMajor {
    int operation;
    int64_t leading;

    static bool of(int64_t rows, int64_t cols, int64_t row_step, int64_t col_step, ColumnMajor* matrix) {
        constexpr int plain = 0, transposed = 1;  // cublasOperation_t
        bool by_rows = (col_step == 1 || cols == 1) && (row_step >= cols || rows == 1);
        bool by_cols = (row_step == 1 || rows == 1) && (col_step >= rows || cols == 1);
        if (!by_rows && !by_cols) return false;
        int64_t step = by_rows ? row_step : col_step, least = by_rows ? cols : rows;
        *matrix = {by_rows ? plain : transposed, step > least ? step : least};
        return true;
    }
};

// The operands of a product, or false when it has none for these extents and strides.
template <class T, class E>
bool column_major(const GemmProblem<T, E>& p, ColumnMajor* a, ColumnMajor* b) {
    return p.batch_axes <= 1 && p.m <= INT32_MAX && p.n <= INT32_MAX && p.k <= INT32_MAX && p.batches <= INT32_MAX &&
           p.m * p.n * p.k * p.batches != 0 && ColumnMajor::of(p.m, p.k, p.a_row, p.a_col, a) &&
           ColumnMajor::of(p.k, p.n, p.b_row, p.b_col, b) && a->leading <= INT32_MAX && b->leading <= INT32_MAX;
}

}  // namespace cn

#endif
