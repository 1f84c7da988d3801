// The GPU side of kernel.cuh. Its twin for g++ is native/simt/simt.h; both offer the same names.
#ifndef CUDANET_KERNELS_DEVICE_GPU_CUH
#define CUDANET_KERNELS_DEVICE_GPU_CUH

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

// 16-byte alignment on both sides, so that float4 access to a tile is valid on neither or on both.
#define CN_SHARED(type, name, dims) __shared__ __align__(16) type name dims
#define CN_DYNAMIC_SHARED(type, name)                                  \
    extern __shared__ __align__(16) unsigned char cn_dynamic_shared[]; \
    type* name = reinterpret_cast<type*>(cn_dynamic_shared)

namespace cn {

CnStatus launch_gpu(const CnCall* call, const LaunchShape& shape, const void* kernel, void** arguments);

template <class... P>
CnStatus launch(const CnCall* call, const LaunchShape& shape, void (*kernel)(P...),
                typename identity<P>::type... args) {
    void* arguments[sizeof...(P) + 1] = {const_cast<void*>(static_cast<const volatile void*>(&args))..., nullptr};
    return launch_gpu(call, shape, reinterpret_cast<const void*>(kernel), arguments);
}

__host__ __device__ __forceinline__ float half_to_float(uint16_t bits) {
    __half_raw raw;
    raw.x = bits;
    return __half2float(__half(raw));
}
__host__ __device__ __forceinline__ uint16_t float_to_half(float x) {
    return static_cast<__half_raw>(__float2half_rn(x)).x;
}
__host__ __device__ __forceinline__ float bf16_to_float(uint16_t bits) {
    __nv_bfloat16_raw raw;
    raw.x = bits;
    return __bfloat162float(__nv_bfloat16(raw));
}
__host__ __device__ __forceinline__ uint16_t float_to_bf16(float x) {
    return static_cast<__nv_bfloat16_raw>(__float2bfloat16_rn(x)).x;
}

}  // namespace cn

#endif
