// layer_norm_backward. With g = grad_output * weight and h = (x - mean) * rstd:
//   grad_input = rstd * (g - mean(g) - h * mean(g * h)),  grad_weight = sum over rows of grad_output * h,
//   grad_bias = sum over rows of grad_output.
//
// The rows take one kernel: a warp per row up to 1024 columns, else a block per row. The columns are summed without
// atomics, so that results repeat bit for bit: blocks of 32 columns by 8 rows walk a part of the rows with coalesced
// loads and leave partial sums in the workspace, and a second kernel adds the parts in order. How rows are divided
// depends on their number alone, never on the device.
#include "device/block.cuh"

namespace {

template <class T>
struct Rows {
    const T* __restrict__ grad_output;
    const T* __restrict__ input;
    const T* __restrict__ weight;  // may be null
    const acc_t<T>* __restrict__ mean;
    const acc_t<T>* __restrict__ rstd;
    T* __restrict__ grad_input;
    int64_t rows, cols;

    __device__ __forceinline__ acc_t<T> weighted(int64_t at, int64_t col) const {
        acc_t<T> g = to_acc(grad_output[at]);
        return weight ? g * to_acc(weight[col]) : g;
    }
};

// THREADS work on one row: a warp of a larger block, or a whole block.
template <class T, int THREADS>
__global__ void __launch_bounds__(256) layer_norm_backward_input(Rows<T> r) {
    using A = acc_t<T>;
    constexpr int rows_per_block = THREADS == 32 ? 4 : 1;
    int64_t row = static_cast<int64_t>(blockIdx.x) * rows_per_block + threadIdx.x / THREADS;
    int first = threadIdx.x % THREADS;
    if (THREADS == 32 && row >= r.rows) return;  // whole warps, and warps do not meet here
    A mean = r.mean[row], rstd = r.rstd[row];
    A sum = 0, dot = 0;
    for (int64_t col = first; col < r.cols; col += THREADS) {
        int64_t at = row * r.cols + col;
        A g = r.weighted(at, col);
        sum += g;
        dot += g * (to_acc(r.input[at]) - mean) * rstd;
    }
    sum = block_sum<THREADS>(sum) / static_cast<A>(r.cols);
    dot = block_sum<THREADS>(dot) / static_cast<A>(r.cols);
    for (int64_t col = first; col < r.cols; col += THREADS) {
        int64_t at = row * r.cols + col;
        A h = (to_acc(r.input[at]) - mean) * rstd;
        r.grad_input[at] = from_acc<T>(rstd * (r.weighted(at, col) - sum - h * dot));
    }
}

constexpr int tile_cols = 32, tile_rows = 8;

// Out is T when there is one part, which is then the result, or the accumulator for partial sums.
template <class T, class Out>
__global__ void __launch_bounds__(tile_cols* tile_rows)
    layer_norm_backward_parameters(Rows<T> r, Out* __restrict__ weight_parts, Out* __restrict__ bias_parts,
                                   int64_t rows_per_part) {
    using A = acc_t<T>;
    CN_SHARED(A, weight_sums, [tile_rows][tile_cols]);
    CN_SHARED(A, bias_sums, [tile_rows][tile_cols]);
    int64_t col = static_cast<int64_t>(blockIdx.x) * tile_cols + threadIdx.x;
    int64_t begin = blockIdx.y * rows_per_part;
    int64_t end = min(begin + rows_per_part, r.rows);
    A weight_sum = 0, bias_sum = 0;
    if (col < r.cols) {
        for (int64_t row = begin + threadIdx.y; row < end; row += tile_rows) {
            A g = to_acc(r.grad_output[row * r.cols + col]);
            weight_sum += g * (to_acc(r.input[row * r.cols + col]) - r.mean[row]) * r.rstd[row];
            bias_sum += g;
        }
    }
    weight_sums[threadIdx.y][threadIdx.x] = weight_sum;
    bias_sums[threadIdx.y][threadIdx.x] = bias_sum;
    __syncthreads();
    if (threadIdx.y == 0 && col < r.cols) {
#pragma unroll
        for (int i = 1; i < tile_rows; i++) {
            weight_sum += weight_sums[i][threadIdx.x];
            bias_sum += bias_sums[i][threadIdx.x];
        }
        weight_parts[blockIdx.y * r.cols + col] = from_acc<Out>(weight_sum);
        bias_parts[blockIdx.y * r.cols + col] = from_acc<Out>(bias_sum);
    }
}

template <class T>
__global__ void __launch_bounds__(256)
    layer_norm_backward_join(const acc_t<T>* __restrict__ weight_parts, const acc_t<T>* __restrict__ bias_parts,
                             T* __restrict__ grad_weight, T* __restrict__ grad_bias, int64_t parts, int64_t cols) {
    int64_t col = static_cast<int64_t>(blockIdx.x) * 256 + threadIdx.x;
    if (col >= cols) return;
    acc_t<T> weight_sum = 0, bias_sum = 0;
    for (int64_t i = 0; i < parts; i++) {
        weight_sum += weight_parts[i * cols + col];
        bias_sum += bias_parts[i * cols + col];
    }
    grad_weight[col] = from_acc<T>(weight_sum);
    grad_bias[col] = from_acc<T>(bias_sum);
}

int64_t row_length(const CnCall* call) {
    int64_t count, length = 1;
    const int64_t* shape = cn_attr_ints(call, 0, &count);
    for (int64_t i = 0; i < count; i++) length *= shape[i];
    return length;
}

int64_t part_count(int64_t rows) {
    int64_t parts = cn_ceil_div(rows, 64);
    return parts < 1 ? 1 : parts > 128 ? 128 : parts;
}

int64_t workspace_layer_norm_backward(const CnCall* call) {
    int64_t cols = row_length(call);
    if (!cn_arg(call, 2) || cols < 1) return 0;
    int64_t parts = part_count(cn_numel(*cn_arg(call, 1)) / cols);
    int64_t accumulator = cn_arg(call, 1)->dtype == CN_F64 ? 8 : 4;
    return parts == 1 ? 0 : 2 * parts * cols * accumulator;
}

template <class T>
CnStatus backward(const CnCall* call) {
    const CnTensor* input = cn_arg(call, 1);
    int64_t cols = row_length(call), numel = cn_numel(*input);
    if (cols < 1 || numel % cols != 0)
        return cn_fail(call, CN_INVALID_ARGUMENT, "rows of %lld elements do not divide an input of %lld",
                       static_cast<long long>(cols), static_cast<long long>(numel));
    Rows<T> r = {cn_data<T>(cn_arg(call, 0)),
                 cn_data<T>(input),
                 cn_data<T>(cn_arg(call, 2)),
                 cn_data<acc_t<T>>(cn_arg(call, 3)),
                 cn_data<acc_t<T>>(cn_arg(call, 4)),
                 cn_data<T>(cn_arg(call, 5)),
                 numel / cols,
                 cols};
    if (cols <= 1024)
        CN_TRY(CN_LAUNCH(call, (layer_norm_backward_input<T, 32>), cn_ceil_div(r.rows, 4), 128, 0, r));
    else
        CN_TRY(CN_LAUNCH(call, (layer_norm_backward_input<T, 256>), r.rows, 256, 0, r));

    T *grad_weight = cn_data<T>(cn_arg(call, 6)), *grad_bias = cn_data<T>(cn_arg(call, 7));
    if (!grad_weight || !grad_bias) return CN_OK;
    int64_t parts = part_count(r.rows), needed = workspace_layer_norm_backward(call);
    int64_t rows_per_part = cn_ceil_div(r.rows, parts);
    cn::Dim grid = {cn_ceil_div(cols, tile_cols), parts}, block = {tile_cols, tile_rows};
    if (parts == 1)
        return CN_LAUNCH(call, (layer_norm_backward_parameters<T, T>), grid, block, 0, r, grad_weight, grad_bias,
                         rows_per_part);
    if (call->workspace_bytes < needed || !call->workspace)
        return cn_fail(call, CN_INVALID_ARGUMENT, "a workspace of %lld bytes is needed, %lld were given",
                       static_cast<long long>(needed), static_cast<long long>(call->workspace_bytes));
    acc_t<T>* weight_parts = static_cast<acc_t<T>*>(call->workspace);
    acc_t<T>* bias_parts = weight_parts + parts * cols;
    CN_TRY(CN_LAUNCH(call, (layer_norm_backward_parameters<T, acc_t<T>>), grid, block, 0, r, weight_parts, bias_parts,
                     rows_per_part));
    return CN_LAUNCH(call, (layer_norm_backward_join<T>), cn_ceil_div(cols, 256), 256, 0, weight_parts, bias_parts,
                     grad_weight, grad_bias, parts, cols);
}

CnStatus launch_layer_norm_backward(const CnCall* call) {
    int32_t dtype = cn_arg(call, 1)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return backward<T>(call); });
    return cn_unsupported_dtype(call, dtype);
}

}  // namespace

CN_KERNEL(layer_norm_backward,
          "grad_output, input, weight?, mean, rstd; normalized_shape: ints -> grad_input, grad_weight?, grad_bias?",
          launch_layer_norm_backward, workspace_layer_norm_backward,
          "rows by warp or block, columns in parts that are joined in order");
