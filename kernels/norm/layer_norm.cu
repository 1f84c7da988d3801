// layer_norm: y = (x - mean) * rstd * weight + bias over the last axes (Ba, Kiros, Hinton 2016).
//
// Variants of the forward
//   1  one thread per row: the textbook loop. Neighbouring threads read addresses a row apart, so nearly every load
//      fetches a sector of its own; kept as the baseline.
//   2  one block per row: neighbouring threads read neighbouring elements, each thread keeps Welford moments, warps
//   merge
//      them by shuffles. Stable in one pass; the division per element limits it.
//   3  one warp per row, the row in registers (up to 1024 elements), 16-byte loads where alignment allows: memory is
//   read
//      once, the mean and the deviations are summed in two passes without divisions, and nothing waits at a barrier.
//   4  one block per row, 16-byte loads, moments made per vector and then merged: one division per 16 bytes. The second
//      reading of the row comes from the cache. For long rows.
#include "device/block.cuh"
#include "device/vec.cuh"

namespace {

template <class T>
struct Rows {
    const T* __restrict__ input;
    const T* __restrict__ weight;  // may be null
    const T* __restrict__ bias;    // may be null
    T* __restrict__ output;
    acc_t<T>* __restrict__ mean;
    acc_t<T>* __restrict__ rstd;
    int64_t rows, cols;
    acc_t<T> eps;

