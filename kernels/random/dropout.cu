// dropout: elements become zero with probability p, the others are scaled by 1 / (1 - p); the mask is kept for the
// backward. A thread makes the four elements that share a Philox counter.
#include "device/philox.cuh"

namespace {

constexpr int block = 256;

template <class T>
__global__ void __launch_bounds__(block)
    dropout_kernel(const T* __restrict__ input, RandomState state, T* __restrict__ output, bool* __restrict__ mask,
                   int64_t numel, double p, acc_t<T> scale) {
    int64_t counter = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    int64_t first = counter * 4;
    if (first >= numel) return;
    Uniforms<float> u(state.words(counter));
#pragma unroll
    for (int i = 0; i < 4; i++) {
        if (first + i >= numel) continue;
        bool keep = !(u.at[i] < p);
        output[first + i] = from_acc<T>(keep ? to_acc(input[first + i]) * scale : acc_t<T>(0));
        mask[first + i] = keep;
    }
}

template <class T>
__global__ void __launch_bounds__(block)
    dropout_backward_kernel(const T* __restrict__ grad_output, const bool* __restrict__ mask,
                            T* __restrict__ grad_input, int64_t numel, acc_t<T> scale) {
    int64_t first = static_cast<int64_t>(blockIdx.x) * (block * 4) + threadIdx.x;
#pragma unroll
    for (int i = 0; i < 4; i++) {
        int64_t at = first + i * block;
        if (at < numel) grad_input[at] = from_acc<T>(mask[at] ? to_acc(grad_output[at]) * scale : acc_t<T>(0));
    }
}

template <class T>
acc_t<T> scale_of(double p) {
    return p < 1 ? static_cast<acc_t<T>>(1 / (1 - p)) : acc_t<T>(0);
}

CnStatus launch_dropout(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *state = cn_arg(call, 1), *output = cn_arg(call, 2);
    int64_t numel = cn_numel(*input);
    double p = cn_attr_float(call, 0);
    RandomState from = {cn_data<const int64_t>(state), cn_attr_int(call, 1)};
    CN_DISPATCH_FLOATING(input->dtype, T, {
        return CN_LAUNCH(call, (dropout_kernel<T>), cn_ceil_div(numel, block * 4), block, 0, cn_data<const T>(input),
                         from, cn_data<T>(output), cn_data<bool>(cn_arg(call, 3)), numel, p, scale_of<T>(p));
    });
    return cn_unsupported_dtype(call, input->dtype);
}

CnStatus launch_dropout_backward(const CnCall* call) {
    const CnTensor *grad_output = cn_arg(call, 0), *mask = cn_arg(call, 1), *grad_input = cn_arg(call, 2);
    int64_t numel = cn_numel(*grad_output);
    CN_DISPATCH_FLOATING(grad_output->dtype, T, {
        return CN_LAUNCH(call, (dropout_backward_kernel<T>), cn_ceil_div(numel, block * 4), block, 0,
                         cn_data<const T>(grad_output), cn_data<const bool>(mask), cn_data<T>(grad_input), numel,
                         scale_of<T>(cn_attr_float(call, 0)));
    });
    return cn_unsupported_dtype(call, grad_output->dtype);
}

}  // namespace

CN_KERNEL(dropout, "input, state; p: float, offset: int -> output, mask", launch_dropout, nullptr,
          "one counter, four elements, per thread");
CN_KERNEL(dropout_backward, "grad_output, mask; p: float -> grad_input", launch_dropout_backward, nullptr,
          "four elements per thread");
