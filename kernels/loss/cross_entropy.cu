// cross_entropy: -sum over the classes of q log softmax(x), with q = (1 - e) w at the target plus e w / C everywhere
// (Szegedy et al. 2016 for the smoothing), and log_sum_exp for the backward. Row r of the logits (N, C, inner) starts at
// r / inner * C * inner + r % inner. A target that is neither a class nor ignored makes the loss NaN: kernels cannot
// throw, and nothing is read out of bounds.
//
// nll_loss takes log-probabilities and reads one of each row; it adds up its losses in the same way.
//
// Variants of cross_entropy
//   1  one thread per row: for rows that lie side by side (inner > 1), and the baseline.
//   2  one warp per row.
//   3  one block per row, for many classes.
// Mean and sum take a second kernel, one block that adds up all rows in a fixed order.
#include "device/block.cuh"

namespace {

enum Reduction : int64_t { none = 0, mean = 1, sum = 2 };

template <class T>
struct Rows {
    const T* __restrict__ input;
    const int64_t* __restrict__ target;
    const T* __restrict__ weight;  // may be null
    T* __restrict__ output;
    acc_t<T>* __restrict__ lse;
    acc_t<T>* __restrict__ total;
    acc_t<T>* __restrict__ losses;  // workspace; null when the output takes the losses themselves
    int64_t rows, classes, inner, ignore;
    acc_t<T> smoothing;

