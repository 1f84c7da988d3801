/*
 * cudanet.h: the whole C ABI of CudaNet's native side. A C application needs nothing else.
 *
 * Two libraries export it: libcudanet_simt.so, in which g++ has compiled the kernels for the CPU, and
 * libcudanet_cuda.so, in which nvcc has compiled the same files for a GPU. Only the library that is loaded differs.
 *
 * Rules that hold for every function
 *   - It returns a CnStatus; cn_last_error() tells the calling thread more. Nothing throws, exits or aborts across
 *     this boundary.
 *   - Work is ordered by streams. Launches return before the work is done; an error found while the work runs (on simt
 *     a divergent barrier, say) is returned by the next call that waits for that stream.
 *   - Device memory is the caller's: a kernel allocates nothing. Outputs and workspaces are passed in.
 *   - Sizes, shapes and strides are 64-bit; strides count elements, not bytes; a broadcast axis has stride 0.
 */
#ifndef CUDANET_H
#define CUDANET_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CN_ABI_VERSION 2
#define CN_MAX_RANK 8

#if defined(_WIN32)
#define CN_EXPORT __declspec(dllexport)
#else
#define CN_EXPORT __attribute__((visibility("default")))
#endif

typedef int32_t CnStatus;
enum {
    CN_OK = 0,
    CN_INVALID_ARGUMENT = 1,
    CN_UNSUPPORTED = 2, /* the kernel has no code for this dtype, rank or size */
    CN_OUT_OF_MEMORY = 3,
    CN_LAUNCH_FAILED = 4, /* refused by the device, or a kernel misbehaved while it ran */
    CN_DEVICE_ERROR = 5,  /* any other error of the CUDA runtime */
    CN_NOT_FOUND = 6,
    CN_CAPTURING = 7 /* not possible while a stream is captured: it would have to run now */
};

typedef enum CnDType {
    CN_F32 = 0,
    CN_F64 = 1,
    CN_F16 = 2,
    CN_BF16 = 3,
    CN_I64 = 4,
    CN_I32 = 5,
    CN_U8 = 6,
    CN_BOOL = 7 /* one byte, 0 or 1 */
} CnDType;

/* A tensor as a kernel sees it. `data` points at the first element: a view's offset is already added. */
typedef struct CnTensor {
    void* data;
    int32_t dtype;
    int32_t rank;
    int64_t shape[CN_MAX_RANK];
    int64_t strides[CN_MAX_RANK];
} CnTensor;

/* One argument of a kernel: a tensor (count 1), a list of tensors, or an absent optional tensor (count 0). */
typedef struct CnArg {
    const CnTensor* items;
    int64_t count;
} CnArg;

/* A stream: on cuda the cudaStream_t itself, so that it can be shared with other libraries; on simt a queue. */
typedef struct CnStreamTag* CnStream;
typedef struct CnEventTag* CnEvent;
/* A captured sequence of work, ready to be launched again. */
typedef struct CnGraphTag* CnGraph;

/*
 * One launch. `args` holds the inputs and then the outputs, in the order of the kernel's signature. `attributes` has one
 * 64-bit value per attribute of the signature: an integer, the bits of a double, or, for a list of integers, the list's
 * position in `attributes` in the low 32 bits and its length in the high 32 bits.
 * `variant` chooses a numbered variant of the kernel; 0 takes the one meant for use.
 */
typedef struct CnCall {
    int32_t device;
    int32_t variant;
    int32_t arg_count;
    int32_t attribute_count;
    const CnArg* args;
    const int64_t* attributes;
    CnStream stream;
    void* workspace;
    int64_t workspace_bytes;
} CnCall;

typedef CnStatus (*CnLauncher)(const CnCall* call);
typedef int64_t (*CnWorkspaceQuery)(const CnCall* call);

/* What a kernel file registers. The signature reads `input, weight?, others*; eps: float, dim: ints -> output`:
 * inputs (`?` optional, `*` a list), attributes with their kinds (int, float, bool, ints), outputs. */
