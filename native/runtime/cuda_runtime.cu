// The C ABI on the CUDA runtime. Valid from CUDA 11.8 to 13.
#include <stdio.h>

#include <memory>
#include <new>

#include "../../kernels/device/kernel.cuh"
#include "grid.h"
#include "vendor.h"

namespace {

// A failed call also leaves its code behind as "last error", where the next launch would find it; that is cleared here.
CnStatus report(cudaError_t error, const char* what) {
    if (error == cudaSuccess) return CN_OK;
    cudaGetLastError();
    CnStatus status = CN_DEVICE_ERROR;
    if (error == cudaErrorMemoryAllocation) status = CN_OUT_OF_MEMORY;
    if (error == cudaErrorInvalidDevice || error == cudaErrorInvalidValue) status = CN_INVALID_ARGUMENT;
    if (error == cudaErrorInvalidConfiguration || error == cudaErrorLaunchFailure ||
        error == cudaErrorLaunchOutOfResources || error == cudaErrorIllegalAddress ||
        error == cudaErrorMisalignedAddress || error == cudaErrorInvalidDeviceFunction ||
        error == cudaErrorNoKernelImageForDevice)
        status = CN_LAUNCH_FAILED;
    if (error >= cudaErrorStreamCaptureUnsupported && error <= cudaErrorStreamCaptureWrongThread) status = CN_CAPTURING;
    return cn::set_error(cn::current_kernel(), status, static_cast<int32_t>(error), "%s: %s (%s)", what,
                         cudaGetErrorString(error), cudaGetErrorName(error));
}

#define CN_CUDA(call)                                                  \
    do {                                                               \
        cudaError_t cn_error_ = (call);                                \
        if (cn_error_ != cudaSuccess) return report(cn_error_, #call); \
    } while (0)

cudaStream_t raw(CnStream stream) { return reinterpret_cast<cudaStream_t>(stream); }
cudaEvent_t raw(CnEvent event) { return reinterpret_cast<cudaEvent_t>(event); }

// Whether a device has stream-ordered memory, asked once per device.
constexpr int most_devices = 64;
bool has_memory_pools(int device) {
    static signed char known[most_devices];  // 0: not asked; racing askers write the same answer
    if (device < 0 || device >= most_devices) return false;
    if (known[device] == 0) {
        int supported = 0;
        if (cudaDeviceGetAttribute(&supported, cudaDevAttrMemoryPoolsSupported, device) != cudaSuccess) {
            cudaGetLastError();
            supported = 0;
        }
        if (supported) {
            // Freed memory stays with the pool: giving it back at each synchronisation costs more than it frees.
            cudaMemPool_t pool;
            if (cudaDeviceGetDefaultMemPool(&pool, device) == cudaSuccess) {
                unsigned long long keep = ~0ull;
                cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &keep);
            }
        }
        known[device] = supported ? 1 : -1;
    }
    return known[device] > 0;
}

bool is_capturing(CnStream stream) {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    return stream && cudaStreamIsCapturing(raw(stream), &status) == cudaSuccess &&
           status != cudaStreamCaptureStatusNone;
}

// While it lives, this thread may allocate although one of its streams is captured.
struct OutsideCapture {
    cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
    OutsideCapture() { cudaThreadExchangeStreamCaptureMode(&mode); }
    ~OutsideCapture() { cudaThreadExchangeStreamCaptureMode(&mode); }
    OutsideCapture(const OutsideCapture&) = delete;
};

// Memory for a captured graph must outlive a replay, so it is no part of the graph: it comes from a stream of its own, waited
// for at once.
CnStatus alloc_outside(int device, size_t bytes, void** pointer) {
    OutsideCapture outside;
    if (!has_memory_pools(device)) {
        CN_CUDA(cudaMalloc(pointer, bytes));
        return CN_OK;
    }
    cudaStream_t own;
    CN_CUDA(cudaStreamCreateWithFlags(&own, cudaStreamNonBlocking));
    cudaError_t error = cudaMallocAsync(pointer, bytes, own);
    if (error == cudaSuccess) error = cudaStreamSynchronize(own);
    cudaStreamDestroy(own);
    return report(error, "cudaMallocAsync while capturing");
}

}  // namespace

struct CnGraphTag {
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    ~CnGraphTag() {
        if (executable) cudaGraphExecDestroy(executable);
        if (graph) cudaGraphDestroy(graph);
    }
};

