// Max pooling over AXES axes: the largest element of each window and its place in its plane; of equal ones the first, of
// NaNs the last, as in PyTorch. The adjoints add each gradient to the element that was the largest: a thread per element
// looks at the windows over it and takes those whose index is its own, in order, so that nothing is written twice and
// sums repeat bit for bit. An index outside its window is never followed.
#ifndef CUDANET_KERNELS_POOLING_MAX_POOL_CUH
#define CUDANET_KERNELS_POOLING_MAX_POOL_CUH

#include "../device/window.cuh"

namespace cn {

constexpr int max_pool_block = 256;

template <class T, class I, int AXES>
__global__ void __launch_bounds__(max_pool_block) max_pool_kernel(const T* __restrict__ input, T* __restrict__ output,
                                                                  int64_t* __restrict__ indices, Windows<I, AXES> w) {
    I count = w.planes * w.outputs();
    for (I i = static_cast<I>(blockIdx.x) * max_pool_block + static_cast<I>(threadIdx.x); i < count;
         i += static_cast<I>(gridDim.x) * max_pool_block) {
        I plane, at[AXES];
        auto window = w.window(i, plane, at);
        const T* source = input + static_cast<int64_t>(plane) * w.inputs();
        acc_t<T> largest = -INFINITY;
        I found = window.start();
        window.visit(at, [&](I place) {
            acc_t<T> value = to_acc(source[place]);
            if (value > largest || value != value) {
                largest = value;
                found = place;
            }
        });
        output[i] = from_acc<T>(largest);
        indices[i] = found;
    }
}

template <class T, class I, int AXES>
__global__ void __launch_bounds__(max_pool_block)
    max_pool_backward_kernel(const T* __restrict__ grad_output, const int64_t* __restrict__ indices,
                             T* __restrict__ grad_input, Windows<I, AXES> w) {
    I count = w.planes * w.inputs();
    for (I i = static_cast<I>(blockIdx.x) * max_pool_block + static_cast<I>(threadIdx.x); i < count;
         i += static_cast<I>(gridDim.x) * max_pool_block) {
        I plane, own, at[AXES];
        auto over = w.windows_over(i, plane, own);
        int64_t first = static_cast<int64_t>(plane) * w.outputs();
        acc_t<T> sum = 0;
        over.visit(at, [&](I place) {
            if (indices[first + place] == own) sum += to_acc(grad_output[first + place]);
        });
        grad_input[i] = from_acc<T>(sum);
    }
}

template <int AXES>
CnStatus max_pool(const CnCall* call, const Windows<int64_t, AXES>& windows) {
    const CnTensor *input = cn_arg(call, 0), *output = cn_arg(call, 1), *indices = cn_arg(call, 2);
    CN_DISPATCH_FLOATING(input->dtype, T, {
        return launch_windows(call, windows, [&](const auto& w) {
            return CN_LAUNCH(call, (max_pool_kernel<T, decltype(w.planes), AXES>),
                             window_grid(cn_numel(*output), max_pool_block), max_pool_block, 0, cn_data<const T>(input),
                             cn_data<T>(output), cn_data<int64_t>(indices), w);
        });
    });
    return cn_unsupported_dtype(call, input->dtype);
}

template <int AXES>
CnStatus max_pool_backward(const CnCall* call, const Windows<int64_t, AXES>& windows) {
    const CnTensor *grad_output = cn_arg(call, 0), *indices = cn_arg(call, 1), *grad_input = cn_arg(call, 2);
    CN_DISPATCH_FLOATING(grad_output->dtype, T, {
        return launch_windows(call, windows, [&](const auto& w) {
            return CN_LAUNCH(call, (max_pool_backward_kernel<T, decltype(w.planes), AXES>),
                             window_grid(cn_numel(*grad_input), max_pool_block), max_pool_block, 0,
                             cn_data<const T>(grad_output), cn_data<const int64_t>(indices), cn_data<T>(grad_input), w);
        });
    });
    return cn_unsupported_dtype(call, grad_output->dtype);
}

template <int AXES>
CnStatus launch_max_pool(const CnCall* call) {
    return max_pool(call, sliding_windows<AXES>(call, *cn_arg(call, 0), *cn_arg(call, 1), 3));
}
template <int AXES>
CnStatus launch_max_pool_backward(const CnCall* call) {
    return max_pool_backward(call, sliding_windows<AXES>(call, *cn_arg(call, 2), *cn_arg(call, 0), 3));
}
template <int AXES>
CnStatus launch_adaptive_max_pool(const CnCall* call) {
    return max_pool(call, adaptive_windows<AXES>(*cn_arg(call, 0), *cn_arg(call, 1)));
}
template <int AXES>
CnStatus launch_adaptive_max_pool_backward(const CnCall* call) {
    return max_pool_backward(call, adaptive_windows<AXES>(*cn_arg(call, 2), *cn_arg(call, 0)));
}

}  // namespace cn

#endif
