// max_pool2d, adaptive_max_pool2d: the largest element of each window and its place in its plane; of equal ones the
// first, of NaNs the last, as in PyTorch. The adjoints add each gradient to the element that was the largest: a thread
// per element looks at the windows over it and takes those whose index is its own, in order, so that nothing is written
// twice and sums repeat bit for bit. An index outside its window is never followed.
#include "device/window.cuh"

namespace {

constexpr int block = 256;

template <class T, class I>
__global__ void __launch_bounds__(block)
    max_pool_kernel(const T* __restrict__ input, T* __restrict__ output, int64_t* __restrict__ indices, Windows<I> w) {
    I count = w.outputs();
    for (I i = static_cast<I>(blockIdx.x) * block + static_cast<I>(threadIdx.x); i < count;
         i += static_cast<I>(gridDim.x) * block) {
        I row = i / w.x.output, ox = i - row * w.x.output;
        I plane = row / w.y.output, oy = row - plane * w.y.output;
        const T* source = input + static_cast<int64_t>(plane) * w.y.input * w.x.input;
        I left = w.x.first(ox), right = w.x.end(ox), top = w.y.first(oy), bottom = w.y.end(oy);
        acc_t<T> largest = -INFINITY;
        I place = top * w.x.input + left;
        for (I y = top; y < bottom; y += w.y.dilation) {
            for (I x = left; x < right; x += w.x.dilation) {
                acc_t<T> value = to_acc(source[y * w.x.input + x]);
                if (value > largest || value != value) {
                    largest = value;
                    place = y * w.x.input + x;
                }
            }
        }
        output[i] = from_acc<T>(largest);
        indices[i] = place;
    }
}

template <class T, class I>
__global__ void __launch_bounds__(block)
    max_pool_backward_kernel(const T* __restrict__ grad_output, const int64_t* __restrict__ indices,
                             T* __restrict__ grad_input, Windows<I> w) {
    I count = w.inputs();
    for (I i = static_cast<I>(blockIdx.x) * block + static_cast<I>(threadIdx.x); i < count;
         i += static_cast<I>(gridDim.x) * block) {
        I row = i / w.x.input, x = i - row * w.x.input;
        I plane = row / w.y.input, y = row - plane * w.y.input;
        I own = y * w.x.input + x, first = w.x.first_over(x), last = w.x.last_over(x);
        acc_t<T> sum = 0;
        for (I oy = w.y.first_over(y); oy <= w.y.last_over(y); oy++) {
            int64_t line = (static_cast<int64_t>(plane) * w.y.output + oy) * w.x.output;
            for (I ox = first; ox <= last; ox++)
                if (indices[line + ox] == own) sum += to_acc(grad_output[line + ox]);
        }
        grad_input[i] = from_acc<T>(sum);
    }
}

CnStatus forward(const CnCall* call, const Windows<int64_t>& windows) {
    const CnTensor *input = cn_arg(call, 0), *output = cn_arg(call, 1), *indices = cn_arg(call, 2);
    CN_DISPATCH_FLOATING(input->dtype, T, {
        return launch_windows(call, windows, [&](const auto& w) {
            return CN_LAUNCH(call, (max_pool_kernel<T, decltype(w.planes)>), window_grid(w.outputs(), block), block, 0,
                             cn_data<const T>(input), cn_data<T>(output), cn_data<int64_t>(indices), w);
        });
    });
    return cn_unsupported_dtype(call, input->dtype);
}

CnStatus backward(const CnCall* call, const Windows<int64_t>& windows) {
    const CnTensor *grad_output = cn_arg(call, 0), *indices = cn_arg(call, 1), *grad_input = cn_arg(call, 2);
    CN_DISPATCH_FLOATING(grad_output->dtype, T, {
        return launch_windows(call, windows, [&](const auto& w) {
            return CN_LAUNCH(call, (max_pool_backward_kernel<T, decltype(w.planes)>), window_grid(w.inputs(), block),
                             block, 0, cn_data<const T>(grad_output), cn_data<const int64_t>(indices),
                             cn_data<T>(grad_input), w);
        });
    });
    return cn_unsupported_dtype(call, grad_output->dtype);
}

CnStatus launch_max_pool2d(const CnCall* call) {
    return forward(call, sliding_windows(call, *cn_arg(call, 0), *cn_arg(call, 1), 3));
}
CnStatus launch_max_pool2d_backward(const CnCall* call) {
    return backward(call, sliding_windows(call, *cn_arg(call, 2), *cn_arg(call, 0), 3));
}
CnStatus launch_adaptive_max_pool2d(const CnCall* call) {
    return forward(call, adaptive_windows(*cn_arg(call, 0), *cn_arg(call, 1)));
}
CnStatus launch_adaptive_max_pool2d_backward(const CnCall* call) {
    return backward(call, adaptive_windows(*cn_arg(call, 2), *cn_arg(call, 0)));
}

}  // namespace

CN_KERNEL(max_pool2d,
          "input; kernel_size: ints, stride: ints, padding: ints, dilation: ints, ceil_mode: bool -> output, indices",
          launch_max_pool2d, nullptr, CN_WINDOW_VARIANTS);
CN_KERNEL(max_pool2d_backward,
          "grad_output, indices; kernel_size: ints, stride: ints, padding: ints, dilation: ints, ceil_mode: bool, "
          "input_size: ints -> grad_input",
          launch_max_pool2d_backward, nullptr, CN_WINDOW_VARIANTS);
CN_KERNEL(adaptive_max_pool2d, "input; output_size: ints -> output, indices", launch_adaptive_max_pool2d, nullptr,
          CN_WINDOW_VARIANTS);
CN_KERNEL(adaptive_max_pool2d_backward, "grad_output, indices; output_size: ints, input_size: ints -> grad_input",
          launch_adaptive_max_pool2d_backward, nullptr, CN_WINDOW_VARIANTS);
