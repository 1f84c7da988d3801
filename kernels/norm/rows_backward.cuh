// The gradients of layer_norm and rms_norm. With g = grad_output * weight and h = (x - mean) * rstd:
//   grad_input = rstd * (g - mean(g) - h * mean(g * h)),  grad_weight = sum over rows of grad_output * h,
//   grad_bias = sum over rows of grad_output;
// without CENTRED (rms_norm) the mean of x counts as 0, mean(g) is left out, and there is no bias.
//
// Variants of the rows
//   1  a warp per row up to 1024 columns, else a block per row; both operands are read twice, the second time from the
//      cache.
//   2  a warp per row with both operands in registers: memory is read once. Up to 1024 columns.
// Loads are of 16 bytes where alignment allows.
//
// The columns are summed without atomics, so that results repeat bit for bit: blocks of 32 columns by 8 rows walk a
// part of the rows with coalesced loads and leave partial sums in the workspace, and a second kernel adds the parts in
// order. How rows are divided depends on their number alone, never on the device.
#ifndef CUDANET_KERNELS_NORM_ROWS_BACKWARD_CUH
#define CUDANET_KERNELS_NORM_ROWS_BACKWARD_CUH

#include "rows.cuh"

#define CN_ROW_BACKWARD_VARIANTS                                           \
    "rows by warp or block, read twice; columns in parts joined in order", \
        "rows by warp, in registers; columns as before; up to 1024 columns"

namespace cn {

template <class T, bool CENTRED>
struct RowGradients {
    using Element = T;
    static constexpr bool centred = CENTRED;

    const T* __restrict__ grad_output;
    const T* __restrict__ input;
    const T* __restrict__ weight;       // may be null
    const acc_t<T>* __restrict__ mean;  // null without CENTRED
    const acc_t<T>* __restrict__ rstd;
    T* __restrict__ grad_input;
    T* __restrict__ grad_weight;  // null where there is no weight
    T* __restrict__ grad_bias;    // null without CENTRED
    int64_t rows, cols;

