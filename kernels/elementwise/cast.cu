// cast: a strided tensor of any dtype to a contiguous one of any dtype; with the same dtype, the contiguous copy.
// Each thread converts four elements that lie a block apart, so every access of a warp is to consecutive addresses and
// four loads are in flight. A copy between dense tensors moves 16 bytes per access.
#include "device/convert.cuh"
#include "device/index.cuh"

namespace {

constexpr int block = 256, per_thread = 4;

template <class To, class From>
__global__ void __launch_bounds__(block)
    cast_kernel(const From* __restrict__ input, To* __restrict__ output, Strided walk) {
    int64_t first = static_cast<int64_t>(blockIdx.x) * (block * per_thread) + threadIdx.x;
#pragma unroll
    for (int i = 0; i < per_thread; i++) {
        int64_t at = first + i * block;
        if (at < walk.numel) output[at] = cn_convert<To>(input[walk.offset(at)]);
    }
}

// T is an unsigned type or uint4: bits are copied as they are, NaN payloads included.
template <class T>
__global__ void __launch_bounds__(block)
    copy_kernel(const T* __restrict__ input, T* __restrict__ output, Strided walk) {
    int64_t first = static_cast<int64_t>(blockIdx.x) * (block * per_thread) + threadIdx.x;
#pragma unroll
    for (int i = 0; i < per_thread; i++) {
        int64_t at = first + i * block;
        if (at < walk.numel) output[at] = input[walk.offset(at)];
    }
}

template <class T>
CnStatus copy(const CnCall* call, const CnTensor* input, const CnTensor* output, const Strided& walk) {
    return CN_LAUNCH(call, (copy_kernel<T>), cn_ceil_div(walk.numel, block * per_thread), block, 0,
                     cn_data<const T>(input), cn_data<T>(output), walk);
}

CnStatus copy_any(const CnCall* call, const CnTensor* input, const CnTensor* output, const Strided& walk) {
    int64_t bytes = cn_dtype_size(output->dtype), total = walk.numel * bytes;
    bool aligned = (reinterpret_cast<uintptr_t>(input->data) | reinterpret_cast<uintptr_t>(output->data)) % 16 == 0;
    if (walk.dense[0] && aligned && total % 16 == 0) {
        Strided whole = walk;
        whole.numel = total / 16;
        return copy<uint4>(call, input, output, whole);
    }
    switch (bytes) {
        case 1:
            return copy<uint8_t>(call, input, output, walk);
        case 2:
            return copy<uint16_t>(call, input, output, walk);
        case 4:
            return copy<uint32_t>(call, input, output, walk);
        default:
            return copy<uint64_t>(call, input, output, walk);
    }
}

template <class From>
CnStatus cast_from(const CnCall* call, const CnTensor* input, const CnTensor* output, const Strided& walk) {
    CN_DISPATCH_ALL(output->dtype, To, {
        return CN_LAUNCH(call, (cast_kernel<To, From>), cn_ceil_div(walk.numel, block * per_thread), block, 0,
                         cn_data<const From>(input), cn_data<To>(output), walk);
    });
    return cn_unsupported_dtype(call, output->dtype);
}

CnStatus launch_cast(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *output = cn_arg(call, 1);
    if (cn_attr_int(call, 0) != output->dtype)
        return cn_fail(call, CN_INVALID_ARGUMENT, "the attribute dtype is %s, the output's dtype %s",
                       cn_dtype_name(static_cast<int32_t>(cn_attr_int(call, 0))), cn_dtype_name(output->dtype));
    if (!cn_is_contiguous(*output)) return cn_fail(call, CN_INVALID_ARGUMENT, "the output has to be contiguous");
    if (cn_numel(*input) != cn_numel(*output))
        return cn_fail(call, CN_INVALID_ARGUMENT, "the input has %lld elements, the output %lld",
                       static_cast<long long>(cn_numel(*input)), static_cast<long long>(cn_numel(*output)));
    Strided walk = make_strided(*input);
    if (input->dtype == output->dtype) return copy_any(call, input, output, walk);
    CN_DISPATCH_ALL(input->dtype, From, { return cast_from<From>(call, input, output, walk); });
    return cn_unsupported_dtype(call, input->dtype);
}

}  // namespace

CN_KERNEL(cast, "input; dtype: int -> output", launch_cast, nullptr, "four elements per thread");
