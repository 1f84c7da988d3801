// act_norm: y = x * scale[c] + bias[c] for each channel, or (x - bias[c]) / scale[c] for the inverse, and for each sample
// the log-determinant, positions * sum of log|scale| or its negative (Kingma, Dhariwal 2018). The log-determinant depends
// on the parameters alone, so one block more than the elements need sums it beside them: still one launch.
//
// Variants
//   1  one element per thread.
//   2  16 bytes per thread and access; a group may cross channels, so the channel is counted on within it.
#include "../device/block.cuh"
#include "../device/elementwise.cuh"
#include "../device/vec.cuh"

namespace {

constexpr int block = 256;

template <class T>
struct ActNorm {
    using A = acc_t<T>;
    const T* __restrict__ input;
    const T* __restrict__ scale;
    const T* __restrict__ bias;  // may be null
    T* __restrict__ output;
    A* __restrict__ log_det;
    int64_t numel, samples, channels, positions;
    bool inverse;

    __device__ __forceinline__ T apply(T x, int64_t channel) const {
        A s = to_acc(scale[channel]), b = bias ? to_acc(bias[channel]) : A(0);
        return from_acc<T>(inverse ? (to_acc(x) - b) / s : to_acc(x) * s + b);
    }
    __device__ __forceinline__ void put_log_det() const {
        A sum = 0;
        for (int64_t c = threadIdx.x; c < channels; c += block) sum += log(fabs(to_acc(scale[c])));
        sum = block_sum<block>(sum) * static_cast<A>(positions);
        for (int64_t n = threadIdx.x; n < samples; n += block) log_det[n] = inverse ? -sum : sum;
    }
};

template <class T, int W>
__global__ void __launch_bounds__(block) act_norm_kernel(ActNorm<T> a) {
    if (blockIdx.x == 0) {  // the whole block: the others have no barrier
        a.put_log_det();
        return;
    }
    int64_t first = ((static_cast<int64_t>(blockIdx.x) - 1) * block + threadIdx.x) * W;
    if (first >= a.numel) return;
    int64_t plane = first / a.positions, position = first - plane * a.positions, channel = plane % a.channels;
    auto group = *reinterpret_cast<const cn::Pack<T, W>*>(a.input + first);
#pragma unroll
    for (int k = 0; k < W; k++) {
        group.at[k] = a.apply(group.at[k], channel);
        if (++position < a.positions) continue;
        position = 0;
        if (++channel == a.channels) channel = 0;
    }
    *reinterpret_cast<cn::Pack<T, W>*>(a.output + first) = group;
}

CnStatus launch_act_norm(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *output = cn_arg(call, 3);
    int64_t numel = cn_numel(*input), positions = 1;
    for (int d = 2; d < input->rank; d++) positions *= input->shape[d];
    CN_DISPATCH_FLOATING(input->dtype, T, {
        ActNorm<T> a = {cn_data<T>(input),
                        cn_data<T>(cn_arg(call, 1)),
                        cn_data<T>(cn_arg(call, 2)),
                        cn_data<T>(output),
                        cn_data<acc_t<T>>(cn_arg(call, 4)),
                        numel,
                        input->shape[0],
                        input->shape[1],
                        positions,
                        cn_attr_bool(call, 0)};
        bool wide = cn_vectorizes<T>(input->data, numel) && cn_vectorizes<T>(output->data, numel);
        constexpr int W = Vec<T>::size;
        int variant = call->variant ? call->variant : wide ? 2 : 1;
        switch (variant) {
            case 1:
                return CN_LAUNCH(call, (act_norm_kernel<T, 1>), 1 + cn_ceil_div(numel, block), block, 0, a);
            case 2:
                if (!wide) return cn_fail(call, CN_UNSUPPORTED, "variant 2 needs whole 16-byte vectors");
                return CN_LAUNCH(call, (act_norm_kernel<T, W>), 1 + cn_ceil_div(numel / W, block), block, 0, a);
            default:
                return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
        }
    });
    return cn_unsupported_dtype(call, input->dtype);
}

}  // namespace

CN_KERNEL(act_norm, "input, scale, bias?; inverse: bool -> output, log_det", launch_act_norm, nullptr,
          "one element per thread", "16-byte vectors");
