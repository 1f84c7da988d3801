// Rows shifted and scaled by statistics of their own: the forward kernels of layer_norm, rms_norm and group_norm.
//
// Variants
//   1  one thread per row: the textbook loop. Neighbouring threads read addresses a row apart, so nearly every load
//      fetches a sector of its own; kept as the baseline.
//   2  one block per row: neighbouring threads read neighbouring elements, each thread keeps Welford moments, warps
//      merge them by shuffles. Stable in one pass; the division per element limits it.
//   3  one warp per row, the row in registers (up to 1024 elements), 16-byte loads where alignment allows: memory is
//      read once, the mean and the deviations are summed in two passes without divisions, and nothing waits at a
//      barrier.
//   4  one block per row, 16-byte loads, moments made per vector and then merged: one division per 16 bytes. The second
//      reading of the row comes from the cache. For long rows.
//   5  several blocks per row, for rows so few that one block each would leave most of a GPU idle: a first kernel puts
//      the statistics of each piece of a row into the workspace, the blocks of a second join those of their row in
//      order.
#ifndef CUDANET_KERNELS_NORM_ROWS_CUH
#define CUDANET_KERNELS_NORM_ROWS_CUH

#include "../device/block.cuh"
#include "../device/vec.cuh"

#define CN_ROW_VARIANTS                                                              \
    "one thread per row", "one block per row, Welford moments merged by shuffles",   \
        "one warp per row, the row in registers, 16-byte loads; up to 1024 columns", \
        "one block per row, 16-byte loads, moments per vector",                      \
        "several blocks per row, their moments joined in order"

namespace cn {

// Where an element's weight and bias lie: by its column ...
template <class T>
struct ColumnAffine {
    const T* __restrict__ weight;  // may be null
    const T* __restrict__ bias;    // may be null

    __device__ __forceinline__ int64_t at(int64_t, int64_t col) const { return col; }
};
// ... or by its channel: a row is a group of channels, `length` elements each.
template <class T>
struct ChannelAffine {
    const T* __restrict__ weight;
    const T* __restrict__ bias;
    int64_t groups, channels, length;
    bool narrow;  // columns are counted in 32 bits, in which divisions are several times faster

    __device__ __forceinline__ int64_t at(int64_t row, int64_t col) const {
        int64_t channel = narrow ? static_cast<uint32_t>(col) / static_cast<uint32_t>(length) : col / length;
        return row % groups * channels + channel;
    }
};

// CENTRED: the mean is taken off; otherwise it counts as 0, and there is no such output.
template <class T, bool CENTRED, template <class> class Affine>
struct RowNorm {
    using Element = T;
    static constexpr bool centred = CENTRED;

    const T* __restrict__ input;
    T* __restrict__ output;
    acc_t<T>* __restrict__ mean;
    acc_t<T>* __restrict__ rstd;
    Affine<T> affine;
    int64_t rows, cols;
    acc_t<T> eps;

    __device__ __forceinline__ T apply(T x, int64_t row, int64_t col, acc_t<T> mu, acc_t<T> scale) const {
        acc_t<T> y = (to_acc(x) - mu) * scale;
        if (affine.weight) y *= to_acc(affine.weight[affine.at(row, col)]);
        if (affine.bias) y += to_acc(affine.bias[affine.at(row, col)]);
        return from_acc<T>(y);
    }
    __device__ __forceinline__ acc_t<T> inverse_deviation(acc_t<T> squares) const {
        return acc_t<T>(1) / sqrt(squares / static_cast<acc_t<T>>(cols) + eps);
    }
    __device__ __forceinline__ void keep(int64_t row, acc_t<T> mu, acc_t<T> scale) const {
        if (CENTRED) mean[row] = mu;
        rstd[row] = scale;
    }
};

// A sum of squares, in the place of Moments where no mean is taken off.
template <class A>
struct Squares {
    A m2;
    static constexpr A mean = 0;

