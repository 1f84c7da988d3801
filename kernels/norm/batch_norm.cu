// batch_norm: each channel of (N, C, ...) normalised by its statistics or by given ones. One block per channel: a first
// pass takes Welford's moments, a second one, which finds most of the channel in the L2 cache, normalises.
// batch_norm_backward, with h = (x - mean) * rstd:
//   grad_weight = sum of g * h,  grad_bias = sum of g,
//   grad_input = weight * rstd * (g - mean(g) - h * mean(g * h)), without the means where the statistics were given.
// batch_norm_update: running statistics in place.
// A channel's elements are shared out among the threads by their number alone, so results repeat bit for bit.
#include "device/block.cuh"

namespace {

constexpr int block = 256;

// The elements of one channel: runs of `length` neighbours, `step` apart. Each thread steps through them by the size of
// the block, with one division at the start instead of one per element.
struct Run {
    int64_t count, length, step, first;

    template <class Body>
    __device__ __forceinline__ void each(const Body& body) const {
        int64_t batch = threadIdx.x / length, at = threadIdx.x - batch * length;
        int64_t batches = block / length, rest = block - batches * length;
        for (int64_t i = threadIdx.x; i < count; i += block) {
            body(first + batch * step + at);
            batch += batches;
            at += rest;
            if (at >= length) {
                at -= length;
                batch++;
            }
        }
    }
};

struct Channels {
    int64_t batch, channels, length;

