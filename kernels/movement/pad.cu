// pad: elements before and after a tensor along its axes, constant, mirrored, repeated or from the other end.
// pad_backward: to each element come the gradients of all places that show it; a thread per element visits them in
// order, so that nothing is written twice and sums repeat bit for bit. Neighbouring axes that are not padded count as
// one, and index arithmetic is in I, 32 bits where the sizes allow. An element's position is computed again for each place,
// of which most have one: arrays that are indexed in a loop would be in memory.
#include "device/convert.cuh"
#include "device/grid.cuh"

namespace {

constexpr int block = 256;

enum Mode { constant, reflect, replicate, circular };

template <class I>
struct Axis {
    I input, before, output;

    // The input position that an output position shows; -1 for none.
    __device__ __forceinline__ I source(int mode, I o) const {
        I at = o - before;
        if (at >= 0 && at < input) return at;
        if (mode == reflect) return at < 0 ? -at : 2 * (input - 1) - at;
        if (mode == replicate) return at < 0 ? 0 : input - 1;
        if (mode == circular) return at < 0 ? at + input : at - input;
        return -1;
    }

    __device__ __forceinline__ bool has_left(int mode, I i) const {
        return (mode == reflect && i >= 1 && i <= before) || (mode == circular && i >= input - before);
    }
    __device__ __forceinline__ bool has_right(int mode, I i) const {
        I after = output - input - before;
        return (mode == reflect && i <= input - 2 && i >= input - 1 - after) || (mode == circular && i < after);
    }
    // The place of element i itself and, where edges are replicated, its neighbours: first to last, which may be none.
    __device__ __forceinline__ I first(int mode, I i) const { return mode == replicate && i == 0 ? 0 : i + before; }
    __device__ __forceinline__ I last(int mode, I i) const {
        if (mode == replicate && i == input - 1) return output - 1;
        I own = i + before;
        return own >= 0 && own < output ? own : own - 1;
    }
    // How many output positions show element i, and the k-th of them.
    __device__ __forceinline__ I count(int mode, I i) const {
        return (has_left(mode, i) ? 1 : 0) + last(mode, i) - first(mode, i) + 1 + (has_right(mode, i) ? 1 : 0);
    }
    __device__ __forceinline__ I place(int mode, I i, I k) const {
        if (has_left(mode, i) && k-- == 0) return before + (mode == reflect ? -i : i - input);
        if (k <= last(mode, i) - first(mode, i)) return first(mode, i) + k;
        return before + (mode == reflect ? 2 * (input - 1) - i : i + input);
    }
};

template <class I>
struct Padding {
    int32_t rank, mode;
    Axis<I> axes[CN_MAX_RANK];
};

template <class T, class I>
__global__ void __launch_bounds__(block) pad_kernel(const T* __restrict__ input, T* __restrict__ output, I numel,
                                                    T value, const __grid_constant__ Padding<I> p) {
    for (I i = static_cast<I>(blockIdx.x) * block + static_cast<I>(threadIdx.x); i < numel;
         i += static_cast<I>(gridDim.x) * block) {
        I rest = i, from = 0, step = 1;
        bool inside = true;
        for (int d = p.rank - 1; d >= 0; d--) {
            I next = rest / p.axes[d].output;
            I source = p.axes[d].source(p.mode, rest - next * p.axes[d].output);
            inside = inside && source >= 0;
            from += source * step;
            step *= p.axes[d].input;
            rest = next;
        }
        output[i] = inside ? input[from] : value;
    }
}

template <class T, class I>
__global__ void __launch_bounds__(block)
    pad_backward_kernel(const T* __restrict__ grad_output, T* __restrict__ grad_input, I numel,
                        const __grid_constant__ Padding<I> p) {
    for (I i = static_cast<I>(blockIdx.x) * block + static_cast<I>(threadIdx.x); i < numel;
         i += static_cast<I>(gridDim.x) * block) {
        I shown = 1, rest = i;
        for (int d = p.rank - 1; d >= 0; d--) {
            I next = rest / p.axes[d].input;
            shown *= p.axes[d].count(p.mode, rest - next * p.axes[d].input);
            rest = next;
        }
        acc_t<T> sum = 0;
        for (I k = 0; k < shown; k++) {
            I which = k, from = 0, step = 1;
            rest = i;
            for (int d = p.rank - 1; d >= 0; d--) {
                const Axis<I>& axis = p.axes[d];
                I next = rest / axis.input, at = rest - next * axis.input;
                I count = axis.count(p.mode, at), next_which = which / count;
                from += axis.place(p.mode, at, which - next_which * count) * step;
                step *= axis.output;
                rest = next;
                which = next_which;
            }
            sum += to_acc(grad_output[from]);
        }
        grad_input[i] = from_acc<T>(sum);
    }
}

template <class I>
Padding<I> make_padding(const CnCall* call, const CnTensor& input, const CnTensor& output) {
    int64_t count;
    const int64_t* pad = cn_attr_ints(call, 0, &count);
    Padding<I> p;
    memset(&p, 0, sizeof p);
    p.mode = static_cast<int32_t>(cn_attr_int(call, 1));
    bool whole = false;  // whether the axis before is not padded
    for (int d = 0; d < input.rank; d++) {
        int64_t pair = 2 * (input.rank - 1 - d);
        bool padded = pair < count && (pad[pair] != 0 || pad[pair + 1] != 0);
        if (whole && !padded) {
            p.axes[p.rank - 1].input *= static_cast<I>(input.shape[d]);
            p.axes[p.rank - 1].output *= static_cast<I>(input.shape[d]);
        } else {
            p.axes[p.rank++] = {static_cast<I>(input.shape[d]), static_cast<I>(padded ? pad[pair] : 0),
                                static_cast<I>(output.shape[d])};
        }
        whole = !padded;
    }
    return p;
}

// Variant 1 counts in 64 bits, variant 2 in 32, which are enough for up to 2^30 elements.
template <class Launch>
CnStatus launch_padding(const CnCall* call, const CnTensor& input, const CnTensor& output, Launch launch) {
    bool narrow = cn_numel(input) <= int64_t(1) << 30 && cn_numel(output) <= int64_t(1) << 30;
    for (int d = 0; d < input.rank; d++)
        narrow = narrow && input.shape[d] <= 1 << 30 && output.shape[d] <= 1 << 30;  // others may be empty
    int variant = call->variant != 0 ? call->variant : narrow ? 2 : 1;
    if (variant == 1) return launch(make_padding<int64_t>(call, input, output), int64_t(0));
    if (!narrow) return cn_fail(call, CN_UNSUPPORTED, "variant 2 takes up to 2^30 elements");
    return launch(make_padding<int32_t>(call, input, output), int32_t(0));
}

int64_t grid_for(int64_t count) { return cn_grid(cn_ceil_div(count, block), 65536); }

CnStatus launch_pad(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *output = cn_arg(call, 1);
    int64_t numel = cn_numel(*output);
    CN_DISPATCH_ALL(output->dtype, T, {
        return launch_padding(call, *input, *output, [&](const auto& padding, auto index) {
            return CN_LAUNCH(call, (pad_kernel<T, decltype(index)>), grid_for(numel), block, 0, cn_data<const T>(input),
                             cn_data<T>(output), numel, cn_convert<T>(cn_attr_float(call, 2)), padding);
        });
    });
    return cn_unsupported_dtype(call, output->dtype);
}

CnStatus launch_pad_backward(const CnCall* call) {
    const CnTensor *grad_output = cn_arg(call, 0), *grad_input = cn_arg(call, 1);
    int64_t numel = cn_numel(*grad_input);
    CN_DISPATCH_FLOATING(grad_input->dtype, T, {
        return launch_padding(call, *grad_input, *grad_output, [&](const auto& padding, auto index) {
            return CN_LAUNCH(call, (pad_backward_kernel<T, decltype(index)>), grid_for(numel), block, 0,
                             cn_data<const T>(grad_output), cn_data<T>(grad_input), numel, padding);
        });
    });
    return cn_unsupported_dtype(call, grad_input->dtype);
}

}  // namespace

CN_KERNEL(pad, "input; pad: ints, mode: int, value: float -> output", launch_pad, nullptr, "one element per thread",
          "the same with 32-bit indices");
CN_KERNEL(pad_backward, "grad_output; pad: ints, mode: int, input_size: ints -> grad_input", launch_pad_backward,
          nullptr, "one element per thread", "the same with 32-bit indices");
