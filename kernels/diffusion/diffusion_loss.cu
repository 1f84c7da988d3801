// diffusion_loss: for each sample its weight, found by time step, times the mean of (input - target)^2; the samples' mean
// or sum is joined by a second launch of one block, in order, so that results repeat bit for bit. diffusion_loss_backward:
// weight * 2 / length * (input - target) * the gradient of the sample's loss, element by element.
//
// Variants of the forward
//   1  one thread per sample: the textbook loop, and the variant of choice for points of a few coordinates.
//   2  one block per sample: neighbouring threads read neighbouring elements.
#include "../device/block.cuh"
#include "samples.cuh"

namespace {

constexpr int block = 256;

enum Reduction : int64_t { none = 0, mean = 1, sum = 2 };

template <class T>
struct Loss {
    using A = acc_t<T>;
    const T* __restrict__ input;
    const T* __restrict__ target;
    cn::Timesteps timesteps;
    const A* __restrict__ weight;
    int64_t samples, length;
    A not_there;

    __device__ __forceinline__ A squares(int64_t sample, int64_t first, int64_t step) const {
        A total = 0;
        for (int64_t i = sample * length + first; i < (sample + 1) * length; i += step) {
            A difference = to_acc(input[i]) - to_acc(target[i]);
            total += difference * difference;
        }
        return total;
    }
    __device__ __forceinline__ A weight_of(int64_t sample) const {
        return cn::value_at(weight, timesteps.row(sample), not_there);
    }
    __device__ __forceinline__ A finish(int64_t sample, A total) const {
        return weight_of(sample) * total / static_cast<A>(length);
    }
};

// Out is T where the samples' losses are the result, else the accumulator.
template <class T, class Out>
__global__ void __launch_bounds__(block) diffusion_loss_v1(Loss<T> l, Out* __restrict__ losses) {
    int64_t sample = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (sample < l.samples) losses[sample] = from_acc<Out>(l.finish(sample, l.squares(sample, 0, 1)));
}

template <class T, class Out>
__global__ void __launch_bounds__(block) diffusion_loss_v2(Loss<T> l, Out* __restrict__ losses) {
    int64_t sample = blockIdx.x;
    acc_t<T> total = block_sum<block>(l.squares(sample, threadIdx.x, block));
    if (threadIdx.x == 0) losses[sample] = from_acc<Out>(l.finish(sample, total));
}

template <class T>
__global__ void __launch_bounds__(block)
    join_losses(const acc_t<T>* __restrict__ losses, T* __restrict__ output, int64_t samples, acc_t<T> divisor) {
    acc_t<T> total = 0;
    for (int64_t i = threadIdx.x; i < samples; i += block) total += losses[i];
    total = block_sum<block>(total);
    if (threadIdx.x == 0) *output = from_acc<T>(total / divisor);
}

template <class T, class Out>
CnStatus each_sample(const CnCall* call, const Loss<T>& l, Out* losses) {
    int variant = call->variant ? call->variant : l.length <= 16 ? 1 : 2;
    switch (variant) {
        case 1:
            return CN_LAUNCH(call, (diffusion_loss_v1<T, Out>), cn_ceil_div(l.samples, block), block, 0, l, losses);
        case 2:
            return CN_LAUNCH(call, (diffusion_loss_v2<T, Out>), l.samples, block, 0, l, losses);
        default:
            return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
    }
}

template <class T>
Loss<T> make_loss(const CnCall* call, int first) {
    const CnTensor *input = cn_arg(call, first), *weight = cn_arg(call, first + 3);
    return {cn_data<T>(input),
            cn_data<T>(cn_arg(call, first + 1)),
            {cn_data<int64_t>(cn_arg(call, first + 2)), weight->shape[0]},
            cn_data<acc_t<T>>(weight),
            input->shape[0],
            cn::sample_length(*input),
            acc_t<T>(NAN)};
}

int64_t workspace_diffusion_loss(const CnCall* call) {
    if (cn_attr_int(call, 0) == none) return 0;
    const CnTensor* input = cn_arg(call, 0);
    return input->shape[0] * (input->dtype == CN_F64 ? 8 : 4);
}

CnStatus launch_diffusion_loss(const CnCall* call) {
    const CnTensor* output = cn_arg(call, 4);
    int64_t reduction = cn_attr_int(call, 0);
    CN_DISPATCH_FLOATING(output->dtype, T, {
        using A = acc_t<T>;
        Loss<T> l = make_loss<T>(call, 0);
        if (reduction == none) return each_sample(call, l, cn_data<T>(output));
        A* losses = static_cast<A*>(call->workspace);
        CN_TRY(each_sample(call, l, losses));
        return CN_LAUNCH(call, (join_losses<T>), 1, block, 0, losses, cn_data<T>(output), l.samples,
                         reduction == mean ? static_cast<A>(l.samples) : A(1));
    });
    return cn_unsupported_dtype(call, output->dtype);
}

template <class T, int W>
__global__ void __launch_bounds__(block)
    diffusion_loss_backward_kernel(Loss<T> l, const T* __restrict__ grad_output, T* __restrict__ grad_input,
                                   int64_t grad_step, acc_t<T> scale) {
    using A = acc_t<T>;
    using P = cn::Pack<T, W>;
    int64_t group = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x, groups = l.length / W;
    int64_t sample = group / groups;
    if (sample >= l.samples) return;
    A slope = scale * l.weight_of(sample) * to_acc(grad_output[sample * grad_step]);
    P x = reinterpret_cast<const P*>(l.input)[group], y = reinterpret_cast<const P*>(l.target)[group];
#pragma unroll
    for (int k = 0; k < W; k++) x.at[k] = from_acc<T>(slope * (to_acc(x.at[k]) - to_acc(y.at[k])));
    reinterpret_cast<P*>(grad_input)[group] = x;
}

CnStatus launch_diffusion_loss_backward(const CnCall* call) {
    const CnTensor *grad_output = cn_arg(call, 0), *grad_input = cn_arg(call, 5);
    int64_t reduction = cn_attr_int(call, 0), numel = cn_numel(*grad_input);
    if (numel == 0) return CN_OK;
    CN_DISPATCH_FLOATING(grad_input->dtype, T, {
        using A = acc_t<T>;
        Loss<T> l = make_loss<T>(call, 1);
        constexpr int W = Vec<T>::size;
        bool wide = cn_vectorizes<T>(l.input, l.length) && cn_vectorizes<T>(l.target, l.length) &&
                    cn_vectorizes<T>(grad_input->data, l.length);
        double parts = static_cast<double>(l.length) * static_cast<double>(reduction == mean ? l.samples : 1);
        const T* g = cn_data<T>(grad_output);
        T* gx = cn_data<T>(grad_input);
        int64_t step = reduction == none ? 1 : 0;
        A scale = static_cast<A>(2 / parts);
        int variant = call->variant ? call->variant : wide ? 2 : 1;
        switch (variant) {
            case 1:
                return CN_LAUNCH(call, (diffusion_loss_backward_kernel<T, 1>), cn_ceil_div(numel, block), block, 0, l,
                                 g, gx, step, scale);
            case 2:
                if (!wide) return cn_fail(call, CN_UNSUPPORTED, "variant 2 needs samples of whole 16-byte vectors");
                return CN_LAUNCH(call, (diffusion_loss_backward_kernel<T, W>), cn_ceil_div(numel / W, block), block, 0,
                                 l, g, gx, step, scale);
            default:
                return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
        }
    });
    return cn_unsupported_dtype(call, grad_input->dtype);
}

}  // namespace

CN_KERNEL(diffusion_loss, "input, target, timesteps?, weight; reduction: int -> output", launch_diffusion_loss,
          workspace_diffusion_loss, "one thread per sample", "one block per sample");
CN_KERNEL(diffusion_loss_backward, "grad_output, input, target, timesteps?, weight; reduction: int -> grad_input",
          launch_diffusion_loss_backward, nullptr, "one element per thread", "16-byte vectors");