    __device__ __forceinline__ T apply(T x, int64_t col, acc_t<T> mu, acc_t<T> scale) const {
        acc_t<T> y = (to_acc(x) - mu) * scale;
        if (weight) y *= to_acc(weight[col]);
        if (bias) y += to_acc(bias[col]);
        return from_acc<T>(y);
    }
};

template <class A>
__device__ __forceinline__ A inverse_deviation(A m2, int64_t cols, A eps) {
    return A(1) / sqrt(m2 / static_cast<A>(cols) + eps);
}

template <class T>
__global__ void __launch_bounds__(256) layer_norm_forward_v1(Rows<T> r) {
    int64_t row = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (row >= r.rows) return;
    const T* x = r.input + row * r.cols;
    acc_t<T> sum = 0, m2 = 0;
    for (int64_t i = 0; i < r.cols; i++) sum += to_acc(x[i]);
    acc_t<T> mean = sum / static_cast<acc_t<T>>(r.cols);
    for (int64_t i = 0; i < r.cols; i++) {
        acc_t<T> d = to_acc(x[i]) - mean;
        m2 += d * d;
    }
    acc_t<T> rstd = inverse_deviation(m2, r.cols, r.eps);
    for (int64_t i = 0; i < r.cols; i++) r.output[row * r.cols + i] = r.apply(x[i], i, mean, rstd);
    r.mean[row] = mean;
    r.rstd[row] = rstd;
}

template <class T, int BLOCK>
__global__ void __launch_bounds__(BLOCK) layer_norm_forward_v2(Rows<T> r) {
    int64_t row = blockIdx.x;
    const T* x = r.input + row * r.cols;
    auto moments = Moments<acc_t<T>>::none();
    for (int64_t i = threadIdx.x; i < r.cols; i += BLOCK) moments.add(to_acc(x[i]));
    moments = block_moments<BLOCK>(moments);
    acc_t<T> rstd = inverse_deviation(moments.m2, r.cols, r.eps);
    for (int64_t i = threadIdx.x; i < r.cols; i += BLOCK)
        r.output[row * r.cols + i] = r.apply(x[i], i, moments.mean, rstd);
    if (threadIdx.x == 0) {
        r.mean[row] = moments.mean;
        r.rstd[row] = rstd;
    }
}

// Each lane holds PER_LANE elements, in groups of V consecutive ones.
template <class T, int PER_LANE, bool WIDE>
__global__ void __launch_bounds__(128) layer_norm_forward_v3(Rows<T> r) {
    constexpr int V = WIDE ? Vec<T>::size : 1;
    int64_t row = static_cast<int64_t>(blockIdx.x) * 4 + threadIdx.x / 32;
    int lane = threadIdx.x % 32;
    if (row >= r.rows) return;  // whole warps leave, and no barrier follows
    const T* x = r.input + row * r.cols;
    T held[PER_LANE];
    acc_t<T> sum = 0;
#pragma unroll
    for (int i = 0; i < PER_LANE; i += V) {
        int64_t col = i * 32 + lane * V;
        if (col >= r.cols) continue;
        if constexpr (WIDE) {
            Vec<T> v = load_vec(x + col);
#pragma unroll
            for (int k = 0; k < V; k++) held[i + k] = v.at[k];
        } else {
            held[i] = x[col];
        }
#pragma unroll
        for (int k = 0; k < V; k++) sum += to_acc(held[i + k]);
    }
    acc_t<T> mean = warp_sum(sum) / static_cast<acc_t<T>>(r.cols);
    acc_t<T> m2 = 0;
#pragma unroll
    for (int i = 0; i < PER_LANE; i += V) {
        if (i * 32 + lane * V >= r.cols) continue;
#pragma unroll
        for (int k = 0; k < V; k++) {
            acc_t<T> d = to_acc(held[i + k]) - mean;
            m2 += d * d;
        }
    }
    acc_t<T> rstd = inverse_deviation(warp_sum(m2), r.cols, r.eps);
#pragma unroll
    for (int i = 0; i < PER_LANE; i += V) {
        int64_t col = i * 32 + lane * V;
        if (col >= r.cols) continue;
        if constexpr (WIDE) {
            Vec<T> v;
#pragma unroll
            for (int k = 0; k < V; k++) v.at[k] = r.apply(held[i + k], col + k, mean, rstd);
            store_vec(r.output + row * r.cols + col, v);
        } else {
            r.output[row * r.cols + col] = r.apply(held[i], col, mean, rstd);
        }
    }
    if (lane == 0) {
        r.mean[row] = mean;
        r.rstd[row] = rstd;
    }
}

template <class T, int BLOCK>
__global__ void __launch_bounds__(BLOCK) layer_norm_forward_v4(Rows<T> r) {
    constexpr int V = Vec<T>::size;
    int64_t row = blockIdx.x;
    const T* x = r.input + row * r.cols;
    auto moments = Moments<acc_t<T>>::none();
    for (int64_t i = threadIdx.x * V; i < r.cols; i += BLOCK * V) {
        Vec<T> v = load_vec(x + i);
        Moments<acc_t<T>> group = {acc_t<T>(V), 0, 0};
#pragma unroll
        for (int k = 0; k < V; k++) group.mean += to_acc(v.at[k]);
        group.mean /= acc_t<T>(V);
#pragma unroll
        for (int k = 0; k < V; k++) {
            acc_t<T> d = to_acc(v.at[k]) - group.mean;
            group.m2 += d * d;
        }
        moments.merge(group);
    }
    moments = block_moments<BLOCK>(moments);
    acc_t<T> rstd = inverse_deviation(moments.m2, r.cols, r.eps);
    for (int64_t i = threadIdx.x * V; i < r.cols; i += BLOCK * V) {
        Vec<T> v = load_vec(x + i);
#pragma unroll
        for (int k = 0; k < V; k++) v.at[k] = r.apply(v.at[k], i + k, moments.mean, rstd);
        store_vec(r.output + row * r.cols + i, v);
    }
    if (threadIdx.x == 0) {
        r.mean[row] = moments.mean;
        r.rstd[row] = rstd;
    }
}

constexpr int64_t longest_warp_row = 1024;

template <class T, bool WIDE>
CnStatus launch_v3(const CnCall* call, const Rows<T>& r) {
    int64_t grid = cn_ceil_div(r.rows, 4);
    if (r.cols <= 256) return CN_LAUNCH(call, (layer_norm_forward_v3<T, 8, WIDE>), grid, 128, 0, r);
    if (r.cols <= 512) return CN_LAUNCH(call, (layer_norm_forward_v3<T, 16, WIDE>), grid, 128, 0, r);
    return CN_LAUNCH(call, (layer_norm_forward_v3<T, 32, WIDE>), grid, 128, 0, r);
}

int64_t row_length(const CnCall* call) {
    int64_t count, length = 1;
    const int64_t* shape = cn_attr_ints(call, 0, &count);
    for (int64_t i = 0; i < count; i++) length *= shape[i];
    return length;
}

CnStatus check_rows(const CnCall* call, const CnTensor* input, int64_t cols, int64_t* rows) {
    int64_t numel = cn_numel(*input);
    if (cols < 1 || numel % cols != 0)
        return cn_fail(call, CN_INVALID_ARGUMENT, "rows of %lld elements do not divide an input of %lld",
                       static_cast<long long>(cols), static_cast<long long>(numel));
    *rows = numel / cols;
    return CN_OK;
}

template <class T>
CnStatus forward(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *output = cn_arg(call, 3);
    Rows<T> r = {cn_data<T>(input),
                 cn_data<T>(cn_arg(call, 1)),
                 cn_data<T>(cn_arg(call, 2)),
                 cn_data<T>(output),
                 cn_data<acc_t<T>>(cn_arg(call, 4)),
                 cn_data<acc_t<T>>(cn_arg(call, 5)),
                 0,
                 row_length(call),
                 static_cast<acc_t<T>>(cn_attr_float(call, 1))};
    CN_TRY(check_rows(call, input, r.cols, &r.rows));
    bool wide = cn_vectorizes<T>(r.input, r.cols) && cn_vectorizes<T>(r.output, r.cols);
    int variant = call->variant;
    if (variant == 0) variant = r.cols <= longest_warp_row ? 3 : wide ? 4 : 2;
    switch (variant) {
        case 1:
            return CN_LAUNCH(call, (layer_norm_forward_v1<T>), cn_ceil_div(r.rows, 256), 256, 0, r);
        case 2:
            return CN_LAUNCH(call, (layer_norm_forward_v2<T, 256>), r.rows, 256, 0, r);
        case 3:
            if (r.cols > longest_warp_row)
                return cn_fail(call, CN_UNSUPPORTED, "variant 3 holds rows of up to %lld elements, not %lld",
                               static_cast<long long>(longest_warp_row), static_cast<long long>(r.cols));
            return wide ? launch_v3<T, true>(call, r) : launch_v3<T, false>(call, r);
        case 4:
            if (!wide) return cn_fail(call, CN_UNSUPPORTED, "variant 4 needs rows that start at multiples of 16 bytes");
            return CN_LAUNCH(call, (layer_norm_forward_v4<T, 256>), r.rows, 256, 0, r);
        default:
            return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
    }
}

CnStatus launch_layer_norm(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return forward<T>(call); });
    return cn_unsupported_dtype(call, dtype);
}

}  // namespace

CN_KERNEL(layer_norm, "input, weight?, bias?; normalized_shape: ints, eps: float -> output, mean, rstd",
          launch_layer_norm, nullptr, "one thread per row", "one block per row, Welford moments merged by shuffles",
          "one warp per row, the row in registers, 16-byte loads; up to 1024 columns",
          "one block per row, 16-byte loads, moments per vector");
