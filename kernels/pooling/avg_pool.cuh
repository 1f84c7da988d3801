// Average pooling over AXES axes: the mean of each window. The adjoints give each element the divided gradients of the
// windows over it; a thread per element visits them in order, so that nothing is written twice and sums repeat bit for
// bit.
#ifndef CUDANET_KERNELS_POOLING_AVG_POOL_CUH
#define CUDANET_KERNELS_POOLING_AVG_POOL_CUH

#include "../device/window.cuh"

namespace cn {

constexpr int avg_pool_block = 256;

template <class T, class I, int AXES>
__global__ void __launch_bounds__(avg_pool_block)
    avg_pool_kernel(const T* __restrict__ input, T* __restrict__ output, Windows<I, AXES> w) {
    I count = w.planes * w.outputs();
    for (I i = static_cast<I>(blockIdx.x) * avg_pool_block + static_cast<I>(threadIdx.x); i < count;
         i += static_cast<I>(gridDim.x) * avg_pool_block) {
        I plane, own[AXES], at[AXES];
        auto window = w.window(i, plane, own);
        const T* source = input + static_cast<int64_t>(plane) * w.inputs();
        acc_t<T> sum = 0;
        window.visit(at, [&](I place) { sum += to_acc(source[place]); });
        output[i] = from_acc<T>(sum / static_cast<acc_t<T>>(w.divisor(own)));
    }
}

template <class T, class I, int AXES>
__global__ void __launch_bounds__(avg_pool_block)
    avg_pool_backward_kernel(const T* __restrict__ grad_output, T* __restrict__ grad_input, Windows<I, AXES> w) {
    I count = w.planes * w.inputs();
    for (I i = static_cast<I>(blockIdx.x) * avg_pool_block + static_cast<I>(threadIdx.x); i < count;
         i += static_cast<I>(gridDim.x) * avg_pool_block) {
        I plane, own, at[AXES];
        auto over = w.windows_over(i, plane, own);
        const T* source = grad_output + static_cast<int64_t>(plane) * w.outputs();
        acc_t<T> sum = 0;
        over.visit(at, [&](I place) { sum += to_acc(source[place]) / static_cast<acc_t<T>>(w.divisor(at)); });
        grad_input[i] = from_acc<T>(sum);
    }
}

template <int AXES>
CnStatus avg_pool(const CnCall* call, const Windows<int64_t, AXES>& windows) {
    const CnTensor *input = cn_arg(call, 0), *output = cn_arg(call, 1);
    CN_DISPATCH_FLOATING(input->dtype, T, {
        return launch_windows(call, windows, [&](const auto& w) {
            return CN_LAUNCH(call, (avg_pool_kernel<T, decltype(w.planes), AXES>),
                             window_grid(cn_numel(*output), avg_pool_block), avg_pool_block, 0, cn_data<const T>(input),
                             cn_data<T>(output), w);
        });
    });
    return cn_unsupported_dtype(call, input->dtype);
}

template <int AXES>
CnStatus avg_pool_backward(const CnCall* call, const Windows<int64_t, AXES>& windows) {
    const CnTensor *grad_output = cn_arg(call, 0), *grad_input = cn_arg(call, 1);
    CN_DISPATCH_FLOATING(grad_output->dtype, T, {
        return launch_windows(call, windows, [&](const auto& w) {
            return CN_LAUNCH(call, (avg_pool_backward_kernel<T, decltype(w.planes), AXES>),
                             window_grid(cn_numel(*grad_input), avg_pool_block), avg_pool_block, 0,
                             cn_data<const T>(grad_output), cn_data<T>(grad_input), w);
        });
    });
    return cn_unsupported_dtype(call, grad_output->dtype);
}

template <int AXES>
Windows<int64_t, AXES> avg_windows(const CnCall* call, const CnTensor& input, const CnTensor& output) {
    auto windows = sliding_windows<AXES>(call, input, output, -1);
    windows.count_padding = cn_attr_bool(call, 4);
    return windows;
}

template <int AXES>
CnStatus launch_avg_pool(const CnCall* call) {
    return avg_pool(call, avg_windows<AXES>(call, *cn_arg(call, 0), *cn_arg(call, 1)));
}
template <int AXES>
CnStatus launch_avg_pool_backward(const CnCall* call) {
    return avg_pool_backward(call, avg_windows<AXES>(call, *cn_arg(call, 1), *cn_arg(call, 0)));
}
template <int AXES>
CnStatus launch_adaptive_avg_pool(const CnCall* call) {
    return avg_pool(call, adaptive_windows<AXES>(*cn_arg(call, 0), *cn_arg(call, 1)));
}
template <int AXES>
CnStatus launch_adaptive_avg_pool_backward(const CnCall* call) {
    return avg_pool_backward(call, adaptive_windows<AXES>(*cn_arg(call, 1), *cn_arg(call, 0)));
}

}  // namespace cn

#endif
