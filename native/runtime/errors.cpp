#include <stdio.h>

#include <exception>
#include <new>

#include "nvtx.h"
#include "runtime.h"

namespace {

thread_local CnError last_error = {CN_OK, 0, "", ""};
thread_local const char* running_kernel = "";

void record(const char* kernel, CnStatus status, int32_t cuda_error, const char* format, va_list arguments) {
    // The message may quote the previous one, so it is written before the record changes.
    char message[sizeof last_error.message];
    vsnprintf(message, sizeof message, format, arguments);
    last_error.status = status;
    last_error.cuda_error = cuda_error;
    snprintf(last_error.kernel, sizeof last_error.kernel, "%s", kernel ? kernel : "");
    memcpy(last_error.message, message, sizeof message);
}

struct DType {
    const char* name;
    int64_t size;
};
constexpr DType dtypes[] = {{"f32", 4}, {"f64", 8}, {"f16", 2}, {"bf16", 2},
                            {"i64", 8}, {"i32", 4}, {"u8", 1},  {"bool", 1}};
constexpr int32_t dtype_count = sizeof dtypes / sizeof dtypes[0];

// The name is restored on return, so a launcher that calls another leaves the right one behind.
struct Running {
    const char* outer = running_kernel;
    explicit Running(const char* kernel) { running_kernel = kernel; }
    ~Running() { running_kernel = outer; }
};

}  // namespace

namespace cn {

const char* current_kernel() { return running_kernel; }

CnStatus set_error(const char* kernel, CnStatus status, int32_t cuda_error, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    record(kernel, status, cuda_error, format, arguments);
    va_end(arguments);
    return status;
}

CnStatus enter(const char* kernel, CnLauncher launcher, const CnCall* call) {
    Running running(kernel);
    ProfilerRange range(kernel);
    if (!call) return cn_fail(kernel, CN_INVALID_ARGUMENT, "the call is NULL");
    try {
        return launcher(call);
    } catch (const std::bad_alloc&) {
        return cn_fail(kernel, CN_OUT_OF_MEMORY, "no host memory is left for the launch");
    } catch (const std::exception& error) {
        return cn_fail(kernel, CN_LAUNCH_FAILED, "%s", error.what());
    }
}

int64_t enter(const char* kernel, CnWorkspaceQuery query, const CnCall* call) {
    Running running(kernel);
    try {
        return query(call);
    } catch (const std::exception& error) {
        cn_fail(kernel, CN_LAUNCH_FAILED, "%s", error.what());
        return -1;
    }
}

CnStatus check_launch(const LaunchShape& shape, bool* empty) {
    const Dim &grid = shape.grid, &block = shape.block;
    *empty = false;
    const char* kernel = running_kernel;
    if (grid.x < 0 || grid.y < 0 || grid.z < 0)
        return cn_fail(kernel, CN_LAUNCH_FAILED, "%s: the grid (%lld, %lld, %lld) has a negative side", shape.kernel,
                       (long long)grid.x, (long long)grid.y, (long long)grid.z);
    if (block.x < 1 || block.y < 1 || block.z < 1 || block.x > 1024 || block.y > 1024 || block.z > 64 ||
        block.volume() > 1024)
        return cn_fail(kernel, CN_LAUNCH_FAILED,
                       "%s: the block (%lld, %lld, %lld) does not fit: at most 1024 threads, and 64 along z",
                       shape.kernel, (long long)block.x, (long long)block.y, (long long)block.z);
    if (grid.x > INT32_MAX || grid.y > 65535 || grid.z > 65535)
        return cn_fail(kernel, CN_LAUNCH_FAILED,
                       "%s: the grid (%lld, %lld, %lld) does not fit: at most 2147483647 along x and 65535 along y "
                       "and z",
                       shape.kernel, (long long)grid.x, (long long)grid.y, (long long)grid.z);
    int64_t limit = shape.large_shared ? large_shared_limit : shared_limit;
    if (shape.shared_bytes < 0 || shape.shared_bytes > limit)
        return cn_fail(kernel, CN_LAUNCH_FAILED, "%s: %lld bytes of shared memory are over the limit of %lld%s",
                       shape.kernel, (long long)shape.shared_bytes, (long long)limit,
                       shape.large_shared ? "" : " (CN_LAUNCH_LARGE_SHARED allows more)");
    *empty = grid.volume() == 0;
    return CN_OK;
}

}  // namespace cn

CnStatus cn_fail(const char* kernel, CnStatus status, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    record(kernel, status, 0, format, arguments);
    va_end(arguments);
    return status;
}

CnStatus cn_fail(const CnCall*, CnStatus status, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    record(running_kernel, status, 0, format, arguments);
    va_end(arguments);
    return status;
}

const char* cn_dtype_name(int32_t dtype) { return dtype >= 0 && dtype < dtype_count ? dtypes[dtype].name : "unknown"; }
int64_t cn_dtype_size(int32_t dtype) { return dtype >= 0 && dtype < dtype_count ? dtypes[dtype].size : 0; }

CnStatus cn_unsupported_dtype(const CnCall* call, int32_t dtype) {
    return cn_fail(call, CN_UNSUPPORTED, "no code for dtype %s", cn_dtype_name(dtype));
}

extern "C" CN_EXPORT const CnError* cn_last_error(void) { return &last_error; }
