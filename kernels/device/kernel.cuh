// The one header every kernel file includes. It compiles under nvcc (gpu.cuh) and, for the host execution layer, under
// g++ (native/simt/simt.h); a kernel file never asks which of the two it is.
//
// A kernel file holds
//   - kernels: __global__ functions; shared memory only through CN_SHARED and CN_DYNAMIC_SHARED;
//   - launchers: CnStatus launch_x(const CnCall* call), which read the call with cn_arg / cn_list / cn_attr_*, choose a
//     variant and a geometry and start kernels with CN_LAUNCH;
//   - CN_KERNEL(name, signature, launcher, workspace query, variants...), which puts it into the library's table.
#ifndef CUDANET_KERNELS_DEVICE_KERNEL_CUH
#define CUDANET_KERNELS_DEVICE_KERNEL_CUH

#include <stdint.h>
#include <string.h>

#include "cudanet.h"
#include "../../native/runtime/runtime.h"

#if defined(__CUDACC__)
#include "gpu.cuh"
#else
#include "../../native/simt/simt.h"
#endif

#include "dtype.cuh"

// ---- Reading a call ------------------------------------------------------------------------------------------------

// The i-th argument (inputs, then outputs, in the order of the signature); nullptr when it is absent.
inline const CnTensor* cn_arg(const CnCall* call, int i) {
    return i < call->arg_count && call->args[i].count > 0 ? call->args[i].items : nullptr;
}
inline CnArg cn_list(const CnCall* call, int i) { return i < call->arg_count ? call->args[i] : CnArg{nullptr, 0}; }

inline int64_t cn_attr_int(const CnCall* call, int i) { return i < call->attribute_count ? call->attributes[i] : 0; }
inline bool cn_attr_bool(const CnCall* call, int i) { return cn_attr_int(call, i) != 0; }
inline double cn_attr_float(const CnCall* call, int i) {
    int64_t bits = cn_attr_int(call, i);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
inline const int64_t* cn_attr_ints(const CnCall* call, int i, int64_t* count) {
    uint64_t place = static_cast<uint64_t>(cn_attr_int(call, i));
    *count = static_cast<int64_t>(place >> 32);
    return call->attributes + static_cast<uint32_t>(place);
}

inline int64_t cn_numel(const CnTensor& tensor) {
    int64_t n = 1;
    for (int i = 0; i < tensor.rank; i++) n *= tensor.shape[i];
    return n;
}
template <class T>
T* cn_data(const CnTensor* tensor) {
    return tensor ? static_cast<T*>(tensor->data) : nullptr;
}
inline bool cn_is_contiguous(const CnTensor& tensor) {
    if (cn_numel(tensor) == 0) return true;  // whatever strides it has, none is used
    int64_t expected = 1;
    for (int i = tensor.rank - 1; i >= 0; i--) {
        if (tensor.shape[i] != 1 && tensor.strides[i] != expected) return false;
        expected *= tensor.shape[i];
    }
    return true;
}
inline int64_t cn_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// ---- Launching -----------------------------------------------------------------------------------------------------

// CN_LAUNCH(call, (kernel<T, 256>), grid, block, shared_bytes, args...) -> CnStatus. grid and block are integers or
// cn::Dim{x, y, z}; a grid with a zero side is CN_OK and launches nothing. Arguments are converted to the kernel's
// parameter types and passed by value.
#define CN_LAUNCH(call, kernel, grid, block, shared_bytes, ...)                                                \
    cn::launch(call, cn::LaunchShape{#kernel, grid, block, static_cast<int64_t>(shared_bytes), false}, kernel, \
               ##__VA_ARGS__)
// The same for a kernel that needs between 48 and 163 KiB of shared memory.
#define CN_LAUNCH_LARGE_SHARED(call, kernel, grid, block, shared_bytes, ...)                                  \
    cn::launch(call, cn::LaunchShape{#kernel, grid, block, static_cast<int64_t>(shared_bytes), true}, kernel, \
               ##__VA_ARGS__)

// Returns from the launcher when a launch failed: CN_TRY(CN_LAUNCH(...));
#define CN_TRY(expression)                          \
    do {                                            \
        CnStatus cn_status_ = (expression);         \
        if (cn_status_ != CN_OK) return cn_status_; \
    } while (0)

// CN_KERNEL(layer_norm, "input -> output", launch_layer_norm, nullptr, "variant 1: ...", "variant 2: ...");
#define CN_KERNEL(name, signature_, launcher, workspace_query, ...)                                              \
    namespace {                                                                                                  \
    CnStatus cn_entry_##name(const CnCall* call) { return cn::enter(#name, launcher, call); }                    \
    const CnWorkspaceQuery cn_query_##name = workspace_query;                                                    \
    int64_t cn_query_entry_##name(const CnCall* call) { return cn::enter(#name, cn_query_##name, call); }        \
    const char* const cn_variants_##name[] = {__VA_ARGS__};                                                      \
    [[maybe_unused]] const cn::Registration cn_registration_##name(CnKernel{                                     \
        #name, signature_, cn_variants_##name, static_cast<int32_t>(sizeof(cn_variants_##name) / sizeof(char*)), \
        cn_entry_##name, cn::entry_if(cn_query_##name, cn_query_entry_##name), nullptr, nullptr, nullptr});      \
    }                                                                                                            \
    static_assert(true, "a semicolon follows CN_KERNEL")

// CN_VENDOR(matmul, "cublas", launch_matmul, nullptr): the same calls served by a library of NVIDIA's (native/runtime/vendor.h).
#define CN_VENDOR(name, library, launcher, workspace_query)                                                    \
    namespace {                                                                                                \
    CnStatus cn_vendor_entry_##name(const CnCall* call) { return cn::enter(#name, launcher, call); }           \
    const CnWorkspaceQuery cn_vendor_query_##name = workspace_query;                                           \
    int64_t cn_vendor_query_entry_##name(const CnCall* call) {                                                 \
        return cn::enter(#name, cn_vendor_query_##name, call);                                                 \
    }                                                                                                          \
    [[maybe_unused]] const cn::VendorRoute cn_vendor_route_##name(#name, library, cn_vendor_entry_##name,      \
                                                                  cn::entry_if(cn_vendor_query_##name,         \
                                                                               cn_vendor_query_entry_##name)); \
    }                                                                                                          \
    static_assert(true, "a semicolon follows CN_VENDOR")

#endif
