// Variant 1 of both directions: one warp per row of a result, 32 rows of the other side at a time. A lane computes the
// weight of one of the 32 by itself; then the lanes share the columns of the result. For any head size and dtype.
#ifndef CUDANET_KERNELS_ATTENTION_NAIVE_CUH
#define CUDANET_KERNELS_ATTENTION_NAIVE_CUH

#include "attention.cuh"

namespace cn {

// A warp's row of a matrix in shared memory, as accumulators.
template <class T>
__device__ __forceinline__ void load_row(acc_t<T>* row, const Matrix<T>& matrix, int64_t index, int64_t columns) {
    for (int64_t e = threadIdx.x % 32; e < columns; e += 32) row[e] = matrix.at(index, e);
}
template <class A>
__device__ __forceinline__ void clear_row(A* row, int64_t columns) {
    for (int64_t e = threadIdx.x % 32; e < columns; e += 32) row[e] = A(0);
}
template <class T>
__device__ __forceinline__ acc_t<T> row_product(const acc_t<T>* row, const Matrix<T>& matrix, int64_t index,
                                                int64_t columns) {
    acc_t<T> sum = 0;
    for (int64_t e = 0; e < columns; e++) sum += row[e] * matrix.at(index, e);
    return sum;
}

// sums = shrink * sums + the rows of a matrix from `first` on, weighted.
template <class T>
__device__ __forceinline__ void add_rows(acc_t<T>* sums, acc_t<T> shrink, const acc_t<T>* weights,
                                         const Matrix<T>& matrix, int64_t first, int rows, int64_t columns) {
    for (int64_t e = threadIdx.x % 32; e < columns; e += 32) {
        acc_t<T> sum = sums[e] * shrink;
        for (int n = 0; n < rows; n++) sum += weights[n] * matrix.at(first + n, e);
        sums[e] = sum;
    }
}

template <class T>
__global__ void __launch_bounds__(128)
    attention_v1(Attention<T> a, T* __restrict__ output, acc_t<T>* __restrict__ logsumexp) {
    using A = acc_t<T>;
    CN_DYNAMIC_SHARED(A, shared);
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    A* query = shared + warp * (a.size + a.value_size + 32);
    A* sums = query + a.size;
    A* weights = sums + a.value_size;
    int64_t row = static_cast<int64_t>(blockIdx.x) * (blockDim.x / 32) + warp;
    if (row >= a.items * a.queries) return;  // whole warps, and warps do not meet here
    int64_t i = row % a.queries;
    AttentionItem<T> item = a.item(row / a.queries);
    load_row(query, item.query, i, a.size);
    clear_row(sums, a.value_size);
    __syncwarp();
    A top = -INFINITY, total = 0;
    int64_t end = a.seen(item, i);
    for (int64_t first = 0; first < end; first += 32) {
        int64_t j = first + lane;
        A score = j < end ? a.score(item, i, j, row_product(query, item.key, j, a.size)) : A(-INFINITY);
        A larger = max_nan(top, warp_max(score));
        // While nothing is seen the difference would be NaN; the exponents are then 0 on purpose.
        A base = larger == A(-INFINITY) ? A(0) : larger;
        A shrink = exp(top - base), weight = exp(score - base);
        total = total * shrink + warp_sum(weight);
        top = larger;
        weights[lane] = weight * a.factor(item, i, j);
        __syncwarp();
        add_rows(sums, shrink, weights, item.value, first, static_cast<int>(min(end - first, int64_t(32))),
                 a.value_size);
        __syncwarp();
    }
    for (int64_t e = lane; e < a.value_size; e += 32)
        output[row * a.value_size + e] = from_acc<T>(total == A(0) ? A(0) : sums[e] / total);
    if (lane == 0) logsumexp[row] = top + log(total);  // -inf + -inf where nothing is seen
}

// delta = sum of grad_output * output - grad_logsumexp, for each row.
template <class T>
__global__ void __launch_bounds__(128) attention_delta(Attention<T> a, acc_t<T>* __restrict__ delta) {
    int64_t row = static_cast<int64_t>(blockIdx.x) * 4 + threadIdx.x / 32;
    if (row >= a.items * a.queries) return;  // whole warps
    int64_t i = row % a.queries;
    AttentionItem<T> item = a.item(row / a.queries);
    acc_t<T> sum = 0;
    for (int64_t e = threadIdx.x % 32; e < a.value_size; e += 32) sum += item.gradient.at(i, e) * item.output.at(i, e);
    sum = warp_sum(sum);
    if (a.grad_logsumexp) sum -= a.grad_logsumexp[row];
    if (threadIdx.x % 32 == 0) delta[row] = sum;
}

// grad_query: as the forward, with the slopes of the scores in place of the weights.
template <class T>
__global__ void __launch_bounds__(128)
    attention_backward_query_v1(Attention<T> a, const acc_t<T>* __restrict__ delta, T* __restrict__ grad_query) {
    using A = acc_t<T>;
    CN_DYNAMIC_SHARED(A, shared);
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    A* query = shared + warp * (2 * a.size + a.value_size + 32);
    A* sums = query + a.size;
    A* gradient = sums + a.size;
    A* slopes = gradient + a.value_size;
    int64_t row = static_cast<int64_t>(blockIdx.x) * (blockDim.x / 32) + warp;
    if (row >= a.items * a.queries) return;  // whole warps, and warps do not meet here
    int64_t i = row % a.queries;
    AttentionItem<T> item = a.item(row / a.queries);
    load_row(query, item.query, i, a.size);
    load_row(gradient, item.gradient, i, a.value_size);
    clear_row(sums, a.size);
    __syncwarp();
    A lse = a.logsumexp[row], own_delta = delta[row];
    int64_t end = a.seen(item, i);
    for (int64_t first = 0; first < end; first += 32) {
        int64_t j = first + lane;
        if (j < end) {
            A weight = a.weight(a.score(item, i, j, row_product(query, item.key, j, a.size)), lse);
            A product = row_product(gradient, item.value, j, a.value_size);
            slopes[lane] = weight * (a.factor(item, i, j) * product - own_delta);
        }
        __syncwarp();
        add_rows(sums, A(1), slopes, item.key, first, static_cast<int>(min(end - first, int64_t(32))), a.size);
        __syncwarp();
    }
    for (int64_t e = lane; e < a.size; e += 32) grad_query[row * a.size + e] = from_acc<T>(a.scale * sums[e]);
}

// grad_key and grad_value: a warp walks the queries of all heads that share its key, in order, so sums repeat bit for bit.
template <class T>
__global__ void __launch_bounds__(128) attention_backward_key_v1(Attention<T> a, const acc_t<T>* __restrict__ delta,
                                                                 T* __restrict__ grad_key, T* __restrict__ grad_value) {
    using A = acc_t<T>;
    CN_DYNAMIC_SHARED(A, shared);
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    A* key = shared + warp * (2 * a.size + 2 * a.value_size + 64);
    A* key_sums = key + a.size;
    A* value = key_sums + a.size;
    A* value_sums = value + a.value_size;
    A* weights = value_sums + a.value_size;
    A* slopes = weights + 32;
    int64_t row = static_cast<int64_t>(blockIdx.x) * (blockDim.x / 32) + warp;
    if (row >= a.items / a.group * a.keys) return;  // whole warps, and warps do not meet here
    int64_t j = row % a.keys, first_item = row / a.keys * a.group;
    AttentionItem<T> item = a.item(first_item);
    load_row(key, item.key, j, a.size);
    load_row(value, item.value, j, a.value_size);
    clear_row(key_sums, a.size);
    clear_row(value_sums, a.value_size);
    __syncwarp();
    for (int64_t member = 0; member < a.group; member++) {
        item = a.item(first_item + member);
        if (j >= item.keys) continue;
        for (int64_t first = a.causal ? j : 0; first < a.queries; first += 32) {
            int64_t i = first + lane;
            if (i < a.queries) {
                int64_t at = item.index * a.queries + i;
                A weight = a.weight(a.score(item, i, j, row_product(key, item.query, i, a.size)), a.logsumexp[at]);
                A product = row_product(value, item.gradient, i, a.value_size), factor = a.factor(item, i, j);
                weights[lane] = weight * factor;
                slopes[lane] = weight * (factor * product - delta[at]);
            }
            __syncwarp();
            int rows = static_cast<int>(min(a.queries - first, int64_t(32)));
            add_rows(key_sums, A(1), slopes, item.query, first, rows, a.size);
            add_rows(value_sums, A(1), weights, item.gradient, first, rows, a.value_size);
            __syncwarp();
        }
    }
    for (int64_t e = lane; e < a.size; e += 32) grad_key[row * a.size + e] = from_acc<T>(a.scale * key_sums[e]);
    for (int64_t e = lane; e < a.value_size; e += 32) grad_value[row * a.value_size + e] = from_acc<T>(value_sums[e]);
}

// Launches a kernel that gives each warp `per_warp` elements of shared memory: four warps to a block where they fit.
#define CN_ATTENTION_WARPS(call, kernel, T, rows, per_warp, ...)                                             \
    do {                                                                                                     \
        int64_t bytes_ = (per_warp) * static_cast<int64_t>(sizeof(acc_t<T>));                                \
        int64_t warps_ = 4 * bytes_ <= 48 * 1024 ? 4 : 1;                                                    \
        CN_TRY(CN_LAUNCH_LARGE_SHARED(call, kernel, cn_ceil_div(rows, warps_), 32 * warps_, warps_ * bytes_, \
                                      __VA_ARGS__));                                                         \
    } while (0)

}  // namespace cn

#endif
