// cross_entropy_backward: g (/ total weight for a mean) (sum(q) exp(x - log_sum_exp) - q), with the q of cross_entropy.cu;
// nll_loss_backward: -q g; smoothed_one_hot: q itself. One thread per element, neighbours at neighbouring addresses. A target that is neither a
// class nor ignored makes its row NaN.
//
// A weighted, smoothed loss needs the sum of all class weights: one block adds them up first.
#include "device/block.cuh"

namespace {

constexpr int block = 256;
enum Reduction : int64_t { none = 0, mean = 1, sum = 2 };

// W is the weights' dtype.
template <class W>
struct Targets {
    const int64_t* __restrict__ target;
    const W* __restrict__ weight;  // may be null
    int64_t rows, classes, inner, ignore;
    acc_t<W> smoothing;

    __device__ __forceinline__ acc_t<W> weight_of(int64_t c) const { return weight ? to_acc(weight[c]) : acc_t<W>(1); }
    __device__ __forceinline__ bool valid(int64_t t) const { return t >= 0 && t < classes; }
    __device__ __forceinline__ acc_t<W> on_target(int64_t t) const { return (acc_t<W>(1) - smoothing) * weight_of(t); }
    __device__ __forceinline__ acc_t<W> everywhere(int64_t c) const {
        return smoothing > 0 ? smoothing / static_cast<acc_t<W>>(classes) * weight_of(c) : acc_t<W>(0);
    }
    int64_t numel() const { return rows * classes; }
};

template <class W>
Targets<W> targets(const CnTensor* target, const CnTensor* weight, const CnTensor& logits, int64_t ignore,
                   double smoothing) {
    Targets<W> t = {cn_data<int64_t>(target),
                    cn_data<W>(weight),
                    cn_numel(*target),
                    logits.shape[logits.rank == 1 ? 0 : 1],
                    1,
                    ignore,
                    static_cast<acc_t<W>>(smoothing)};
    for (int d = 2; d < logits.rank; d++) t.inner *= logits.shape[d];
    return t;
}

template <class T>
__global__ void __launch_bounds__(block) add_weights(const T* __restrict__ weight, acc_t<T>* result, int64_t classes) {
    acc_t<T> sum = 0;
    for (int64_t c = threadIdx.x; c < classes; c += block) sum += to_acc(weight[c]);
    sum = block_sum<block>(sum);
    if (threadIdx.x == 0) *result = sum;
}

template <class T>
struct Gradient {
    const T* __restrict__ grad;
    const T* __restrict__ input;
    const acc_t<T>* __restrict__ lse;
    const acc_t<T>* __restrict__ total;
    const acc_t<T>* __restrict__ weights;  // their sum; null when it is the number of classes or not needed
    T* __restrict__ result;
    int64_t reduction;
};

template <class T>
__global__ void __launch_bounds__(block) cross_entropy_backward_kernel(Targets<T> t, Gradient<T> g) {
    int64_t at = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (at >= t.rows * t.classes) return;
    int64_t c = at / t.inner % t.classes, row = at / (t.inner * t.classes) * t.inner + at % t.inner;
    int64_t label = t.target[row];
    acc_t<T> result = 0;
    if (label != t.ignore && !t.valid(label)) {
        result = NAN;
    } else if (label != t.ignore) {
        acc_t<T> scale = to_acc(g.grad[g.reduction == none ? row : 0]);
        if (g.reduction == mean) scale /= *g.total;
        acc_t<T> share = g.weights ? *g.weights / static_cast<acc_t<T>>(t.classes) : acc_t<T>(1);
        acc_t<T> q = t.everywhere(c) + (c == label ? t.on_target(label) : acc_t<T>(0));
        acc_t<T> p = exp(to_acc(g.input[at]) - g.lse[row]);
        result = scale * ((t.on_target(label) + t.smoothing * share) * p - q);
    }
    g.result[at] = from_acc<T>(result);
}

template <class T>
CnStatus backward(const CnCall* call) {
    const CnTensor* input = cn_arg(call, 1);
    auto t = targets<T>(cn_arg(call, 2), cn_arg(call, 3), *input, cn_attr_int(call, 0), cn_attr_float(call, 2));
    bool weighted = t.weight && t.smoothing > 0;
    auto* weights = static_cast<acc_t<T>*>(call->workspace);
    if (weighted) CN_TRY(CN_LAUNCH(call, (add_weights<T>), 1, block, 0, t.weight, weights, t.classes));
    Gradient<T> g = {cn_data<T>(cn_arg(call, 0)),
                     cn_data<T>(input),
                     cn_data<acc_t<T>>(cn_arg(call, 4)),
                     cn_data<acc_t<T>>(cn_arg(call, 5)),
                     weighted ? weights : nullptr,
                     cn_data<T>(cn_arg(call, 6)),
                     cn_attr_int(call, 1)};
    return CN_LAUNCH(call, (cross_entropy_backward_kernel<T>), cn_ceil_div(t.numel(), block), block, 0, t, g);
}

CnStatus launch_backward(const CnCall* call) {
    int32_t dtype = cn_arg(call, 1)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return backward<T>(call); });
    return cn_unsupported_dtype(call, dtype);
}