    __device__ __forceinline__ acc_t<T> weight_of(int64_t c) const { return weight ? to_acc(weight[c]) : acc_t<T>(1); }
    __device__ __forceinline__ bool valid(int64_t t) const { return t >= 0 && t < classes; }
    __device__ __forceinline__ const T* row(int64_t r) const { return input + r / inner * classes * inner + r % inner; }
};

// THREADS of a block of BLOCK share a row.
template <class T, int BLOCK, int THREADS>
__global__ void __launch_bounds__(BLOCK) cross_entropy_rows(Rows<T> s) {
    int64_t r = static_cast<int64_t>(blockIdx.x) * (BLOCK / THREADS) + threadIdx.x / THREADS;
    int first = threadIdx.x % THREADS;
    bool inside = r < s.rows;
    const T* x = s.row(inside ? r : 0);
    acc_t<T> max = -INFINITY;
    for (int64_t c = first; inside && c < s.classes; c += THREADS) max = max_nan(max, to_acc(x[c * s.inner]));
    if (THREADS > 1) max = THREADS == 32 ? warp_max(max) : block_max<BLOCK>(max);
    // The smoothed part is summed from x - max, which is small, not from x.
    acc_t<T> powers = 0, spread = 0, weights = 0;
    for (int64_t c = first; inside && c < s.classes; c += THREADS) {
        acc_t<T> z = to_acc(x[c * s.inner]) - max;
        powers += exp(z);
        if (s.smoothing > 0) {
            spread += s.weight_of(c) * z;
            weights += s.weight_of(c);
        }
    }
    if (THREADS > 1) {
        powers = THREADS == 32 ? warp_sum(powers) : block_sum<BLOCK>(powers);
        spread = THREADS == 32 ? warp_sum(spread) : block_sum<BLOCK>(spread);
        weights = THREADS == 32 ? warp_sum(weights) : block_sum<BLOCK>(weights);
    }
    if (!inside || first != 0) return;
    acc_t<T> log_sum = log(powers);
    int64_t t = s.target[r];
    s.lse[r] = max + log_sum;
    acc_t<T> loss = 0;
    if (t != s.ignore) {
        loss = NAN;
        if (s.valid(t)) {
            loss = (acc_t<T>(1) - s.smoothing) * s.weight_of(t) * (log_sum - (to_acc(x[t * s.inner]) - max));
            if (s.smoothing > 0) loss += s.smoothing / static_cast<acc_t<T>>(s.classes) * (weights * log_sum - spread);
        }
    }
    if (s.losses)
        s.losses[r] = loss;
    else
        s.output[r] = from_acc<T>(loss);
}

// One block: the weights of all targets and, unless every loss is an output, the losses.
template <class T, int BLOCK>
__global__ void __launch_bounds__(BLOCK) cross_entropy_total(Rows<T> s, bool divide) {
    acc_t<T> loss = 0, weights = 0;
    for (int64_t r = threadIdx.x; r < s.rows; r += BLOCK) {
        int64_t t = s.target[r];
        if (t != s.ignore) weights += s.valid(t) ? s.weight_of(t) : acc_t<T>(0);
        if (s.losses) loss += s.losses[r];
    }
    weights = block_sum<BLOCK>(weights);
    loss = block_sum<BLOCK>(loss);
    if (threadIdx.x != 0) return;
    *s.total = weights;
    if (s.losses) *s.output = from_acc<T>(divide ? loss / weights : loss);
}

// nll_loss: one thread per row.
template <class T, int BLOCK>
__global__ void __launch_bounds__(BLOCK) nll_rows(Rows<T> s) {
    int64_t r = static_cast<int64_t>(blockIdx.x) * BLOCK + threadIdx.x;
    if (r >= s.rows) return;
    int64_t t = s.target[r];
    acc_t<T> loss = 0;
    if (t != s.ignore) loss = s.valid(t) ? -s.weight_of(t) * to_acc(s.row(r)[t * s.inner]) : acc_t<T>(NAN);
    if (s.losses)
        s.losses[r] = loss;
    else
        s.output[r] = from_acc<T>(loss);
}

int64_t count_classes(const CnTensor& input) { return input.shape[input.rank == 1 ? 0 : 1]; }
int64_t count_inner(const CnTensor& input) {
    int64_t inner = 1;
    for (int d = 2; d < input.rank; d++) inner *= input.shape[d];
    return inner;
}

template <class T>
CnStatus forward(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *target = cn_arg(call, 1);
    int64_t reduction = cn_attr_int(call, 1);
    Rows<T> s = {cn_data<T>(input),
                 cn_data<int64_t>(target),
                 cn_data<T>(cn_arg(call, 2)),
                 cn_data<T>(cn_arg(call, 3)),
                 cn_data<acc_t<T>>(cn_arg(call, 4)),
                 cn_data<acc_t<T>>(cn_arg(call, 5)),
                 reduction == none ? nullptr : static_cast<acc_t<T>*>(call->workspace),
                 cn_numel(*target),
                 count_classes(*input),
                 count_inner(*input),
                 cn_attr_int(call, 0),
                 static_cast<acc_t<T>>(cn_attr_float(call, 2))};
    int variant = call->variant;
    if (variant == 0) variant = s.inner > 1 ? 1 : s.classes <= 2048 ? 2 : 3;
    switch (variant) {
        case 1:
            CN_TRY(CN_LAUNCH(call, (cross_entropy_rows<T, 128, 1>), cn_ceil_div(s.rows, 128), 128, 0, s));
            break;
        case 2:
            CN_TRY(CN_LAUNCH(call, (cross_entropy_rows<T, 128, 32>), cn_ceil_div(s.rows, 4), 128, 0, s));
            break;
        case 3:
            CN_TRY(CN_LAUNCH(call, (cross_entropy_rows<T, 256, 256>), s.rows, 256, 0, s));
            break;
        default:
            return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
    }
    return CN_LAUNCH(call, (cross_entropy_total<T, 256>), 1, 256, 0, s, reduction == mean);
}

template <class T>
CnStatus nll_forward(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *target = cn_arg(call, 1);
    int64_t reduction = cn_attr_int(call, 1);
    Rows<T> s = {};
    s.input = cn_data<T>(input);
    s.target = cn_data<int64_t>(target);
    s.weight = cn_data<T>(cn_arg(call, 2));
    s.output = cn_data<T>(cn_arg(call, 3));
    s.total = cn_data<acc_t<T>>(cn_arg(call, 4));
    s.losses = reduction == none ? nullptr : static_cast<acc_t<T>*>(call->workspace);
    s.rows = cn_numel(*target);
    s.classes = count_classes(*input);
    s.inner = count_inner(*input);
    s.ignore = cn_attr_int(call, 0);
    CN_TRY(CN_LAUNCH(call, (nll_rows<T, 256>), cn_ceil_div(s.rows, 256), 256, 0, s));
    return CN_LAUNCH(call, (cross_entropy_total<T, 256>), 1, 256, 0, s, reduction == mean);
}

CnStatus launch_nll(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return nll_forward<T>(call); });
    return cn_unsupported_dtype(call, dtype);
}

CnStatus launch_cross_entropy(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return forward<T>(call); });
    return cn_unsupported_dtype(call, dtype);
}

// A loss per row; at least one, so that the pointer tells that losses are to be added up.
int64_t workspace(const CnCall* call) {
    return cn_attr_int(call, 1) == none ? 0 : (cn_numel(*cn_arg(call, 1)) + 1) * 8;
}

}  // namespace

CN_KERNEL(cross_entropy,
          "input, target, weight?; ignore_index: int, reduction: int, label_smoothing: float -> output, log_sum_exp, "
          "total_weight",
          launch_cross_entropy, workspace, "one thread per row", "one warp per row", "one block per row");
CN_KERNEL(nll_loss, "input, target, weight?; ignore_index: int, reduction: int -> output, total_weight", launch_nll,
          workspace, "one thread per row");
