// What both libraries share: the error record, launch limits and the table of kernels.
#ifndef CUDANET_RUNTIME_RUNTIME_H
#define CUDANET_RUNTIME_RUNTIME_H

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "cudanet.h"

namespace cn {

// Grid or block dimensions in 64 bits, so that a size which does not fit the device is refused instead of wrapped.
struct Dim {
    int64_t x = 1, y = 1, z = 1;
    Dim(int64_t x_, int64_t y_ = 1, int64_t z_ = 1) : x(x_), y(y_), z(z_) {}
    int64_t volume() const { return x * y * z; }
};

template <class T>
struct identity {
    using type = T;
};

struct LaunchShape {
    const char* kernel;  // as written at CN_LAUNCH
    Dim grid, block;
    int64_t shared_bytes;  // dynamic
    bool large_shared;     // opted in to more than 48 KiB
};

constexpr int64_t shared_limit = 48 * 1024;
constexpr int64_t large_shared_limit = 163 * 1024;

// Refuses what an sm_80 would refuse. CN_OK with *empty set means there is nothing to launch.
CnStatus check_launch(const LaunchShape& shape, bool* empty);
void count_launch();
void count_vendor_call();

struct Registration {
    explicit Registration(const CnKernel& kernel);
};

// Another way to serve the calls of a kernel: a library of NVIDIA's.
struct VendorRoute {
    VendorRoute(const char* kernel, const char* library, CnLauncher launch, CnWorkspaceQuery workspace);
};

// Runs a launcher or a workspace query with `kernel` as the name that errors of this thread carry.
CnStatus enter(const char* kernel, CnLauncher launcher, const CnCall* call);
int64_t enter(const char* kernel, CnWorkspaceQuery query, const CnCall* call);
inline CnWorkspaceQuery entry_if(CnWorkspaceQuery query, CnWorkspaceQuery entry) { return query ? entry : nullptr; }

// The name of the kernel whose launcher runs on this thread; "" outside of launchers.
const char* current_kernel();

CnStatus set_error(const char* kernel, CnStatus status, int32_t cuda_error, const char* format, ...)
    __attribute__((format(printf, 4, 5)));

}  // namespace cn

// Fill the thread's error record and return `status`. The first form names the kernel whose launcher is running.
CnStatus cn_fail(const CnCall* call, CnStatus status, const char* format, ...) __attribute__((format(printf, 3, 4)));
CnStatus cn_fail(const char* kernel, CnStatus status, const char* format, ...) __attribute__((format(printf, 3, 4)));
CnStatus cn_unsupported_dtype(const CnCall* call, int32_t dtype);
const char* cn_dtype_name(int32_t dtype);
int64_t cn_dtype_size(int32_t dtype);

#endif
