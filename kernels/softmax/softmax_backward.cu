// softmax_backward: y (g - sum of g y); log_softmax_backward: g - exp(y) (sum of g). Slices along one axis of a
// contiguous tensor (outer, n, inner).
//
// Variants
//   1  one thread per slice, two passes. For slices that lie side by side (inner > 1); the baseline for dense rows.
//   2  one warp per dense row: short rows do not wait at a barrier.
//   3  one block per dense row; the second reading of the row comes from the cache.
#include "device/block.cuh"

namespace {

template <class T>
struct Slices {
    const T* __restrict__ grad;
    const T* __restrict__ output;
    T* __restrict__ result;
    int64_t outer, n, inner;
};

template <class T, bool LOG>
__device__ __forceinline__ acc_t<T> term(T g, T y) {
    return LOG ? to_acc(g) : to_acc(g) * to_acc(y);
}
template <class T, bool LOG>
__device__ __forceinline__ T finish(T g, T y, acc_t<T> sum) {
    return from_acc<T>(LOG ? to_acc(g) - exp(to_acc(y)) * sum : to_acc(y) * (to_acc(g) - sum));
}

template <class T, bool LOG>
__global__ void __launch_bounds__(256) softmax_backward_v1(Slices<T> s) {
    int64_t slice = static_cast<int64_t>(blockIdx.x) * 256 + threadIdx.x;
    if (slice >= s.outer * s.inner) return;
    int64_t first = slice / s.inner * s.n * s.inner + slice % s.inner;
    acc_t<T> sum = 0;
    for (int64_t i = 0; i < s.n; i++) sum += term<T, LOG>(s.grad[first + i * s.inner], s.output[first + i * s.inner]);
    for (int64_t i = 0; i < s.n; i++) {
        int64_t at = first + i * s.inner;
        s.result[at] = finish<T, LOG>(s.grad[at], s.output[at], sum);
    }
}

// THREADS of a block of BLOCK share a row: a warp (variant 2) or the whole block (variant 3).
template <class T, bool LOG, int BLOCK, int THREADS>
__global__ void __launch_bounds__(BLOCK) softmax_backward_rows(Slices<T> s) {
    int64_t row = static_cast<int64_t>(blockIdx.x) * (BLOCK / THREADS) + threadIdx.x / THREADS;
    int first = threadIdx.x % THREADS;
    bool inside = row < s.outer;
    acc_t<T> sum = 0;
    for (int64_t i = first; inside && i < s.n; i += THREADS)
        sum += term<T, LOG>(s.grad[row * s.n + i], s.output[row * s.n + i]);
    sum = THREADS == 32 ? warp_sum(sum) : block_sum<BLOCK>(sum);
    for (int64_t i = first; inside && i < s.n; i += THREADS)
        s.result[row * s.n + i] = finish<T, LOG>(s.grad[row * s.n + i], s.output[row * s.n + i], sum);
}

template <class T, bool LOG>
CnStatus backward(const CnCall* call) {
    const CnTensor* grad = cn_arg(call, 0);
    int64_t dim = cn_attr_int(call, 0);
    if (dim < 0) dim += grad->rank;
    Slices<T> s = {cn_data<T>(grad), cn_data<T>(cn_arg(call, 1)), cn_data<T>(cn_arg(call, 2)), 1, 1, 1};
    for (int d = 0; d < grad->rank; d++) (d < dim ? s.outer : d == dim ? s.n : s.inner) *= grad->shape[d];
    if (s.n == 0) return CN_OK;
    int variant = call->variant;
    if (variant == 0) variant = s.inner > 1 ? 1 : s.n <= 1024 ? 2 : 3;
    if (variant > 1 && s.inner > 1)
        return cn_fail(call, CN_UNSUPPORTED, "variant %d needs the last axis; slices here are %lld apart", variant,
                       static_cast<long long>(s.inner));
    switch (variant) {
        case 1:
            return CN_LAUNCH(call, (softmax_backward_v1<T, LOG>), cn_ceil_div(s.outer * s.inner, 256), 256, 0, s);
        case 2:
            return CN_LAUNCH(call, (softmax_backward_rows<T, LOG, 128, 32>), cn_ceil_div(s.outer, 4), 128, 0, s);
        case 3:
            return CN_LAUNCH(call, (softmax_backward_rows<T, LOG, 256, 256>), s.outer, 256, 0, s);
        default:
            return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
    }
}

template <bool LOG>
CnStatus launch(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return (backward<T, LOG>(call)); });
    return cn_unsupported_dtype(call, dtype);
}

}  // namespace

#define CN_SOFTMAX_VARIANTS "one thread per slice", "one warp per row; last axis", "one block per row; last axis"
CN_KERNEL(log_softmax_backward, "grad_output, output; dim: int -> grad_input", launch<true>, nullptr,
          CN_SOFTMAX_VARIANTS);
CN_KERNEL(softmax_backward, "grad_output, output; dim: int -> grad_input", launch<false>, nullptr, CN_SOFTMAX_VARIANTS);