int64_t workspace(const CnCall* call) { return cn_arg(call, 3) && cn_attr_float(call, 2) > 0 ? 8 : 0; }

template <class T>
__global__ void __launch_bounds__(block) nll_loss_backward_kernel(Targets<T> t, Gradient<T> g) {
    int64_t at = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (at >= t.rows * t.classes) return;
    int64_t c = at / t.inner % t.classes, row = at / (t.inner * t.classes) * t.inner + at % t.inner;
    int64_t label = t.target[row];
    acc_t<T> result = 0;
    if (label != t.ignore && !t.valid(label)) {
        result = NAN;
    } else if (label != t.ignore && c == label) {
        acc_t<T> scale = to_acc(g.grad[g.reduction == none ? row : 0]);
        if (g.reduction == mean) scale /= *g.total;
        result = -t.weight_of(label) * scale;
    }
    g.result[at] = from_acc<T>(result);
}

CnStatus launch_nll_backward(const CnCall* call) {
    const CnTensor* input = cn_arg(call, 1);
    CN_DISPATCH_FLOATING(input->dtype, T, {
        auto t = targets<T>(cn_arg(call, 2), cn_arg(call, 3), *input, cn_attr_int(call, 0), 0);
        Gradient<T> g = {};
        g.grad = cn_data<T>(cn_arg(call, 0));
        g.total = cn_data<acc_t<T>>(cn_arg(call, 4));
        g.result = cn_data<T>(cn_arg(call, 5));
        g.reduction = cn_attr_int(call, 1);
        return CN_LAUNCH(call, (nll_loss_backward_kernel<T>), cn_ceil_div(t.numel(), block), block, 0, t, g);
    });
    return cn_unsupported_dtype(call, input->dtype);
}

template <class T>
__global__ void __launch_bounds__(block) smoothed_one_hot_kernel(Targets<T> t, T* __restrict__ output) {
    int64_t at = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (at >= t.rows * t.classes) return;
    int64_t c = at / t.inner % t.classes, row = at / (t.inner * t.classes) * t.inner + at % t.inner;
    int64_t label = t.target[row];
    acc_t<T> q = 0;
    if (label != t.ignore && !t.valid(label))
        q = NAN;
    else if (label != t.ignore)
        q = t.everywhere(c) + (c == label ? t.on_target(label) : acc_t<T>(0));
    output[at] = from_acc<T>(q);
}

CnStatus launch_one_hot(const CnCall* call) {
    const CnTensor* output = cn_arg(call, 2);
    CN_DISPATCH_FLOATING(output->dtype, T, {
        auto t = targets<T>(cn_arg(call, 0), cn_arg(call, 1), *output, cn_attr_int(call, 1), cn_attr_float(call, 2));
        return CN_LAUNCH(call, (smoothed_one_hot_kernel<T>), cn_ceil_div(t.numel(), block), block, 0, t,
                         cn_data<T>(output));
    });
    return cn_unsupported_dtype(call, output->dtype);
}

}  // namespace

CN_KERNEL(cross_entropy_backward,
          "grad_output, input, target, weight?, log_sum_exp, total_weight; ignore_index: int, reduction: int, "
          "label_smoothing: float -> grad_input",
          launch_backward, workspace, "one thread per element");
CN_KERNEL(nll_loss_backward,
          "grad_output, input, target, weight?, total_weight; ignore_index: int, reduction: int -> grad_input",
          launch_nll_backward, nullptr, "one thread per element");
CN_KERNEL(smoothed_one_hot,
          "target, weight?; num_classes: int, ignore_index: int, label_smoothing: float, dtype: int -> output",
          launch_one_hot, nullptr, "one thread per element");