    __device__ __forceinline__ acc_t<T> shift(int64_t row) const { return CENTRED ? mean[row] : acc_t<T>(0); }
    __device__ __forceinline__ acc_t<T> weighted(T g, int64_t col) const {
        return weight ? to_acc(g) * to_acc(weight[col]) : to_acc(g);
    }
    // Of one element, from the means of g and g * h over its row.
    __device__ __forceinline__ T gradient(T g, T x, int64_t col, acc_t<T> mu, acc_t<T> scale, acc_t<T> sum,
                                          acc_t<T> dot) const {
        acc_t<T> rest = weighted(g, col) - (to_acc(x) - mu) * scale * dot;
        return from_acc<T>(scale * (CENTRED ? rest - sum : rest));
    }
};

// THREADS work on one row: a warp of a larger block, or a whole block.
template <class R, int THREADS, bool WIDE>
__global__ void __launch_bounds__(256) rows_backward_v1(R r) {
    using T = typename R::Element;
    using A = acc_t<T>;
    using P = Pack<T, WIDE>;
    constexpr int rows_per_block = THREADS == 32 ? 4 : 1;
    int64_t row = static_cast<int64_t>(blockIdx.x) * rows_per_block + threadIdx.x / THREADS;
    int first = static_cast<int>(threadIdx.x) % THREADS * P::size;
    if (THREADS == 32 && row >= r.rows) return;  // whole warps, and warps do not meet here
    A mean = r.shift(row), rstd = r.rstd[row];
    A sum = 0, dot = 0;
    for (int64_t col = first; col < r.cols; col += THREADS * P::size) {
        P gradient = P::load(r.grad_output + row * r.cols + col), x = P::load(r.input + row * r.cols + col);
#pragma unroll
        for (int k = 0; k < P::size; k++) {
            A g = r.weighted(gradient.at[k], col + k);
            sum += g;
            dot += g * (to_acc(x.at[k]) - mean) * rstd;
        }
    }
    if (R::centred) sum = block_sum<THREADS>(sum) / static_cast<A>(r.cols);
    dot = block_sum<THREADS>(dot) / static_cast<A>(r.cols);
    for (int64_t col = first; col < r.cols; col += THREADS * P::size) {
        P gradient = P::load(r.grad_output + row * r.cols + col), x = P::load(r.input + row * r.cols + col);
#pragma unroll
        for (int k = 0; k < P::size; k++)
            gradient.at[k] = r.gradient(gradient.at[k], x.at[k], col + k, mean, rstd, sum, dot);
        gradient.store(r.grad_input + row * r.cols + col);
    }
}

// Each lane holds PER_LANE elements of both operands, in groups of V consecutive ones.
template <class R, int PER_LANE, bool WIDE>
__global__ void __launch_bounds__(128) rows_backward_v2(R r) {
    using T = typename R::Element;
    using A = acc_t<T>;
    using P = Pack<T, WIDE>;
    constexpr int V = P::size;
    int64_t row = static_cast<int64_t>(blockIdx.x) * 4 + threadIdx.x / 32;
    int lane = threadIdx.x % 32;
    if (row >= r.rows) return;  // whole warps leave, and no barrier follows
    A mean = r.shift(row), rstd = r.rstd[row];
    P gradient[PER_LANE / V], input[PER_LANE / V];
    A sum = 0, dot = 0;
#pragma unroll
    for (int i = 0; i < PER_LANE / V; i++) {
        int64_t col = (i * 32 + lane) * V;
        if (col >= r.cols) continue;
        gradient[i] = P::load(r.grad_output + row * r.cols + col);
        input[i] = P::load(r.input + row * r.cols + col);
#pragma unroll
        for (int k = 0; k < V; k++) {
            A g = r.weighted(gradient[i].at[k], col + k);
            sum += g;
            dot += g * (to_acc(input[i].at[k]) - mean) * rstd;
        }
    }
    if (R::centred) sum = warp_sum(sum) / static_cast<A>(r.cols);
    dot = warp_sum(dot) / static_cast<A>(r.cols);
#pragma unroll
    for (int i = 0; i < PER_LANE / V; i++) {
        int64_t col = (i * 32 + lane) * V;
        if (col >= r.cols) continue;
#pragma unroll
        for (int k = 0; k < V; k++)
            gradient[i].at[k] = r.gradient(gradient[i].at[k], input[i].at[k], col + k, mean, rstd, sum, dot);
        gradient[i].store(r.grad_input + row * r.cols + col);
    }
}

// What the rows of a part add to the gradients of one column's parameters.
template <class A, bool CENTRED>
struct ParameterSums {
    A weight, bias;

