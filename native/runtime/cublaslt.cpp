#include "cublaslt.h"

#include <stdio.h>

namespace cn {

#if CUDANET_SIMT
#define CN_CUBLASLT_NAMES "libcublaslt_stand_in.so"  // NVIDIA's own cannot compute on the host
#else
#define CN_CUBLASLT_NAMES "libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so.11"
#endif

CublasLt::CublasLt() : library("CUDANET_CUBLASLT_LIBRARY", {CN_CUBLASLT_NAMES}) {
    library.bind(create, "cublasLtCreate");
    library.bind(get_version, "cublasLtGetVersion");
    library.bind(create_product, "cublasLtMatmulDescCreate");
    library.bind(set_product, "cublasLtMatmulDescSetAttribute");
    library.bind(destroy_product, "cublasLtMatmulDescDestroy");
    library.bind(create_layout, "cublasLtMatrixLayoutCreate");
    library.bind(set_layout, "cublasLtMatrixLayoutSetAttribute");
    library.bind(destroy_layout, "cublasLtMatrixLayoutDestroy");
    library.bind(create_preference, "cublasLtMatmulPreferenceCreate");
    library.bind(set_preference, "cublasLtMatmulPreferenceSetAttribute");
    library.bind(destroy_preference, "cublasLtMatmulPreferenceDestroy");
    library.bind(choose, "cublasLtMatmulAlgoGetHeuristic");
    library.bind(multiply, "cublasLtMatmul");
}

CublasLt& CublasLt::get() {
    static CublasLt& one = *new CublasLt;
    return one;
}

void describe_cublaslt(CnVendorInfo* info) {
    CublasLt& lt = CublasLt::get();
    snprintf(info->name, sizeof info->name, "cublaslt");
    snprintf(info->problem, sizeof info->problem, "%s", lt.library.is_loaded() ? "" : lt.library.problem());
    if (!lt.library.is_loaded()) return;
    snprintf(info->loaded, sizeof info->loaded, "%s", lt.library.path());
    info->version = static_cast<int>(lt.get_version());
}

}  // namespace cn