    __device__ __forceinline__ Run run(int64_t channel) const {
        return {batch * length, length, channels * length, channel * length};
    }
};

template <class T>
struct Forward {
    const T* __restrict__ input;
    const T* __restrict__ weight;  // may be null, as may bias
    const T* __restrict__ bias;
    const acc_t<T>* __restrict__ given_mean;  // null: to be measured
    const acc_t<T>* __restrict__ given_var;
    T* __restrict__ output;
    acc_t<T>* __restrict__ mean;
    acc_t<T>* __restrict__ var;
    acc_t<T> eps;
    Channels channels;
};

template <class T>
__global__ void __launch_bounds__(block) batch_norm_kernel(Forward<T> f) {
    using A = acc_t<T>;
    int64_t c = blockIdx.x;
    Run run = f.channels.run(c);
    A mean, var;
    if (f.given_mean) {
        mean = f.given_mean[c];
        var = f.given_var[c];
    } else {
        auto moments = Moments<A>::none();
        run.each([&](int64_t at) { moments.add(to_acc(f.input[at])); });
        moments = block_moments<block>(moments);
        mean = moments.mean;
        var = moments.m2 / static_cast<A>(run.count);
        if (threadIdx.x == 0) {
            f.mean[c] = mean;
            f.var[c] = var;
        }
    }
    A slope = A(1) / sqrt(var + f.eps), bias = 0;
    if (f.weight) slope *= to_acc(f.weight[c]);
    if (f.bias) bias = to_acc(f.bias[c]);
    run.each([&](int64_t at) { f.output[at] = from_acc<T>((to_acc(f.input[at]) - mean) * slope + bias); });
}

template <class T>
struct Backward {
    const T* __restrict__ grad_output;
    const T* __restrict__ input;
    const T* __restrict__ weight;  // may be null
    const acc_t<T>* __restrict__ mean;
    const acc_t<T>* __restrict__ var;
    T* __restrict__ grad_input;
    T* __restrict__ grad_weight;
    T* __restrict__ grad_bias;
    acc_t<T> eps;
    bool batch_statistics;
    Channels channels;
};

template <class T>
__global__ void __launch_bounds__(block) batch_norm_backward_kernel(Backward<T> b) {
    using A = acc_t<T>;
    int64_t c = blockIdx.x;
    Run run = b.channels.run(c);
    A mean = b.mean[c], rstd = A(1) / sqrt(b.var[c] + b.eps);
    A sum = 0, dot = 0;
    run.each([&](int64_t at) {
        A g = to_acc(b.grad_output[at]);
        sum += g;
        dot += g * (to_acc(b.input[at]) - mean);
    });
    sum = block_sum<block>(sum);
    dot = block_sum<block>(dot) * rstd;
    if (threadIdx.x == 0) {
        b.grad_bias[c] = from_acc<T>(sum);
        b.grad_weight[c] = from_acc<T>(dot);
    }
    A share = b.batch_statistics && run.count > 0 ? A(1) / static_cast<A>(run.count) : A(0);
    A slope = b.weight ? rstd * to_acc(b.weight[c]) : rstd;
    A shift = sum * share, tilt = dot * share * rstd;
    run.each([&](int64_t at) {
        A g = to_acc(b.grad_output[at]), centred = to_acc(b.input[at]) - mean;
        b.grad_input[at] = from_acc<T>(slope * (g - shift - centred * tilt));
    });
}

template <class T>
__global__ void __launch_bounds__(block)
    batch_norm_update_kernel(T* __restrict__ running_mean, T* __restrict__ running_var, int64_t* __restrict__ batches,
                             const T* __restrict__ mean, const T* __restrict__ var, int64_t channels, acc_t<T> momentum,
                             acc_t<T> correction) {
    int64_t c = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (c == 0) *batches += 1;
    if (c >= channels) return;
    acc_t<T> m = to_acc(running_mean[c]), v = to_acc(running_var[c]);
    running_mean[c] = from_acc<T>(m + momentum * (to_acc(mean[c]) - m));
    running_var[c] = from_acc<T>(v + momentum * (to_acc(var[c]) * correction - v));
}

Channels channels_of(const CnTensor& tensor) {
    Channels channels = {tensor.shape[0], tensor.shape[1], 1};
    for (int d = 2; d < tensor.rank; d++) channels.length *= tensor.shape[d];
    return channels;
}

// Without elements there is nothing to divide among threads, but parameters still have gradients: zeros.
int64_t length_or_one(int64_t length) { return length > 0 ? length : 1; }

CnStatus launch_batch_norm(const CnCall* call) {
    const CnTensor* input = cn_arg(call, 0);
    Channels channels = channels_of(*input);
    channels.length = length_or_one(channels.length);
    if (cn_numel(*input) == 0) channels.batch = 0;
    CN_DISPATCH_FLOATING(input->dtype, T, {
        using A = acc_t<T>;
        Forward<T> f = {cn_data<T>(input),           cn_data<T>(cn_arg(call, 1)),
                        cn_data<T>(cn_arg(call, 2)), cn_data<A>(cn_arg(call, 3)),
                        cn_data<A>(cn_arg(call, 4)), cn_data<T>(cn_arg(call, 5)),
                        cn_data<A>(cn_arg(call, 6)), cn_data<A>(cn_arg(call, 7)),
                        A(cn_attr_float(call, 0)),   channels};
        return CN_LAUNCH(call, (batch_norm_kernel<T>), channels.channels, block, 0, f);
    });
    return cn_unsupported_dtype(call, input->dtype);
}

CnStatus launch_batch_norm_backward(const CnCall* call) {
    const CnTensor* input = cn_arg(call, 1);
    Channels channels = channels_of(*input);
    channels.length = length_or_one(channels.length);
    if (cn_numel(*input) == 0) channels.batch = 0;
    CN_DISPATCH_FLOATING(input->dtype, T, {
        using A = acc_t<T>;
        Backward<T> b = {cn_data<T>(cn_arg(call, 0)),
                         cn_data<T>(input),
                         cn_data<T>(cn_arg(call, 2)),
                         cn_data<A>(cn_arg(call, 3)),
                         cn_data<A>(cn_arg(call, 4)),
                         cn_data<T>(cn_arg(call, 5)),
                         cn_data<T>(cn_arg(call, 6)),
                         cn_data<T>(cn_arg(call, 7)),
                         A(cn_attr_float(call, 1)),
                         cn_attr_bool(call, 0),
                         channels};
        return CN_LAUNCH(call, (batch_norm_backward_kernel<T>), channels.channels, block, 0, b);
    });
    return cn_unsupported_dtype(call, input->dtype);
}

CnStatus launch_batch_norm_update(const CnCall* call) {
    const CnTensor* running_mean = cn_arg(call, 0);
    int64_t channels = cn_numel(*running_mean), grid = cn_ceil_div(channels, block);
    double n = static_cast<double>(cn_attr_int(call, 1));
    CN_DISPATCH_FLOATING(running_mean->dtype, T, {
        using A = acc_t<T>;
        return CN_LAUNCH(call, (batch_norm_update_kernel<T>), grid > 0 ? grid : 1, block, 0, cn_data<T>(running_mean),
                         cn_data<T>(cn_arg(call, 1)), cn_data<int64_t>(cn_arg(call, 2)),
                         cn_data<const T>(cn_arg(call, 3)), cn_data<const T>(cn_arg(call, 4)), channels,
                         A(cn_attr_float(call, 0)), A(n / (n - 1)));
    });
    return cn_unsupported_dtype(call, running_mean->dtype);
}

}  // namespace

CN_KERNEL(batch_norm, "input, weight?, bias?, running_mean?, running_var?; eps: float -> output, mean?, var?",
          launch_batch_norm, nullptr, "one block per channel, Welford moments");
CN_KERNEL(batch_norm_backward,
          "grad_output, input, weight?, mean, var; batch_statistics: bool, eps: float -> grad_input, grad_weight, "
          "grad_bias",
          launch_batch_norm_backward, nullptr, "one block per channel");
CN_KERNEL(batch_norm_update,
          "running_mean!, running_var!, num_batches_tracked!, mean, var; momentum: float, count: int",
          launch_batch_norm_update, nullptr, "one thread per channel");