namespace cn {

CnStatus launch_gpu(const CnCall* call, const LaunchShape& shape, const void* kernel, void** arguments) {
    bool empty;
    CN_TRY(check_launch(shape, &empty));
    if (empty) return CN_OK;
    CN_CUDA(cudaSetDevice(call->device));
    if (shape.shared_bytes > shared_limit)
        CN_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                     static_cast<int>(shape.shared_bytes)));
    dim3 grid(static_cast<unsigned>(shape.grid.x), static_cast<unsigned>(shape.grid.y),
              static_cast<unsigned>(shape.grid.z));
    dim3 block(static_cast<unsigned>(shape.block.x), static_cast<unsigned>(shape.block.y),
               static_cast<unsigned>(shape.block.z));
    count_launch();
    cudaError_t error =
        cudaLaunchKernel(kernel, grid, block, arguments, static_cast<size_t>(shape.shared_bytes), raw(call->stream));
    return report(error, shape.kernel);
}

CnStatus vendor_call(const CnCall* call, std::function<CnStatus(void*)> work) {
    CN_CUDA(cudaSetDevice(call->device));
    count_vendor_call();
    return work(call->stream);
}

}  // namespace cn

extern "C" {

CN_EXPORT const char* cn_build(void) { return "cuda"; }

CN_EXPORT CnStatus cn_device_count(int32_t* count) {
    int devices = 0;
    cudaError_t error = cudaGetDeviceCount(&devices);
    *count = error == cudaSuccess ? devices : 0;
    if (error == cudaErrorNoDevice) {
        cudaGetLastError();
        return CN_OK;
    }
    return report(error, "cudaGetDeviceCount");
}

// Only the name is taken from cudaDeviceProp: CUDA 13 removed many of its fields.
CN_EXPORT CnStatus cn_device_info(int32_t device, CnDeviceInfo* info) {
    memset(info, 0, sizeof *info);
    CN_CUDA(cudaSetDevice(device));
    cudaDeviceProp properties;
    CN_CUDA(cudaGetDeviceProperties(&properties, device));
    snprintf(info->name, sizeof info->name, "%.127s", properties.name);
    snprintf(info->backend, sizeof info->backend, "cuda");
    size_t available = 0, total = 0;
    CN_CUDA(cudaMemGetInfo(&available, &total));
    info->memory_bytes = static_cast<int64_t>(total);
    info->free_bytes = static_cast<int64_t>(available);
    CN_CUDA(cudaDeviceGetAttribute(&info->multiprocessors, cudaDevAttrMultiProcessorCount, device));
    CN_CUDA(cudaDeviceGetAttribute(&info->compute_major, cudaDevAttrComputeCapabilityMajor, device));
    CN_CUDA(cudaDeviceGetAttribute(&info->compute_minor, cudaDevAttrComputeCapabilityMinor, device));
    info->runtime_version = CUDART_VERSION;
    CN_CUDA(cudaDriverGetVersion(&info->driver_version));
    return CN_OK;
}

CN_EXPORT CnStatus cn_alloc(int32_t device, int64_t bytes, CnStream stream, void** pointer) {
    if (!pointer || bytes < 0)
        return cn_fail("", CN_INVALID_ARGUMENT, "cn_alloc of %lld bytes", static_cast<long long>(bytes));
    *pointer = nullptr;
    if (bytes == 0) return CN_OK;
    CN_CUDA(cudaSetDevice(device));
    if (is_capturing(stream)) return alloc_outside(device, static_cast<size_t>(bytes), pointer);
    if (has_memory_pools(device))
        CN_CUDA(cudaMallocAsync(pointer, static_cast<size_t>(bytes), raw(stream)));
    else
        CN_CUDA(cudaMalloc(pointer, static_cast<size_t>(bytes)));
    return CN_OK;
}

CN_EXPORT CnStatus cn_free(int32_t device, void* pointer, CnStream stream) {
    if (!pointer) return CN_OK;
    CN_CUDA(cudaSetDevice(device));
    if (has_memory_pools(device)) {
        CN_CUDA(cudaFreeAsync(pointer, raw(stream)));
    } else {
        CN_CUDA(cudaStreamSynchronize(raw(stream)));
        CN_CUDA(cudaFree(pointer));
    }
    return CN_OK;
}

CN_EXPORT CnStatus cn_copy(int32_t device, void* destination, const void* source, int64_t bytes, int32_t kind,
                           CnStream stream) {
    if (bytes < 0 || kind < CN_HOST_TO_DEVICE || kind > CN_DEVICE_TO_DEVICE)
        return cn_fail("", CN_INVALID_ARGUMENT, "cn_copy of %lld bytes, kind %d", static_cast<long long>(bytes), kind);
    if (kind != CN_DEVICE_TO_DEVICE && is_capturing(stream))
        return cn_fail("", CN_CAPTURING, "a copy between device and pageable host memory cannot be captured");
    CN_TRY(cn_copy_async(device, destination, source, bytes, kind, stream));
    // The host reads next, whatever kind of memory it gave.
    if (kind == CN_DEVICE_TO_HOST) CN_CUDA(cudaStreamSynchronize(raw(stream)));
    return CN_OK;
}

CN_EXPORT CnStatus cn_copy_async(int32_t device, void* destination, const void* source, int64_t bytes, int32_t kind,
                                 CnStream stream) {
    if (bytes < 0 || kind < CN_HOST_TO_DEVICE || kind > CN_DEVICE_TO_DEVICE)
        return cn_fail("", CN_INVALID_ARGUMENT, "cn_copy_async of %lld bytes, kind %d", static_cast<long long>(bytes),
                       kind);
    CN_CUDA(cudaSetDevice(device));
    constexpr cudaMemcpyKind kinds[] = {cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice};
    if (bytes > 0) CN_CUDA(cudaMemcpyAsync(destination, source, static_cast<size_t>(bytes), kinds[kind], raw(stream)));
    return CN_OK;
}

CN_EXPORT CnStatus cn_host_alloc(int32_t device, int64_t bytes, void** pointer) {
    if (!pointer || bytes < 0)
        return cn_fail("", CN_INVALID_ARGUMENT, "cn_host_alloc of %lld bytes", static_cast<long long>(bytes));
    *pointer = nullptr;
    CN_CUDA(cudaSetDevice(device));
    if (bytes > 0) CN_CUDA(cudaHostAlloc(pointer, static_cast<size_t>(bytes), cudaHostAllocPortable));
    return CN_OK;
}
CN_EXPORT CnStatus cn_host_free(int32_t device, void* pointer) {
    CN_CUDA(cudaSetDevice(device));
    if (pointer) CN_CUDA(cudaFreeHost(pointer));
    return CN_OK;
}

CN_EXPORT CnStatus cn_memset(int32_t device, void* destination, int32_t byte, int64_t bytes, CnStream stream) {
    if (bytes < 0) return cn_fail("", CN_INVALID_ARGUMENT, "cn_memset of %lld bytes", static_cast<long long>(bytes));
    CN_CUDA(cudaSetDevice(device));
    if (bytes > 0) CN_CUDA(cudaMemsetAsync(destination, byte, static_cast<size_t>(bytes), raw(stream)));
    return CN_OK;
}

// Created streams do not wait for the default stream: what needs an order says so by an event.
CN_EXPORT CnStatus cn_stream_create(int32_t device, CnStream* stream) {
    CN_CUDA(cudaSetDevice(device));
    cudaStream_t created;
    CN_CUDA(cudaStreamCreateWithFlags(&created, cudaStreamNonBlocking));
    *stream = reinterpret_cast<CnStream>(created);
    return CN_OK;
}
CN_EXPORT CnStatus cn_stream_destroy(int32_t device, CnStream stream) {
    if (!stream) return cn_fail("", CN_INVALID_ARGUMENT, "the default stream cannot be destroyed");
    CN_CUDA(cudaSetDevice(device));
    CN_CUDA(cudaStreamDestroy(raw(stream)));
    return CN_OK;
}
CN_EXPORT CnStatus cn_stream_synchronize(int32_t device, CnStream stream) {
    CN_CUDA(cudaSetDevice(device));
    CN_CUDA(cudaStreamSynchronize(raw(stream)));
    return CN_OK;
}
CN_EXPORT CnStatus cn_device_synchronize(int32_t device) {
    CN_CUDA(cudaSetDevice(device));
    CN_CUDA(cudaDeviceSynchronize());
    return CN_OK;
}

CN_EXPORT CnStatus cn_event_create(int32_t device, CnEvent* event) {
    CN_CUDA(cudaSetDevice(device));
    cudaEvent_t created;
    CN_CUDA(cudaEventCreate(&created));
    *event = reinterpret_cast<CnEvent>(created);
    return CN_OK;
}
CN_EXPORT CnStatus cn_event_destroy(int32_t device, CnEvent event) {
    if (!event) return CN_OK;
    CN_CUDA(cudaSetDevice(device));
    CN_CUDA(cudaEventDestroy(raw(event)));
    return CN_OK;
}
CN_EXPORT CnStatus cn_event_record(int32_t device, CnEvent event, CnStream stream) {
    CN_CUDA(cudaSetDevice(device));
    CN_CUDA(cudaEventRecord(raw(event), raw(stream)));
    return CN_OK;
}
CN_EXPORT CnStatus cn_event_wait(int32_t device, CnEvent event, CnStream stream) {
    CN_CUDA(cudaSetDevice(device));
    CN_CUDA(cudaStreamWaitEvent(raw(stream), raw(event), 0));
    return CN_OK;
}
CN_EXPORT CnStatus cn_event_synchronize(int32_t device, CnEvent event) {
    CN_CUDA(cudaSetDevice(device));
    CN_CUDA(cudaEventSynchronize(raw(event)));
    return CN_OK;
}
CN_EXPORT CnStatus cn_event_query(int32_t device, CnEvent event, int32_t* reached) {
    CN_CUDA(cudaSetDevice(device));
    cudaError_t error = cudaEventQuery(raw(event));
    *reached = error == cudaSuccess;
    if (error != cudaErrorNotReady) return report(error, "cudaEventQuery");
    cudaGetLastError();
    return CN_OK;
}
CN_EXPORT CnStatus cn_event_elapsed(int32_t device, CnEvent start, CnEvent end, float* milliseconds) {
    CN_CUDA(cudaSetDevice(device));
    CN_CUDA(cudaEventElapsedTime(milliseconds, raw(start), raw(end)));
    return CN_OK;
}

// Thread-local: what other threads do on other streams neither disturbs a capture nor is disturbed by it.
CN_EXPORT CnStatus cn_capture_begin(int32_t device, CnStream stream) {
    if (!stream) return cn_fail("", CN_INVALID_ARGUMENT, "the default stream cannot be captured");
    CN_CUDA(cudaSetDevice(device));
    CN_CUDA(cudaStreamBeginCapture(raw(stream), cudaStreamCaptureModeThreadLocal));
    return CN_OK;
}
CN_EXPORT CnStatus cn_capture_end(int32_t device, CnStream stream, CnGraph* graph) {
    CN_CUDA(cudaSetDevice(device));
    std::unique_ptr<CnGraphTag> made(new (std::nothrow) CnGraphTag);
    if (!made) return cn_fail("", CN_OUT_OF_MEMORY, "no host memory for a graph");
    if (graph) *graph = nullptr;
    CN_CUDA(cudaStreamEndCapture(raw(stream), &made->graph));
    if (!graph) return CN_OK;
    CN_CUDA(cudaGraphInstantiateWithFlags(&made->executable, made->graph, 0));
    *graph = made.release();
    return CN_OK;
}
CN_EXPORT CnStatus cn_graph_launch(int32_t device, CnGraph graph, CnStream stream) {
    if (!graph) return cn_fail("", CN_INVALID_ARGUMENT, "cn_graph_launch of NULL");
    CN_CUDA(cudaSetDevice(device));
    CN_CUDA(cudaGraphLaunch(graph->executable, raw(stream)));
    return CN_OK;
}
CN_EXPORT CnStatus cn_graph_node_count(int32_t device, CnGraph graph, int64_t* count) {
    if (!graph) return cn_fail("", CN_INVALID_ARGUMENT, "cn_graph_node_count of NULL");
    CN_CUDA(cudaSetDevice(device));
    size_t nodes = 0;
    CN_CUDA(cudaGraphGetNodes(graph->graph, nullptr, &nodes));
    *count = static_cast<int64_t>(nodes);
    return CN_OK;
}
CN_EXPORT CnStatus cn_graph_destroy(int32_t device, CnGraph graph) {
    CN_CUDA(cudaSetDevice(device));
    delete graph;
    return CN_OK;
}

CN_EXPORT CnStatus cn_simt_configure(const CnSimtConfig*) {
    return cn_fail("", CN_UNSUPPORTED, "this library runs on CUDA; only the simt library has schedules to configure");
}

CN_EXPORT void cn_simt_limit_grids(int64_t) {}
}

namespace cn {
int64_t largest_grid() { return INT64_MAX; }
}  // namespace cn
