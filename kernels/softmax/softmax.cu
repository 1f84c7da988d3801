// softmax and log_softmax along one axis of a contiguous tensor (outer, n, inner). Everything is computed from x - max,
// so nothing overflows.
//
// Variants
//   1  one thread per slice, two passes: the running maximum and sum together (Milakov and Gimelshein 2018), then the
//      results. Where slices lie side by side (inner > 1) the threads of a warp read neighbouring addresses, and it is
//      the variant of choice; for dense rows it is the baseline.
//   2  one warp per dense row, the row in registers (up to 1024 elements): memory is read once and nothing waits at a
//      barrier.
//   3  one block per dense row, for long rows: running maxima and sums per thread, joined by shuffles; the second
//      reading of the row comes from the cache.
#include "device/block.cuh"
#include "device/running.cuh"

namespace {

template <class T>
struct Slices {
    const T* __restrict__ input;
    T* __restrict__ output;
    int64_t outer, n, inner;
};

template <class T, bool LOG>
__device__ __forceinline__ T finish(acc_t<T> x, acc_t<T> max, acc_t<T> sum_or_log) {
    return from_acc<T>(LOG ? x - max - sum_or_log : exp(x - max) / sum_or_log);
}

template <class T, bool LOG>
__global__ void __launch_bounds__(256) softmax_v1(Slices<T> s) {
    int64_t slice = static_cast<int64_t>(blockIdx.x) * 256 + threadIdx.x;
    if (slice >= s.outer * s.inner) return;
    int64_t first = slice / s.inner * s.n * s.inner + slice % s.inner;
    auto r = Running<acc_t<T>>::none();
    for (int64_t i = 0; i < s.n; i++) r.add(to_acc(s.input[first + i * s.inner]));
    acc_t<T> sum = LOG ? log(r.sum) : r.sum;
    for (int64_t i = 0; i < s.n; i++)
        s.output[first + i * s.inner] = finish<T, LOG>(to_acc(s.input[first + i * s.inner]), r.max, sum);
}

template <class T, bool LOG, int PER_LANE>
__global__ void __launch_bounds__(128) softmax_v2(Slices<T> s) {
    int64_t row = static_cast<int64_t>(blockIdx.x) * 4 + threadIdx.x / 32;
    int lane = threadIdx.x % 32;
    if (row >= s.outer) return;  // whole warps leave, and no barrier follows
    const T* x = s.input + row * s.n;
    acc_t<T> held[PER_LANE];
    acc_t<T> max = -INFINITY, sum = 0;
#pragma unroll
    for (int i = 0; i < PER_LANE; i++) {
        int64_t col = i * 32 + lane;
        held[i] = col < s.n ? to_acc(x[col]) : -INFINITY;
        max = max_nan(max, held[i]);
    }
    max = warp_max(max);
#pragma unroll
    for (int i = 0; i < PER_LANE; i++) {
        acc_t<T> power = exp(held[i] - max);  // 0 beyond the row
        sum += power;
        if (!LOG) held[i] = power;
    }
    sum = warp_sum(sum);
    acc_t<T> last = LOG ? log(sum) : acc_t<T>(1) / sum;
#pragma unroll
    for (int i = 0; i < PER_LANE; i++) {
        int64_t col = i * 32 + lane;
        if (col < s.n) s.output[row * s.n + col] = from_acc<T>(LOG ? held[i] - max - last : held[i] * last);
    }
}

template <class T, bool LOG, int BLOCK>
__global__ void __launch_bounds__(BLOCK) softmax_v3(Slices<T> s) {
    int64_t row = blockIdx.x;
    const T* x = s.input + row * s.n;
    auto r = Running<acc_t<T>>::none();
    for (int64_t i = threadIdx.x; i < s.n; i += BLOCK) r.add(to_acc(x[i]));
    JoinRunning join;
#pragma unroll
    for (int d = 16; d > 0; d >>= 1) {
        r = join(r, lane_xor(r, d));
    }
    r = cn::block_join<BLOCK>(r, join);
    acc_t<T> sum = LOG ? log(r.sum) : r.sum;
    for (int64_t i = threadIdx.x; i < s.n; i += BLOCK)
        s.output[row * s.n + i] = finish<T, LOG>(to_acc(x[i]), r.max, sum);
}

constexpr int64_t longest_warp_row = 1024;

template <class T, bool LOG>
CnStatus forward(const CnCall* call) {
    const CnTensor* input = cn_arg(call, 0);
    int64_t dim = cn_attr_int(call, 0);
    if (dim < 0) dim += input->rank;
    Slices<T> s = {cn_data<T>(input), cn_data<T>(cn_arg(call, 1)), 1, 1, 1};
    for (int d = 0; d < input->rank; d++) (d < dim ? s.outer : d == dim ? s.n : s.inner) *= input->shape[d];
    if (s.n == 0) return CN_OK;
    int variant = call->variant;
    if (variant == 0) variant = s.inner > 1 ? 1 : s.n <= longest_warp_row ? 2 : 3;
    if (variant > 1 && s.inner > 1)
        return cn_fail(call, CN_UNSUPPORTED, "variant %d needs the last axis; slices here are %lld apart", variant,
                       static_cast<long long>(s.inner));
    int64_t grid = cn_ceil_div(s.outer, 4);
    switch (variant) {
        case 1:
            return CN_LAUNCH(call, (softmax_v1<T, LOG>), cn_ceil_div(s.outer * s.inner, 256), 256, 0, s);
        case 2:
            if (s.n > longest_warp_row)
                return cn_fail(call, CN_UNSUPPORTED, "variant 2 holds rows of up to %lld elements, not %lld",
                               static_cast<long long>(longest_warp_row), static_cast<long long>(s.n));
            if (s.n <= 128) return CN_LAUNCH(call, (softmax_v2<T, LOG, 4>), grid, 128, 0, s);
            if (s.n <= 512) return CN_LAUNCH(call, (softmax_v2<T, LOG, 16>), grid, 128, 0, s);
            return CN_LAUNCH(call, (softmax_v2<T, LOG, 32>), grid, 128, 0, s);
        case 3:
            return CN_LAUNCH(call, (softmax_v3<T, LOG, 256>), s.outer, 256, 0, s);
        default:
            return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
    }
}

template <bool LOG>
CnStatus launch(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return (forward<T, LOG>(call)); });
    return cn_unsupported_dtype(call, dtype);
}

}  // namespace

#define CN_SOFTMAX_VARIANTS                                                                           \
    "one thread per slice", "one warp per row, the row in registers; up to 1024 elements, last axis", \
        "one block per row, running maximum and sum; last axis"
CN_KERNEL(log_softmax, "input; dim: int -> output", launch<true>, nullptr, CN_SOFTMAX_VARIANTS);
CN_KERNEL(softmax, "input; dim: int -> output", launch<false>, nullptr, CN_SOFTMAX_VARIANTS);
