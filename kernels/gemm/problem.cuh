// A matrix product as the kernels of this folder see it: extents, strides in elements, broadcast batch axes, the division
// of the result into tiles and of the sums into parts, and what happens to a finished sum.
#ifndef CUDANET_KERNELS_GEMM_PROBLEM_CUH
#define CUDANET_KERNELS_GEMM_PROBLEM_CUH

#include <type_traits>

#include "../device/vec.cuh"

namespace cn {

// What happens to finished sums before they are stored: nothing. An epilogue gets N sums that follow each other in C, and
// the first one's place there; it tells by how many elements rows can be read and stored, given what C's can.
struct KeepSums {
    template <class A, int N>
    __device__ __forceinline__ void operator()(A (&)[N], int64_t) const {}
    int64_t width(int64_t of_c, int64_t) const { return of_c; }
};

// N elements that follow each other, at a place that is aligned to all of them (or to 16 bytes).
template <class T, int N>
struct alignas(sizeof(T) * N < 16 ? sizeof(T) * N : 16) RowPiece {
    T at[N];
};
template <class T, int N>
__device__ __forceinline__ void store_row(T* to, const acc_t<T> (&values)[N]) {
    RowPiece<T, N> piece;
#pragma unroll
    for (int i = 0; i < N; i++) piece.at[i] = from_acc<T>(values[i]);
    *reinterpret_cast<RowPiece<T, N>*>(to) = piece;
}
template <class T, int N>
__device__ __forceinline__ void load_row(const T* from, acc_t<T> (&values)[N]) {
    RowPiece<T, N> piece = *reinterpret_cast<const RowPiece<T, N>*>(from);
#pragma unroll
    for (int i = 0; i < N; i++) values[i] = to_acc(piece.at[i]);
}

// The largest of 4, 2 and 1 elements that rows of this length, from this pointer on, can be stored by.
template <class T>
int64_t row_width(const T* pointer, int64_t length) {
    for (int64_t width = 4; width > 1; width /= 2) {
        int64_t bytes = width * static_cast<int64_t>(sizeof(T));
        if (length % width == 0 && reinterpret_cast<uintptr_t>(pointer) % (bytes < 16 ? bytes : 16) == 0) return width;
    }
    return 1;
}

// Moves each element of an array to the place before it. A loop that takes the first one and shifts needs one copy of its
// code for all of them, and they stay in registers, which have no index.
template <class A>
__device__ __forceinline__ void move_to(A& to, const A& from) {
    to = from;
}
template <class A, int N>
__device__ __forceinline__ void move_to(A (&to)[N], const A (&from)[N]) {
#pragma unroll
    for (int i = 0; i < N; i++) move_to(to[i], from[i]);
}
template <class A, int N>
__device__ __forceinline__ void shift(A (&values)[N]) {
#pragma unroll
    for (int i = 0; i + 1 < N; i++) move_to(values[i], values[i + 1]);
}

// Where a block works: its operands, advanced to its first row, column and step of k; the length of its sums; its place.
template <class T>
struct GemmBlock {
    const T* a;
    const T* b;
    int64_t row, col, depth;
    int64_t matrix;  // where its matrix begins in C, or in the sums of parts
};

// C = A * B + bias for each matrix of a batch; C is row-major without gaps.
template <class T, class E = KeepSums>
struct GemmProblem {
    const T* a;
    const T* b;
    const T* bias;  // may be null
    T* c;
    int64_t m, n, k;
    int64_t a_row, a_col, b_row, b_col, bias_step;
    int64_t batches;
    int32_t batch_axes;
    int32_t width;        // elements of a row of C that can be stored at a time
    bool a_by_k, b_by_k;  // k is the axis without gaps, or there is none
    bool a_wide, b_wide;  // along that axis there are none, and its lines begin at multiples of 16 bytes
    int64_t extents[CN_MAX_RANK], a_steps[CN_MAX_RANK], b_steps[CN_MAX_RANK];
    int64_t parts, part_depth;  // k is divided into parts of this depth
    acc_t<T>* part_sums;        // [part][batch][m][n]; null where there is one part
    E epilogue;

    // This problem's matrices number `batch`; I is wide enough for their count.
    template <class I>
    __device__ __forceinline__ void select(I batch, const T*& a_at, const T*& b_at) const {
        a_at = a;
        b_at = b;
        for (int d = batch_axes - 1; d >= 0; d--) {
            I extent = static_cast<I>(extents[d]), rest = batch / extent, at = batch - rest * extent;
            a_at += static_cast<int64_t>(at) * a_steps[d];
            b_at += static_cast<int64_t>(at) * b_steps[d];
            batch = rest;
        }
    }

    // Finishes N sums of one row of C, beginning at place `at` and column `col`.
    template <int N>
    __device__ __forceinline__ void finish(int64_t at, int64_t col, acc_t<T> (&sums)[N]) const {
        if (bias) {
#pragma unroll
            for (int i = 0; i < N; i++) sums[i] += to_acc(bias[(col + i) * bias_step]);
        }
        epilogue(sums, at);
        store_row(c + at, sums);
    }

