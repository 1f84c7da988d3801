// full: a contiguous tensor filled with one value. Integers take value_bits, which holds all 64 bits; floats take
// value.
#include "device/convert.cuh"

namespace {

constexpr int block = 256, per_thread = 4;

template <class T>
__global__ void __launch_bounds__(block) full_kernel(T* __restrict__ output, int64_t numel, T value) {
    int64_t first = static_cast<int64_t>(blockIdx.x) * (block * per_thread) + threadIdx.x;
#pragma unroll
    for (int i = 0; i < per_thread; i++) {
        int64_t at = first + i * block;
        if (at < numel) output[at] = value;
    }
}

CnStatus launch_full(const CnCall* call) {
    const CnTensor* output = cn_arg(call, 0);
    int64_t numel = cn_numel(*output);
    if (!cn_is_contiguous(*output)) return cn_fail(call, CN_INVALID_ARGUMENT, "the output has to be contiguous");
    CN_DISPATCH_ALL(output->dtype, T, {
        T value =
            cn_is_floating<T>::value ? cn_convert<T>(cn_attr_float(call, 1)) : cn_convert<T>(cn_attr_int(call, 3));
        return CN_LAUNCH(call, (full_kernel<T>), cn_ceil_div(numel, block * per_thread), block, 0, cn_data<T>(output),
                         numel, value);
    });
    return cn_unsupported_dtype(call, output->dtype);
}

}  // namespace

CN_KERNEL(full, "; shape: ints, value: float, dtype: int, value_bits: int -> output", launch_full, nullptr,
          "four elements per thread");