    __device__ static __forceinline__ Squares none() { return {A(0)}; }
    __device__ __forceinline__ void add(A x) { m2 += x * x; }
    __device__ __forceinline__ void merge(const Squares& other) { m2 += other.m2; }
};
template <class A, bool CENTRED>
struct RowStatistics {
    using type = Squares<A>;
};
template <class A>
struct RowStatistics<A, true> {
    using type = Moments<A>;
};
template <class R>
using row_statistics = typename RowStatistics<acc_t<typename R::Element>, R::centred>::type;

template <class A, class T, bool WIDE>
__device__ __forceinline__ void add_pack(Squares<A>& squares, const Pack<T, WIDE>& pack) {
#pragma unroll
    for (int k = 0; k < Pack<T, WIDE>::size; k++) squares.add(to_acc(pack.at[k]));
}
template <class A, class T, bool WIDE>
__device__ __forceinline__ void add_pack(Moments<A>& moments, const Pack<T, WIDE>& pack) {
    constexpr int V = Pack<T, WIDE>::size;
    Moments<A> group = {A(V), 0, 0};
#pragma unroll
    for (int k = 0; k < V; k++) group.mean += to_acc(pack.at[k]);
    group.mean /= A(V);
#pragma unroll
    for (int k = 0; k < V; k++) {
        A d = to_acc(pack.at[k]) - group.mean;
        group.m2 += d * d;
    }
    moments.merge(group);
}
template <int BLOCK, class A>
__device__ __forceinline__ Squares<A> block_statistics(Squares<A> squares) {
    return {block_sum<BLOCK>(squares.m2)};
}
template <int BLOCK, class A>
__device__ __forceinline__ Moments<A> block_statistics(Moments<A> moments) {
    return block_moments<BLOCK>(moments);
}

template <class R>
__global__ void __launch_bounds__(256) rows_v1(R r) {
    using A = acc_t<typename R::Element>;
    int64_t row = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (row >= r.rows) return;
    auto x = r.input + row * r.cols;
    A mean = 0, m2 = 0;
    if (R::centred) {
        for (int64_t i = 0; i < r.cols; i++) mean += to_acc(x[i]);
        mean /= static_cast<A>(r.cols);
    }
    for (int64_t i = 0; i < r.cols; i++) {
        A d = to_acc(x[i]) - mean;
        m2 += d * d;
    }
    A rstd = r.inverse_deviation(m2);
    for (int64_t i = 0; i < r.cols; i++) r.output[row * r.cols + i] = r.apply(x[i], row, i, mean, rstd);
    r.keep(row, mean, rstd);
}

template <class R, int BLOCK>
__global__ void __launch_bounds__(BLOCK) rows_v2(R r) {
    int64_t row = blockIdx.x;
    auto x = r.input + row * r.cols;
    auto statistics = row_statistics<R>::none();
    for (int64_t i = threadIdx.x; i < r.cols; i += BLOCK) statistics.add(to_acc(x[i]));
    statistics = block_statistics<BLOCK>(statistics);
    auto rstd = r.inverse_deviation(statistics.m2);
    for (int64_t i = threadIdx.x; i < r.cols; i += BLOCK)
        r.output[row * r.cols + i] = r.apply(x[i], row, i, statistics.mean, rstd);
    if (threadIdx.x == 0) r.keep(row, statistics.mean, rstd);
}

// Each lane holds PER_LANE elements, in groups of V consecutive ones.
template <class R, int PER_LANE, bool WIDE>
__global__ void __launch_bounds__(128) rows_v3(R r) {
    using T = typename R::Element;
    constexpr int V = Pack<T, WIDE>::size;
    int64_t row = static_cast<int64_t>(blockIdx.x) * 4 + threadIdx.x / 32;
    int lane = threadIdx.x % 32;
    if (row >= r.rows) return;  // whole warps leave, and no barrier follows
    const T* x = r.input + row * r.cols;
    Pack<T, WIDE> held[PER_LANE / V];
    acc_t<T> sum = 0;
#pragma unroll
    for (int i = 0; i < PER_LANE / V; i++) {
        int64_t col = (i * 32 + lane) * V;
        if (col >= r.cols) continue;
        held[i] = Pack<T, WIDE>::load(x + col);
#pragma unroll
        for (int k = 0; k < V; k++) sum += to_acc(held[i].at[k]);
    }
    acc_t<T> mean = R::centred ? warp_sum(sum) / static_cast<acc_t<T>>(r.cols) : acc_t<T>(0);
    acc_t<T> m2 = 0;
#pragma unroll
    for (int i = 0; i < PER_LANE / V; i++) {
        if ((i * 32 + lane) * V >= r.cols) continue;
#pragma unroll
        for (int k = 0; k < V; k++) {
            acc_t<T> d = to_acc(held[i].at[k]) - mean;
            m2 += d * d;
        }
    }
    acc_t<T> rstd = r.inverse_deviation(warp_sum(m2));
#pragma unroll
    for (int i = 0; i < PER_LANE / V; i++) {
        int64_t col = (i * 32 + lane) * V;
        if (col >= r.cols) continue;
#pragma unroll
        for (int k = 0; k < V; k++) held[i].at[k] = r.apply(held[i].at[k], row, col + k, mean, rstd);
        held[i].store(r.output + row * r.cols + col);
    }
    if (lane == 0) r.keep(row, mean, rstd);
}

template <class R, int BLOCK>
__global__ void __launch_bounds__(BLOCK) rows_v4(R r) {
    using T = typename R::Element;
    using P = Pack<T, true>;
    int64_t row = blockIdx.x;
    const T* x = r.input + row * r.cols;
    auto statistics = row_statistics<R>::none();
    for (int64_t i = threadIdx.x * P::size; i < r.cols; i += BLOCK * P::size) add_pack(statistics, P::load(x + i));
    statistics = block_statistics<BLOCK>(statistics);
    acc_t<T> rstd = r.inverse_deviation(statistics.m2);
    for (int64_t i = threadIdx.x * P::size; i < r.cols; i += BLOCK * P::size) {
        P pack = P::load(x + i);
#pragma unroll
        for (int k = 0; k < P::size; k++) pack.at[k] = r.apply(pack.at[k], row, i + k, statistics.mean, rstd);
        pack.store(r.output + row * r.cols + i);
    }
    if (threadIdx.x == 0) r.keep(row, statistics.mean, rstd);
}

// The packs of a row that piece blockIdx.y has, from begin to end; the row is blockIdx.x.
template <class R, bool WIDE>
struct RowPiece {
    using P = Pack<typename R::Element, WIDE>;
    int64_t begin, end;

