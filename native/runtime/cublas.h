// What is used of cuBLAS: the same in CUDA 11, 12 and 13.
#ifndef CUDANET_RUNTIME_CUBLAS_H
#define CUDANET_RUNTIME_CUBLAS_H

#include "vendor.h"

namespace cn {

// cudaDataType_t, cublasOperation_t, cublasComputeType_t and cublasGemmAlgo_t by their numbers.
constexpr int cuda_r_32f = 0, cuda_r_64f = 1, cuda_r_16f = 2, cuda_r_16bf = 14;
constexpr int cublas_op_n = 0, cublas_op_t = 1;
constexpr int cublas_compute_32f = 68, cublas_compute_64f = 70;
constexpr int cublas_gemm_default = -1;

inline int cuda_data_type(int32_t dtype) {
    return dtype == CN_F64 ? cuda_r_64f : dtype == CN_F16 ? cuda_r_16f : dtype == CN_BF16 ? cuda_r_16bf : cuda_r_32f;
}

struct Cublas {
    VendorLibrary library;
    VendorHandles handles;
    int (*create)(void** handle);
    int (*get_version)(void* handle, int* version);
    int (*set_stream)(void* handle, void* stream);
    // Column-major: C = alpha op(A) op(B) + beta C, op(A) being m x k.
    int (*gemm)(void* handle, int op_a, int op_b, int m, int n, int k, const void* alpha, const void* a, int a_type,
                int lda, const void* b, int b_type, int ldb, const void* beta, void* c, int c_type, int ldc,
                int compute_type, int algorithm);
    int (*gemm_batched)(void* handle, int op_a, int op_b, int m, int n, int k, const void* alpha, const void* a,
                        int a_type, int lda, long long a_stride, const void* b, int b_type, int ldb, long long b_stride,
                        const void* beta, void* c, int c_type, int ldc, long long c_stride, int batches,
                        int compute_type, int algorithm);

    static Cublas& get();

private:
    Cublas();
};

}  // namespace cn

#endif