    __device__ __forceinline__ void add(A g, A h) {
        weight += g * h;
        if (CENTRED) bias += g;
    }
    __device__ __forceinline__ void merge(const ParameterSums& other) {
        weight += other.weight;
        if (CENTRED) bias += other.bias;
    }
    template <class R>
    __device__ __forceinline__ void store(const R& r, int64_t col) const {
        r.grad_weight[col] = from_acc<typename R::Element>(weight);
        if (CENTRED) r.grad_bias[col] = from_acc<typename R::Element>(bias);
    }
};
template <class R>
using parameter_sums = ParameterSums<acc_t<typename R::Element>, R::centred>;

constexpr int tile_cols = 32, tile_rows = 8;

// Without `parts` there is one part, which is then the result.
template <class R>
__global__ void __launch_bounds__(tile_cols* tile_rows)
    rows_backward_parameters(R r, parameter_sums<R>* __restrict__ parts, int64_t rows_per_part) {
    CN_SHARED(parameter_sums<R>, shared, [tile_rows][tile_cols]);
    int64_t col = static_cast<int64_t>(blockIdx.x) * tile_cols + threadIdx.x;
    int64_t begin = blockIdx.y * rows_per_part;
    int64_t end = min(begin + rows_per_part, r.rows);
    parameter_sums<R> sums = {0, 0};
    if (col < r.cols) {
        for (int64_t row = begin + threadIdx.y; row < end; row += tile_rows) {
            int64_t at = row * r.cols + col;
            sums.add(to_acc(r.grad_output[at]), (to_acc(r.input[at]) - r.shift(row)) * r.rstd[row]);
        }
    }
    shared[threadIdx.y][threadIdx.x] = sums;
    __syncthreads();
    if (threadIdx.y == 0 && col < r.cols) {
#pragma unroll
        for (int i = 1; i < tile_rows; i++) sums.merge(shared[i][threadIdx.x]);
        if (parts)
            parts[blockIdx.y * r.cols + col] = sums;
        else
            sums.store(r, col);
    }
}

template <class R>
__global__ void __launch_bounds__(256)
    rows_backward_join(R r, const parameter_sums<R>* __restrict__ parts, int64_t count) {
    int64_t col = static_cast<int64_t>(blockIdx.x) * 256 + threadIdx.x;
    if (col >= r.cols) return;
    parameter_sums<R> sums = {0, 0};
    for (int64_t i = 0; i < count; i++) sums.merge(parts[i * r.cols + col]);
    sums.store(r, col);
}

inline int64_t row_parts(int64_t rows) {
    int64_t parts = cn_ceil_div(rows, 64);
    return parts < 1 ? 1 : parts > 128 ? 128 : parts;
}

// Bytes for the partial sums; input and weight are arguments 1 and 2 of both ops.
inline int64_t rows_backward_workspace(const CnCall* call) {
    int64_t cols = row_length(call);
    if (!cn_arg(call, 2) || cols < 1) return 0;
    int64_t parts = row_parts(cn_numel(*cn_arg(call, 1)) / cols);
    int64_t accumulator = cn_arg(call, 1)->dtype == CN_F64 ? 8 : 4;
    return parts == 1 ? 0 : 2 * parts * cols * accumulator;
}

template <bool WIDE, class R>
CnStatus launch_rows_backward_v2(const CnCall* call, const R& r) {
    int64_t grid = cn_ceil_div(r.rows, 4);
    if (r.cols <= 256) return CN_LAUNCH(call, (rows_backward_v2<R, 8, WIDE>), grid, 128, 0, r);
    if (r.cols <= 512) return CN_LAUNCH(call, (rows_backward_v2<R, 16, WIDE>), grid, 128, 0, r);
    return CN_LAUNCH(call, (rows_backward_v2<R, 32, WIDE>), grid, 128, 0, r);
}

template <bool WIDE, class R>
CnStatus launch_rows_backward_input(const CnCall* call, const R& r) {
    switch (call->variant ? call->variant : r.cols <= longest_warp_row ? 2 : 1) {
        case 1:
            if (r.cols <= longest_warp_row)
                return CN_LAUNCH(call, (rows_backward_v1<R, 32, WIDE>), cn_ceil_div(r.rows, 4), 128, 0, r);
            return CN_LAUNCH(call, (rows_backward_v1<R, 256, WIDE>), r.rows, 256, 0, r);
        case 2:
            if (r.cols > longest_warp_row)
                return cn_fail(call, CN_UNSUPPORTED, "variant 2 holds rows of up to %lld elements, not %lld",
                               static_cast<long long>(longest_warp_row), static_cast<long long>(r.cols));
            return launch_rows_backward_v2<WIDE>(call, r);
        default:
            return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
    }
}

template <class R>
CnStatus launch_rows_backward(const CnCall* call, R r) {
    r.cols = row_length(call);
    CN_TRY(check_rows(call, cn_arg(call, 1), r.cols, &r.rows));
    using T = typename R::Element;
    bool wide = cn_vectorizes<T>(r.input, r.cols) && cn_vectorizes<T>(r.grad_output, r.cols) &&
                cn_vectorizes<T>(r.grad_input, r.cols);
    CN_TRY(wide ? launch_rows_backward_input<true>(call, r) : launch_rows_backward_input<false>(call, r));
    if (!r.grad_weight) return CN_OK;
    int64_t parts = row_parts(r.rows), needed = rows_backward_workspace(call);
    if (call->workspace_bytes < needed)
        return cn_fail(call, CN_INVALID_ARGUMENT, "a workspace of %lld bytes is needed, %lld were given",
                       static_cast<long long>(needed), static_cast<long long>(call->workspace_bytes));
    auto* sums = parts == 1 ? nullptr : static_cast<parameter_sums<R>*>(call->workspace);
    cn::Dim grid = {cn_ceil_div(r.cols, tile_cols), parts}, block = {tile_cols, tile_rows};
    CN_TRY(CN_LAUNCH(call, (rows_backward_parameters<R>), grid, block, 0, r, sums, cn_ceil_div(r.rows, parts)));
    if (!sums) return CN_OK;
    return CN_LAUNCH(call, (rows_backward_join<R>), cn_ceil_div(r.cols, 256), 256, 0, r, sums, parts);
}

}  // namespace cn

#endif
