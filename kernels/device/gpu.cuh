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

// ---- Asynchronous copies and tensor cores (sm_80 and later; PTX ISA 7.8, 9.7.8.22 and 9.7.13) ----------------------------
// What lane holds which element of a fragment is told in native/simt/tensor_core.h.

__device__ __forceinline__ uint32_t shared_address(const void* pointer) {
    return static_cast<uint32_t>(__cvta_generic_to_shared(pointer));
}

// Copies 16 bytes to shared memory in the background; of these only the first `bytes` are read, the others become zero.
__device__ __forceinline__ void cp_async16(void* to, const void* from, int bytes) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(bytes)
                 : "memory");
}
// The same with 4 bytes, of which all or none are read.
__device__ __forceinline__ void cp_async4(void* to, const void* from, int bytes) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(to)), "l"(from), "r"(bytes)
                 : "memory");
}
// Closes the group of this thread's copies since the last one.
__device__ __forceinline__ void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Until all of this thread's groups have arrived but the youngest PENDING.
template <int PENDING>
__device__ __forceinline__ void cp_async_wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}

// Four matrices of 8 x 8 16-bit elements; lane i names row i % 8 of matrix i / 8.
__device__ __forceinline__ void ldmatrix_x4(uint32_t (&r)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
}
__device__ __forceinline__ void ldmatrix_x4_trans(uint32_t (&r)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
}

// D += A * B for 16 x K, K x 8 and 16 x 8.
#define CN_MMA(name, shape)                                                                                       \
    __device__ __forceinline__ void name(float(&d)[4], const uint32_t(&a)[4], const uint32_t(&b)[2]) {            \
        asm volatile("mma.sync.aligned." shape " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \
                     : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                             \
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                         \
    }
CN_MMA(mma_m16n8k16_f16, "m16n8k16.row.col.f32.f16.f16.f32")
CN_MMA(mma_m16n8k16_bf16, "m16n8k16.row.col.f32.bf16.bf16.f32")
CN_MMA(mma_m16n8k8_tf32, "m16n8k8.row.col.f32.tf32.tf32.f32")
#undef CN_MMA

// To the nearest number with 10 bits after the point, halves away from zero; what tensor cores would otherwise truncate.
__device__ __forceinline__ uint32_t float_to_tf32(float x) {
    uint32_t bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
    return bits;
}

}  // namespace cn

#endif
