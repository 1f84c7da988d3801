#include "cublas.h"

#include <stdio.h>

namespace cn {

#if CUDANET_SIMT
#define CN_CUBLAS_NAMES "libcublas_stand_in.so"  // NVIDIA's own cannot compute on the host
#else
#define CN_CUBLAS_NAMES "libcublas.so.13", "libcublas.so.12", "libcublas.so.11"
#endif

Cublas::Cublas() : library("CUDANET_CUBLAS_LIBRARY", {CN_CUBLAS_NAMES}) {
    library.bind(create, "cublasCreate_v2");
    library.bind(get_version, "cublasGetVersion_v2");
    library.bind(set_stream, "cublasSetStream_v2");
    library.bind(gemm, "cublasGemmEx");
    library.bind(gemm_batched, "cublasGemmStridedBatchedEx");
}

Cublas& Cublas::get() {
    static Cublas& one = *new Cublas;
    return one;
}

void describe_cublas(CnVendorInfo* info) {
    Cublas& cublas = Cublas::get();
    snprintf(info->name, sizeof info->name, "cublas");
    snprintf(info->problem, sizeof info->problem, "%s", cublas.library.is_loaded() ? "" : cublas.library.problem());
    if (!cublas.library.is_loaded()) return;
    snprintf(info->loaded, sizeof info->loaded, "%s", cublas.library.path());
    int version = 0;
    if (void* handle = cublas.handles.of(0, cublas.create); handle && cublas.get_version(handle, &version) == 0)
        info->version = version;
}

}  // namespace cn