typedef struct CnKernel {
    const char* name;
    const char* signature;
    const char* const* variants; /* one line each: what the variant is; variants[0] is number 1 */
    int32_t variant_count;
    CnLauncher launch;
    CnWorkspaceQuery workspace; /* NULL when no workspace is needed */
    /* The same by a library of NVIDIA's, "cublas" or "cudnn"; NULL when there is no such way. The launch returns CN_UNSUPPORTED for a call
     * that only the kernel can serve, and CN_NOT_FOUND when the library is not there. */
    const char* vendor;
    CnLauncher vendor_launch;
    CnWorkspaceQuery vendor_workspace;
} CnKernel;

typedef struct CnError {
    CnStatus status;
    int32_t cuda_error; /* cudaError_t, or 0 */
    char kernel[64];
    char message[1024];
} CnError;

typedef struct CnDeviceInfo {
    char name[128];
    char backend[8]; /* "simt" or "cuda" */
    int64_t memory_bytes;
    int64_t free_bytes;
    int32_t multiprocessors;
    int32_t compute_major;
    int32_t compute_minor;
    int32_t runtime_version; /* CUDART_VERSION, 0 on simt */
    int32_t driver_version;
    int32_t reserved;
} CnDeviceInfo;

typedef enum CnCopyKind { CN_HOST_TO_DEVICE = 0, CN_DEVICE_TO_HOST = 1, CN_DEVICE_TO_DEVICE = 2 } CnCopyKind;

/* A library of NVIDIA's that is loaded when first needed. CUDANET_CUBLAS_LIBRARY and CUDANET_CUDNN_LIBRARY name other files. */
typedef struct CnVendorInfo {
    char name[16];
    char loaded[256];  /* the file; "" when it cannot be loaded */
    char problem[512]; /* why not */
    int64_t version;   /* as the library tells it: 110803 is cuBLAS 11.8.3, 8902 cuDNN 8.9.2, 90100 cuDNN 9.1.0 */
} CnVendorInfo;

CN_EXPORT int32_t cn_abi_version(void);
/* "simt", "simt-asan", "simt-race" or "cuda" */
CN_EXPORT const char* cn_build(void);
/* The error of this thread's last failed call; never NULL. */
CN_EXPORT const CnError* cn_last_error(void);

CN_EXPORT CnStatus cn_device_count(int32_t* count);
CN_EXPORT CnStatus cn_device_info(int32_t device, CnDeviceInfo* info);

CN_EXPORT int32_t cn_kernel_count(void);
/* In the order of their names; NULL when index is out of range. */
CN_EXPORT const CnKernel* cn_kernel_at(int32_t index);
/* Kernel launches (grids, not ABI calls) made by this process so far: tests assert how many an op needs. A captured launch
 * counts when it is recorded, not when it is replayed. */
CN_EXPORT int64_t cn_launch_count(void);

/* Tries to load the vendor's library of this number; CN_NOT_FOUND past the last one. */
CN_EXPORT CnStatus cn_vendor_info(int32_t index, CnVendorInfo* info);
/* Calls that vendors' libraries have served in this process. */
CN_EXPORT int64_t cn_vendor_call_count(void);

/* Memory. Allocations are aligned to 256 bytes. cn_free is ordered after the work already in `stream`. */
CN_EXPORT CnStatus cn_alloc(int32_t device, int64_t bytes, CnStream stream, void** pointer);
CN_EXPORT CnStatus cn_free(int32_t device, void* pointer, CnStream stream);
/* Pageable host memory: returns when the host memory may be reused. */
CN_EXPORT CnStatus cn_copy(int32_t device, void* destination, const void* source, int64_t bytes, int32_t kind,
                           CnStream stream);
/* Host memory comes from cn_host_alloc. Returns at once: the host memory may be touched again, or freed, when the stream has
 * passed the copy. */
