// A matrix product as the kernels of this folder see it: extents, strides in elements, broadcast batch axes, and the
// division of the result into tiles.
#ifndef CUDANET_KERNELS_GEMM_PROBLEM_CUH
#define CUDANET_KERNELS_GEMM_PROBLEM_CUH

#include "../device/vec.cuh"

namespace cn {

// What happens to a finished sum before it is stored: nothing.
struct KeepSum {
    template <class A>
    __device__ __forceinline__ A operator()(A sum, int64_t) const {
        return sum;
    }
};

// C = A * B + bias for each matrix of a batch; C is row-major without gaps. The epilogue E gets each sum and its place in C.
template <class T, class E = KeepSum>
struct GemmProblem {
    const T* a;
    const T* b;
    const T* bias;  // may be null
    T* c;
    int64_t m, n, k;
    int64_t a_row, a_col, b_row, b_col, bias_step;
    int64_t batches;
    int32_t batch_axes;
    int64_t extents[CN_MAX_RANK], a_steps[CN_MAX_RANK], b_steps[CN_MAX_RANK];
    E epilogue;

    // This problem's matrices number `batch`.
    __device__ __forceinline__ void select(int64_t batch, const T*& a_at, const T*& b_at, T*& c_at) const {
        c_at = c + batch * m * n;
        a_at = a;
        b_at = b;
        for (int d = batch_axes - 1; d >= 0; d--) {
            int64_t rest = batch / extents[d], at = batch - rest * extents[d];
            a_at += at * a_steps[d];
            b_at += at * b_steps[d];
            batch = rest;
        }
    }

    __device__ __forceinline__ void put(T* c_at, int64_t row, int64_t col, acc_t<T> value) const {
        if (bias) value += to_acc(bias[col * bias_step]);
        c_at[row * n + col] = from_acc<T>(epilogue(value, c_at - c + row * n + col));
    }
};

// Tiles are numbered through all batches, so one grid dimension serves any size, and in bands of tile rows: blocks that
// run at one time then share rows and columns in the L2 cache.
struct GemmTiles {
    int64_t rows, cols, count;

    template <class T, class E>
    static GemmTiles of(const GemmProblem<T, E>& p, int64_t height, int64_t width) {
        int64_t rows = cn_ceil_div(p.m, height), cols = cn_ceil_div(p.n, width);
        return {rows, cols, rows * cols * p.batches};
    }
    __device__ __forceinline__ void split(int64_t tile, int64_t& batch, int64_t& row, int64_t& col) const {
        constexpr int64_t band = 8;
        batch = tile / (rows * cols);
        int64_t within = tile - batch * rows * cols;
        int64_t first = within / (band * cols) * band;
        int64_t height = rows - first < band ? rows - first : band;
        int64_t at = within - first * cols;
        row = first + at % height;
        col = at / height;
    }
    // Blocks take further tiles by the grid's length.
    int64_t grid() const { return count < INT32_MAX ? count : INT32_MAX; }
};

inline int64_t gemm_extent(const CnTensor& t, int axis) { return axis < 0 ? 1 : t.shape[axis]; }
inline int64_t gemm_step(const CnTensor& t, int axis) { return axis < 0 || t.shape[axis] == 1 ? 0 : t.strides[axis]; }

// The batch axes of A and B, aligned at the last one. Those that both step through evenly are merged, and where all
// matrices share one B they become rows of A if A has no gaps between them.
template <class T, class E>
void add_batch(GemmProblem<T, E>& p, const CnTensor& a, const CnTensor& b) {
    int rank = (a.rank > b.rank ? a.rank : b.rank) - 2;
    bool one_b = true;
    for (int axis = 0; axis < rank; axis++) {
        int own_a = axis - rank + a.rank - 2, own_b = axis - rank + b.rank - 2;
        int64_t extent = gemm_extent(a, own_a) == 1 ? gemm_extent(b, own_b) : gemm_extent(a, own_a);
        if (extent == 1) continue;
        int64_t a_step = gemm_step(a, own_a), b_step = gemm_step(b, own_b);
        one_b = one_b && b_step == 0;
        p.batches *= extent;
        int last = p.batch_axes - 1;
        bool merges = last >= 0 && p.a_steps[last] == a_step * extent && p.b_steps[last] == b_step * extent;
        int place = merges ? last : p.batch_axes++;
        p.extents[place] = merges ? p.extents[place] * extent : extent;
        p.a_steps[place] = a_step;
        p.b_steps[place] = b_step;
    }
    if (!one_b || p.batch_axes != 1 || (p.m != 1 && p.a_steps[0] != p.m * p.a_row)) return;
    if (p.m == 1) p.a_row = p.a_steps[0];
    p.m *= p.batches;
    p.batches = 1;
    p.batch_axes = 0;
}

// `transposed`: B is given as (N, K), as the weight of a linear layer is. A vector A is a row, a vector B a column.
template <class T, class E = KeepSum>
GemmProblem<T, E> make_problem(const CnTensor& a, const CnTensor& b, bool transposed, const CnTensor* bias,
                               const CnTensor& c, E epilogue = {}) {
    GemmProblem<T, E> p;
    memset(&p, 0, sizeof p);
    p.epilogue = epilogue;
    p.a = cn_data<T>(&a);
    p.b = cn_data<T>(&b);
    p.bias = cn_data<T>(bias);
    p.bias_step = bias ? bias->strides[0] : 0;
    p.c = cn_data<T>(&c);
    p.m = gemm_extent(a, a.rank - 2);
    p.k = a.shape[a.rank - 1];
    p.a_row = gemm_step(a, a.rank - 2);
    p.a_col = a.strides[a.rank - 1];
    int row = b.rank == 1 ? 0 : transposed ? b.rank - 1 : b.rank - 2;
    int col = b.rank == 1 ? -1 : transposed ? b.rank - 2 : b.rank - 1;
    p.n = gemm_extent(b, col);
    p.b_row = b.strides[row];
    p.b_col = gemm_step(b, col);
    p.batches = 1;
    add_batch(p, a, b);
    return p;
}

}  // namespace cn

#endif
