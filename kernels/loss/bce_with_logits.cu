// bce_with_logits: w (p y softplus(-x) + (1 - y) softplus(x)) for logits x and targets y, with optional weights w and p that
// broadcast; both terms are positive, so nothing cancels. bce_with_logits_backward: g w ((1 - y) s(x) - p y s(-x)).
// A mean or a sum is added up by a grid whose size follows from the number of elements alone: each block leaves one partial
// sum, and a second kernel of one block adds them, so the order is fixed.
#include "device/block.cuh"
#include "device/grid.cuh"
#include "device/index.cuh"

namespace {

constexpr int block = 256, most_blocks = 1024;
enum Reduction : int64_t { none = 0, mean = 1, sum = 2 };

template <class T>
struct Elements {
    const T* __restrict__ input;
    const T* __restrict__ target;
    const T* __restrict__ weight;    // may be null
    const T* __restrict__ positive;  // may be null
    Walk<2> weights;                 // where the two weights of an element lie
    int64_t numel;

    __device__ __forceinline__ void read_weights(int64_t i, acc_t<T>& w, acc_t<T>& p) const {
        w = p = 1;
        if (!weight && !positive) return;
        int64_t at[2];
        weights.offsets(i, at);
        if (weight) w = to_acc(weight[at[0]]);
        if (positive) p = to_acc(positive[at[1]]);
    }
    __device__ __forceinline__ acc_t<T> loss(int64_t i) const {
        using A = acc_t<T>;
        A x = to_acc(input[i]), y = to_acc(target[i]), w, p;
        read_weights(i, w, p);
        A rest = log1p(exp(x < A(0) ? x : -x));
        A above = (x < A(0) ? A(0) : x) + rest, below = (x < A(0) ? -x : A(0)) + rest;
        return w * (p * y * below + (A(1) - y) * above);
    }
    __device__ __forceinline__ acc_t<T> slope(int64_t i) const {
        using A = acc_t<T>;
        A x = to_acc(input[i]), y = to_acc(target[i]), w, p;
        read_weights(i, w, p);
        A e = exp(x < A(0) ? x : -x), large = A(1) / (A(1) + e), small = e * large;
        return w * ((A(1) - y) * (x < A(0) ? small : large) - p * y * (x < A(0) ? large : small));
    }
};

template <class T>
Elements<T> elements(const CnCall* call, int first) {
    const CnTensor *input = cn_arg(call, first), *weight = cn_arg(call, first + 2), *positive = cn_arg(call, first + 3);
    const CnTensor* const both[2] = {weight ? weight : input, positive ? positive : input};
    return {cn_data<T>(input),    cn_data<T>(cn_arg(call, first + 1)), cn_data<T>(weight),
            cn_data<T>(positive), make_walk<2>(*input, both),          cn_numel(*input)};
}

template <class T>
__global__ void __launch_bounds__(block) bce_losses(Elements<T> s, T* __restrict__ output) {
    int64_t i = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (i < s.numel) output[i] = from_acc<T>(s.loss(i));
}

template <class T>
__global__ void __launch_bounds__(block) bce_partial(Elements<T> s, acc_t<T>* __restrict__ partial) {
    acc_t<T> total = 0;
    int64_t stride = static_cast<int64_t>(gridDim.x) * block;
    for (int64_t i = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x; i < s.numel; i += stride)
        total += s.loss(i);
    total = block_sum<block>(total);
    if (threadIdx.x == 0) partial[blockIdx.x] = total;
}

template <class T>
__global__ void __launch_bounds__(block)
    bce_total(const acc_t<T>* __restrict__ partial, int64_t count, T* __restrict__ output, acc_t<T> divisor) {
    acc_t<T> total = 0;
    for (int64_t i = threadIdx.x; i < count; i += block) total += partial[i];
    total = block_sum<block>(total);
    if (threadIdx.x == 0) *output = from_acc<T>(total / divisor);
}

template <class T>
__global__ void __launch_bounds__(block)
    bce_backward(Elements<T> s, const T* __restrict__ grad, bool each, acc_t<T> divisor, T* __restrict__ output) {
    int64_t i = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (i < s.numel) output[i] = from_acc<T>(to_acc(grad[each ? i : 0]) / divisor * s.slope(i));
}

int64_t blocks_of(int64_t numel) {
    constexpr int64_t per_thread = 8;
    return cn_grid(cn_ceil_div(numel, block * per_thread), most_blocks);
}

template <class T>
CnStatus forward(const CnCall* call) {
    auto s = elements<T>(call, 0);
    int64_t reduction = cn_attr_int(call, 0);
    T* output = cn_data<T>(cn_arg(call, 4));
    if (reduction == none) return CN_LAUNCH(call, (bce_losses<T>), cn_ceil_div(s.numel, block), block, 0, s, output);
    auto* partial = static_cast<acc_t<T>*>(call->workspace);
    int64_t blocks = blocks_of(s.numel);
    CN_TRY(CN_LAUNCH(call, (bce_partial<T>), blocks, block, 0, s, partial));
    return CN_LAUNCH(call, (bce_total<T>), 1, block, 0, partial, blocks, output,
                     reduction == mean ? static_cast<acc_t<T>>(s.numel) : acc_t<T>(1));
}

CnStatus launch_forward(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return forward<T>(call); });
    return cn_unsupported_dtype(call, dtype);
}

CnStatus launch_backward(const CnCall* call) {
    int32_t dtype = cn_arg(call, 1)->dtype;
    int64_t reduction = cn_attr_int(call, 0);
    CN_DISPATCH_FLOATING(dtype, T, {
        auto s = elements<T>(call, 1);
        return CN_LAUNCH(call, (bce_backward<T>), cn_ceil_div(s.numel, block), block, 0, s,
                         cn_data<const T>(cn_arg(call, 0)), reduction == none,
                         reduction == mean ? static_cast<acc_t<T>>(s.numel) : acc_t<T>(1), cn_data<T>(cn_arg(call, 5)));
    });
    return cn_unsupported_dtype(call, dtype);
}

int64_t workspace(const CnCall* call) {
    return cn_attr_int(call, 0) == none ? 0 : blocks_of(cn_numel(*cn_arg(call, 0))) * 8;
}

}  // namespace

CN_KERNEL(bce_with_logits, "input, target, weight?, pos_weight?; reduction: int -> output", launch_forward, workspace,
          "one thread per element, partial sums");
CN_KERNEL(bce_with_logits_backward, "grad_output, input, target, weight?, pos_weight?; reduction: int -> grad_input",
          launch_backward, nullptr, "one thread per element");