CN_EXPORT CnStatus cn_copy_async(int32_t device, void* destination, const void* source, int64_t bytes, int32_t kind,
                                 CnStream stream);
/* Page-locked host memory, from and to which copies run beside kernels. */
CN_EXPORT CnStatus cn_host_alloc(int32_t device, int64_t bytes, void** pointer);
CN_EXPORT CnStatus cn_host_free(int32_t device, void* pointer);
CN_EXPORT CnStatus cn_memset(int32_t device, void* destination, int32_t byte, int64_t bytes, CnStream stream);

/* Streams. NULL is the device's default stream everywhere. */
CN_EXPORT CnStatus cn_stream_create(int32_t device, CnStream* stream);
CN_EXPORT CnStatus cn_stream_destroy(int32_t device, CnStream stream);
CN_EXPORT CnStatus cn_stream_synchronize(int32_t device, CnStream stream);
CN_EXPORT CnStatus cn_device_synchronize(int32_t device);

CN_EXPORT CnStatus cn_event_create(int32_t device, CnEvent* event);
CN_EXPORT CnStatus cn_event_destroy(int32_t device, CnEvent event);
CN_EXPORT CnStatus cn_event_record(int32_t device, CnEvent event, CnStream stream);
CN_EXPORT CnStatus cn_event_wait(int32_t device, CnEvent event, CnStream stream);
CN_EXPORT CnStatus cn_event_synchronize(int32_t device, CnEvent event);
/* *reached is 1 when the work that the event was recorded behind is done, or when it was never recorded. */
CN_EXPORT CnStatus cn_event_query(int32_t device, CnEvent event, int32_t* reached);
CN_EXPORT CnStatus cn_event_elapsed(int32_t device, CnEvent start, CnEvent end, float* milliseconds);

/* Graphs. Between begin and end the work given to the stream is recorded with its arguments instead of being run. What
 * would have to run at once, such as a synchronisation or a copy to or from pageable memory, is refused with CN_CAPTURING. Not the
 * default stream. cn_capture_end ends the capture in any case; graph may be NULL to drop what was recorded. */
CN_EXPORT CnStatus cn_capture_begin(int32_t device, CnStream stream);
CN_EXPORT CnStatus cn_capture_end(int32_t device, CnStream stream, CnGraph* graph);
CN_EXPORT CnStatus cn_graph_launch(int32_t device, CnGraph graph, CnStream stream);
CN_EXPORT CnStatus cn_graph_node_count(int32_t device, CnGraph graph, int64_t* count);
/* The caller has waited for its launches. */
CN_EXPORT CnStatus cn_graph_destroy(int32_t device, CnGraph graph);

/* Ranges on a profiler's timeline (NVTX): each launcher opens one with its kernel's name. Nsight listens when it has started the program;
 * cn_ranges_attach loads another NVTX injection library. Without a listener, pushing and popping do nothing. */
CN_EXPORT void cn_range_push(const char* name);
CN_EXPORT void cn_range_pop(void);
CN_EXPORT int32_t cn_ranges_attached(void);
CN_EXPORT CnStatus cn_ranges_attach(const char* injection_library);

/* How simt runs kernels; on cuda cn_simt_configure returns CN_UNSUPPORTED. The environment sets the start values:
 * CUDANET_SIMT_WORKERS, CUDANET_SIMT_SEED, CUDANET_SIMT_DEFER. CUDANET_SIMT_MEMORY (bytes) makes a small device. */
typedef struct CnSimtConfig {
    int32_t workers; /* blocks that run at one time; 0 = one per processor */
    int32_t defer;   /* 0: a stream's work runs as soon as it is queued; 1: at a synchronisation or at a later moment
                               drawn from `schedule_seed` */
    int64_t schedule_seed; /* 0: threads in order; otherwise each thread runs to its next barrier in a random order */
} CnSimtConfig;
CN_EXPORT CnStatus cn_simt_configure(const CnSimtConfig* config);

#ifdef __cplusplus
}
#endif
#endif
