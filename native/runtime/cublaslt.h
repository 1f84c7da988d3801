// What is used of cuBLASLt: products with an epilogue, the same in CUDA 11, 12 and 13.
#ifndef CUDANET_RUNTIME_CUBLASLT_H
#define CUDANET_RUNTIME_CUBLASLT_H

#include "cublas.h"

namespace cn {

// Of cublasLtMatmulDescAttributes_t, cublasLtMatrixLayoutAttribute_t, cublasLtMatmulPreferenceAttributes_t and
// cublasLtEpilogue_t, by their numbers.
constexpr int lt_trans_a = 3, lt_trans_b = 4, lt_epilogue = 7, lt_bias_pointer = 8;
constexpr int lt_batch_count = 5, lt_batch_stride = 6;
constexpr int lt_max_workspace = 1, lt_min_alignment_a = 5;  // b, c and d follow
constexpr int lt_not_supported = 15;                         // of cublasStatus_t
constexpr int lt_epilogue_default = 1, lt_epilogue_relu = 2, lt_epilogue_bias = 4;

// cublasLtMatmulHeuristicResult_t
struct LtAlgorithm {
    uint64_t algorithm[8];
    size_t workspace;
    int status;
    float waves;
    int reserved[4];
};

struct CublasLt {
    VendorLibrary library;
    VendorHandles handles;
    int (*create)(void** handle);
    size_t (*get_version)();
    int (*create_product)(void** product, int compute_type, int scale_type);
    int (*set_product)(void* product, int attribute, const void* value, size_t bytes);
    int (*destroy_product)(void* product);
    int (*create_layout)(void** layout, int type, uint64_t rows, uint64_t cols, int64_t leading);
    int (*set_layout)(void* layout, int attribute, const void* value, size_t bytes);
    int (*destroy_layout)(void* layout);
    int (*create_preference)(void** preference);
    int (*set_preference)(void* preference, int attribute, const void* value, size_t bytes);
    int (*destroy_preference)(void* preference);
    int (*choose)(void* handle, void* product, void* a, void* b, void* c, void* d, void* preference, int most,
                  LtAlgorithm* found, int* count);
    // D = epilogue(alpha op(A) op(B) + beta C), column-major.
    int (*multiply)(void* handle, void* product, const void* alpha, const void* a, void* a_layout, const void* b,
                    void* b_layout, const void* beta, const void* c, void* c_layout, void* d, void* d_layout,
                    const uint64_t* algorithm, void* workspace, size_t workspace_bytes, void* stream);

    static CublasLt& get();

private:
    CublasLt();
};

}  // namespace cn

#endif
