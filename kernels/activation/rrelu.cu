// rrelu: elements that are not positive are multiplied by a slope drawn uniformly from [lower, upper); the slopes, 1 for
// positive elements, are kept for the backward. A thread makes the four elements that share a Philox counter.
#include "device/philox.cuh"

namespace {

constexpr int block = 256;

template <class T>
__global__ void __launch_bounds__(block)
    rrelu_kernel(const T* __restrict__ input, RandomState state, T* __restrict__ output, T* __restrict__ noise,
                 int64_t numel, acc_t<T> lower, acc_t<T> range) {
    int64_t counter = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    int64_t first = counter * 4;
    if (first >= numel) return;
    Uniforms<float> u(state.words(counter));
#pragma unroll
    for (int i = 0; i < 4; i++) {
        if (first + i >= numel) continue;
        acc_t<T> x = to_acc(input[first + i]);
        acc_t<T> slope = x > acc_t<T>(0) ? acc_t<T>(1) : lower + range * u.at[i];
        output[first + i] = from_acc<T>(x * slope);
        noise[first + i] = from_acc<T>(slope);
    }
}

CnStatus launch_rrelu(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *state = cn_arg(call, 1), *output = cn_arg(call, 2);
    int64_t numel = cn_numel(*input);
    double lower = cn_attr_float(call, 0), range = cn_attr_float(call, 1) - lower;
    RandomState from = {cn_data<const int64_t>(state), cn_attr_int(call, 2)};
    CN_DISPATCH_FLOATING(input->dtype, T, {
        return CN_LAUNCH(call, (rrelu_kernel<T>), cn_ceil_div(numel, block * 4), block, 0, cn_data<const T>(input),
                         from, cn_data<T>(output), cn_data<T>(cn_arg(call, 3)), numel, static_cast<acc_t<T>>(lower),
                         static_cast<acc_t<T>>(range));
    });
    return cn_unsupported_dtype(call, input->dtype);
}

}  // namespace

CN_KERNEL(rrelu, "input, state; lower: float, upper: float, offset: int -> output, noise", launch_rrelu, nullptr,
          "one counter, four elements, per thread");