    // The same for sums that may lie outside of C and may be those of a part.
    template <int N>
    __device__ __forceinline__ void put(const GemmBlock<T>& block, int64_t row, int64_t col,
                                        const acc_t<T> (&sums)[N]) const {
        if (row >= m) return;
        int64_t at = block.matrix + row * n + col;
        if (width >= N) {  // N divides n
            if (col < n) put_row<N>(at, col, sums);
        } else {
#pragma unroll
            for (int i = 0; i < N; i++) {
                const acc_t<T> one[1] = {sums[i]};
                if (col + i < n) put_row<1>(at + i, col + i, one);
            }
        }
    }
    template <int N>
    __device__ __forceinline__ void put_row(int64_t at, int64_t col, const acc_t<T> (&sums)[N]) const {
        if (part_sums) {
            store_row(part_sums + at, sums);
        } else {
            acc_t<T> own[N];
#pragma unroll
            for (int i = 0; i < N; i++) own[i] = sums[i];
            finish(at, col, own);
        }
    }
};

// Tiles are numbered through all parts and batches, so one grid dimension serves any size, and in bands of tile rows:
// blocks that run at one time then share rows and columns in the L2 cache. No memory holds a result of 2^31 tiles, so 32
// bits number them; a division in 64 bits takes a GPU hundreds of cycles.
struct GemmTiles {
    int64_t count;
    uint32_t height, width, rows, cols;

    template <class T, class E>
    static GemmTiles of(const GemmProblem<T, E>& p, int64_t height, int64_t width) {
        int64_t rows = cn_ceil_div(p.m, height), cols = cn_ceil_div(p.n, width);
        auto narrow = [](int64_t x) { return static_cast<uint32_t>(x); };
        return {rows * cols * p.batches * p.parts, narrow(height), narrow(width), narrow(rows), narrow(cols)};
    }
    // What the block of this number computes.
    template <class T, class E>
    __device__ __forceinline__ GemmBlock<T> block(const GemmProblem<T, E>& p, uint32_t tile) const {
        constexpr uint32_t band = 8;
        uint32_t matrix = tile / (rows * cols), within = tile - matrix * rows * cols;
        uint32_t first = within / (band * cols) * band, in_band = min(rows - first, band);
        uint32_t at = within - first * cols;
        uint32_t batches = static_cast<uint32_t>(p.batches), part = matrix / batches;
        int64_t begin = part * p.part_depth;
        GemmBlock<T> block;
        block.row = static_cast<int64_t>(first + at % in_band) * height;
        block.col = static_cast<int64_t>(at / in_band) * width;
        block.depth = min(p.k - begin, p.part_depth);
        block.matrix = matrix * p.m * p.n;
        p.select(matrix - part * batches, block.a, block.b);
        block.a += block.row * p.a_row + begin * p.a_col;
        block.b += block.col * p.b_col + begin * p.b_row;
        return block;
    }
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

// Whether an operand can be read in vectors of 16 bytes along the axis with step 1.
template <class T>
bool is_wide(const T* data, int64_t step, int64_t line_step, const int64_t* batch_steps, int batch_axes) {
    bool wide = step == 1 && cn_vectorizes<T>(data, line_step);
    for (int axis = 0; axis < batch_axes; axis++) wide = wide && batch_steps[axis] % Vec<T>::size == 0;
    return wide;
}

// `transposed`: B is given as (N, K), as the weight of a linear layer is. A vector A is a row, a vector B a column.
template <class T, class E = KeepSums>
GemmProblem<T, E> make_problem(const CnTensor& a, const CnTensor& b, bool transposed, const CnTensor* bias,
                               const CnTensor& c, E epilogue = {}) {
    GemmProblem<T, E> p;
    memset(static_cast<void*>(&p), 0, sizeof p);
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
    p.width = static_cast<int32_t>(epilogue.width(row_width(p.c, p.n), p.n));
    p.batches = 1;
    p.parts = 1;
    p.part_depth = p.k;
    add_batch(p, a, b);
    p.a_by_k = p.a_col == 1 || p.a_row != 1;
    p.b_by_k = p.b_row == 1 || p.b_col != 1;
    p.a_wide = is_wide(p.a, p.a_by_k ? p.a_col : p.a_row, p.a_by_k ? p.a_row : p.a_col, p.a_steps, p.batch_axes);
    p.b_wide = is_wide(p.b, p.b_by_k ? p.b_row : p.b_col, p.b_by_k ? p.b_col : p.b_row, p.b_steps, p.batch_axes);
    return p;
}

// launch(a_by_k, b_by_k) with both as types, for kernels that are compiled for each layout of the operands.
template <class T, class E, class Launch>
CnStatus for_layout(const GemmProblem<T, E>& p, Launch launch) {
    const std::true_type by_k{};
    const std::false_type by_line{};
    if (p.a_by_k) return p.b_by_k ? launch(by_k, by_k) : launch(by_k, by_line);
    return p.b_by_k ? launch(by_line, by_k) : launch(by_line, by_line);
}

}  // namespace cn

#endif
