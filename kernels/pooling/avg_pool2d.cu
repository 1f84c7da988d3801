// avg_pool2d, adaptive_avg_pool2d: the mean of each window. The adjoints give each element the divided gradients of the
// windows over it; a thread per element visits them in order, so that nothing is written twice and sums repeat bit for
// bit.
#include "device/window.cuh"

namespace {

constexpr int block = 256;

template <class I>
__device__ __forceinline__ I divisor(const Windows<I>& w, I oy, I ox) {
    return w.y.divisor(oy, w.count_padding) * w.x.divisor(ox, w.count_padding);
}

template <class T, class I>
__global__ void __launch_bounds__(block)
    avg_pool_kernel(const T* __restrict__ input, T* __restrict__ output, Windows<I> w) {
    I count = w.outputs();
    for (I i = static_cast<I>(blockIdx.x) * block + static_cast<I>(threadIdx.x); i < count;
         i += static_cast<I>(gridDim.x) * block) {
        I row = i / w.x.output, ox = i - row * w.x.output;
        I plane = row / w.y.output, oy = row - plane * w.y.output;
        const T* source = input + static_cast<int64_t>(plane) * w.y.input * w.x.input;
        I left = w.x.first(ox), right = w.x.end(ox), bottom = w.y.end(oy);
        acc_t<T> sum = 0;
        for (I y = w.y.first(oy); y < bottom; y++)
            for (I x = left; x < right; x++) sum += to_acc(source[y * w.x.input + x]);
        output[i] = from_acc<T>(sum / static_cast<acc_t<T>>(divisor(w, oy, ox)));
    }
}

template <class T, class I>
__global__ void __launch_bounds__(block)
    avg_pool_backward_kernel(const T* __restrict__ grad_output, T* __restrict__ grad_input, Windows<I> w) {
    I count = w.inputs();
    for (I i = static_cast<I>(blockIdx.x) * block + static_cast<I>(threadIdx.x); i < count;
         i += static_cast<I>(gridDim.x) * block) {
        I row = i / w.x.input, x = i - row * w.x.input;
        I plane = row / w.y.input, y = row - plane * w.y.input;
        I first = w.x.first_over(x), last = w.x.last_over(x), bottom = w.y.last_over(y);
        acc_t<T> sum = 0;
        for (I oy = w.y.first_over(y); oy <= bottom; oy++) {
            int64_t line = (static_cast<int64_t>(plane) * w.y.output + oy) * w.x.output;
            for (I ox = first; ox <= last; ox++)
                sum += to_acc(grad_output[line + ox]) / static_cast<acc_t<T>>(divisor(w, oy, ox));
        }
        grad_input[i] = from_acc<T>(sum);
    }
}

CnStatus forward(const CnCall* call, const Windows<int64_t>& windows) {
    const CnTensor *input = cn_arg(call, 0), *output = cn_arg(call, 1);
    CN_DISPATCH_FLOATING(input->dtype, T, {
        return launch_windows(call, windows, [&](const auto& w) {
            return CN_LAUNCH(call, (avg_pool_kernel<T, decltype(w.planes)>), window_grid(w.outputs(), block), block, 0,
                             cn_data<const T>(input), cn_data<T>(output), w);
        });
    });
    return cn_unsupported_dtype(call, input->dtype);
}

CnStatus backward(const CnCall* call, const Windows<int64_t>& windows) {
    const CnTensor *grad_output = cn_arg(call, 0), *grad_input = cn_arg(call, 1);
    CN_DISPATCH_FLOATING(grad_output->dtype, T, {
        return launch_windows(call, windows, [&](const auto& w) {
            return CN_LAUNCH(call, (avg_pool_backward_kernel<T, decltype(w.planes)>), window_grid(w.inputs(), block),
                             block, 0, cn_data<const T>(grad_output), cn_data<T>(grad_input), w);
        });
    });
    return cn_unsupported_dtype(call, grad_output->dtype);
}

Windows<int64_t> avg_windows(const CnCall* call, const CnTensor& input, const CnTensor& output) {
    Windows<int64_t> windows = sliding_windows(call, input, output, -1);
    windows.count_padding = cn_attr_bool(call, 4);
    return windows;
}

CnStatus launch_avg_pool2d(const CnCall* call) {
    return forward(call, avg_windows(call, *cn_arg(call, 0), *cn_arg(call, 1)));
}
CnStatus launch_avg_pool2d_backward(const CnCall* call) {
    return backward(call, avg_windows(call, *cn_arg(call, 1), *cn_arg(call, 0)));
}
CnStatus launch_adaptive_avg_pool2d(const CnCall* call) {
    return forward(call, adaptive_windows(*cn_arg(call, 0), *cn_arg(call, 1)));
}
CnStatus launch_adaptive_avg_pool2d_backward(const CnCall* call) {
    return backward(call, adaptive_windows(*cn_arg(call, 1), *cn_arg(call, 0)));
}

}  // namespace

CN_KERNEL(avg_pool2d,
          "input; kernel_size: ints, stride: ints, padding: ints, ceil_mode: bool, count_include_pad: bool -> output",
          launch_avg_pool2d, nullptr, CN_WINDOW_VARIANTS);
CN_KERNEL(avg_pool2d_backward,
          "grad_output; kernel_size: ints, stride: ints, padding: ints, ceil_mode: bool, count_include_pad: bool, "
          "input_size: ints -> grad_input",
          launch_avg_pool2d_backward, nullptr, CN_WINDOW_VARIANTS);
CN_KERNEL(adaptive_avg_pool2d, "input; output_size: ints -> output", launch_adaptive_avg_pool2d, nullptr,
          CN_WINDOW_VARIANTS);
CN_KERNEL(adaptive_avg_pool2d_backward, "grad_output; output_size: ints, input_size: ints -> grad_input",
          launch_adaptive_avg_pool2d_backward, nullptr, CN_WINDOW_VARIANTS);