    __device__ static __forceinline__ RowPiece of(const R& r) {
        int64_t packs = r.cols / P::size;
        return {packs * blockIdx.y / gridDim.y, packs * (blockIdx.y + 1) / gridDim.y};
    }
};

template <class R, bool WIDE>
__global__ void __launch_bounds__(256) rows_measure(R r, row_statistics<R>* __restrict__ parts) {
    using P = Pack<typename R::Element, WIDE>;
    auto piece = RowPiece<R, WIDE>::of(r);
    auto statistics = row_statistics<R>::none();
    for (int64_t i = piece.begin + threadIdx.x; i < piece.end; i += 256)
        add_pack(statistics, P::load(r.input + blockIdx.x * r.cols + i * P::size));
    statistics = block_statistics<256>(statistics);
    if (threadIdx.x == 0) parts[blockIdx.x * static_cast<int64_t>(gridDim.y) + blockIdx.y] = statistics;
}

template <class R, bool WIDE>
__global__ void __launch_bounds__(256) rows_v5(R r, const row_statistics<R>* __restrict__ parts) {
    using P = Pack<typename R::Element, WIDE>;
    int64_t row = blockIdx.x;
    auto statistics = row_statistics<R>::none();
    for (int64_t i = 0; i < gridDim.y; i++) statistics.merge(parts[row * gridDim.y + i]);
    auto rstd = r.inverse_deviation(statistics.m2);
    auto piece = RowPiece<R, WIDE>::of(r);
    for (int64_t i = piece.begin + threadIdx.x; i < piece.end; i += 256) {
        P pack = P::load(r.input + row * r.cols + i * P::size);
#pragma unroll
        for (int k = 0; k < P::size; k++) pack.at[k] = r.apply(pack.at[k], row, i * P::size + k, statistics.mean, rstd);
        pack.store(r.output + row * r.cols + i * P::size);
    }
    if (threadIdx.x == 0 && blockIdx.y == 0) r.keep(row, statistics.mean, rstd);
}

// Pieces of a row: enough for a thousand blocks, each with at least 4096 elements.
inline int64_t row_pieces(int64_t rows, int64_t cols) {
    int64_t most = cols / 4096, wanted = rows ? 1024 / rows : 1;
    int64_t pieces = wanted < most ? wanted : most;
    return pieces < 1 ? 1 : pieces > 64 ? 64 : pieces;
}

// Bytes for the pieces' statistics, of `values` numbers each.
inline int64_t row_piece_bytes(const CnCall* call, int64_t rows, int64_t cols, int values) {
    int64_t pieces = row_pieces(rows, cols), accumulator = cn_arg(call, 0)->dtype == CN_F64 ? 8 : 4;
    return call->variant == 5 || (call->variant == 0 && pieces > 1) ? rows * pieces * values * accumulator : 0;
}

template <bool WIDE, class R>
CnStatus launch_rows_v5(const CnCall* call, const R& r) {
    int64_t pieces = row_pieces(r.rows, r.cols);
    int64_t needed = r.rows * pieces * static_cast<int64_t>(sizeof(row_statistics<R>));
    if (call->workspace_bytes < needed)
        return cn_fail(call, CN_INVALID_ARGUMENT, "a workspace of %lld bytes is needed, %lld were given",
                       static_cast<long long>(needed), static_cast<long long>(call->workspace_bytes));
    auto* parts = static_cast<row_statistics<R>*>(call->workspace);
    cn::Dim grid = {r.rows, pieces};
    CN_TRY(CN_LAUNCH(call, (rows_measure<R, WIDE>), grid, 256, 0, r, parts));
    return CN_LAUNCH(call, (rows_v5<R, WIDE>), grid, 256, 0, r, parts);
}

constexpr int64_t longest_warp_row = 1024;

template <bool WIDE, class R>
CnStatus launch_rows_v3(const CnCall* call, const R& r) {
    int64_t grid = cn_ceil_div(r.rows, 4);
    if (r.cols <= 256) return CN_LAUNCH(call, (rows_v3<R, 8, WIDE>), grid, 128, 0, r);
    if (r.cols <= 512) return CN_LAUNCH(call, (rows_v3<R, 16, WIDE>), grid, 128, 0, r);
    return CN_LAUNCH(call, (rows_v3<R, 32, WIDE>), grid, 128, 0, r);
}

template <class R>
CnStatus launch_rows(const CnCall* call, const R& r) {
    using T = typename R::Element;
    bool wide = cn_vectorizes<T>(r.input, r.cols) && cn_vectorizes<T>(r.output, r.cols);
    int variant = call->variant;
    if (variant == 0) variant = row_pieces(r.rows, r.cols) > 1 ? 5 : r.cols <= longest_warp_row ? 3 : wide ? 4 : 2;
    switch (variant) {
        case 1:
            return CN_LAUNCH(call, (rows_v1<R>), cn_ceil_div(r.rows, 256), 256, 0, r);
        case 2:
            return CN_LAUNCH(call, (rows_v2<R, 256>), r.rows, 256, 0, r);
        case 3:
            if (r.cols > longest_warp_row)
                return cn_fail(call, CN_UNSUPPORTED, "variant 3 holds rows of up to %lld elements, not %lld",
                               static_cast<long long>(longest_warp_row), static_cast<long long>(r.cols));
            return wide ? launch_rows_v3<true>(call, r) : launch_rows_v3<false>(call, r);
        case 4:
            if (!wide) return cn_fail(call, CN_UNSUPPORTED, "variant 4 needs rows that start at multiples of 16 bytes");
            return CN_LAUNCH(call, (rows_v4<R, 256>), r.rows, 256, 0, r);
        case 5:
            return wide ? launch_rows_v5<true>(call, r) : launch_rows_v5<false>(call, r);
        default:
            return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
    }
}

// The number of elements in attribute 0, normalized_shape.
inline int64_t row_length(const CnCall* call) {
    int64_t count, length = 1;
    const int64_t* shape = cn_attr_ints(call, 0, &count);
    for (int64_t i = 0; i < count; i++) length *= shape[i];
    return length;
}

// The workspace of rows of normalized_shape, with `values` numbers of statistics.
template <int VALUES>
int64_t workspace_rows(const CnCall* call) {
    int64_t cols = row_length(call);
    return cols < 1 ? 0 : row_piece_bytes(call, cn_numel(*cn_arg(call, 0)) / cols, cols, VALUES);
}

inline CnStatus check_rows(const CnCall* call, const CnTensor* input, int64_t cols, int64_t* rows) {
    int64_t numel = cn_numel(*input);
    if (cols < 1 || numel % cols != 0)
        return cn_fail(call, CN_INVALID_ARGUMENT, "rows of %lld elements do not divide an input of %lld",
                       static_cast<long long>(cols), static_cast<long long>(numel));
    *rows = numel / cols;
    return CN_OK;
}

}  // namespace cn

#endif
