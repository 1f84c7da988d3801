// The C ABI on the host execution layer.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "../simt/memory.h"
#include "../simt/pool.h"
#include "../simt/stream.h"
#include "grid.h"
#include "vendor.h"

namespace {

using simt::Failure;
using Guard = std::lock_guard<std::recursive_mutex>;

int64_t from_environment(const char* name, int64_t fallback) {
    const char* value = getenv(name);
    return value && *value ? strtoll(value, nullptr, 10) : fallback;
}

uint32_t launches_since_configure = 0;
uint32_t launch_ids = 0;

int worker_count() {
    int workers = simt::configuration().workers;
    if (workers <= 0) workers = static_cast<int>(std::thread::hardware_concurrency());
    return std::max(1, std::min(workers, 256));
}

CnStatus bad_device(int32_t device) {
    return cn_fail(cn::current_kernel(), CN_INVALID_ARGUMENT, "device %d does not exist: simt has device 0 only",
                   device);
}
CnStatus bad_stream() { return cn_fail(cn::current_kernel(), CN_INVALID_ARGUMENT, "the stream does not exist"); }

CnStatus report(const Failure& failure) {
    if (!failure) return CN_OK;
    return cn_fail(failure.kernel.c_str(), CN_LAUNCH_FAILED, "%s", failure.message.c_str());
}

CnStatus check_pointer(const char* what, const void* pointer, int64_t bytes) {
    if (!pointer) return cn_fail("", CN_INVALID_ARGUMENT, "%s is NULL", what);
    if (simt::check_range(pointer, bytes) == simt::Range::outside)
        return cn_fail("", CN_INVALID_ARGUMENT, "%lld bytes at %s reach beyond its allocation, or it was freed",
                       static_cast<long long>(bytes), what);
    return CN_OK;
}

// What must run now cannot be recorded.
CnStatus refuse_capture(const char* what) {
    return cn_fail(cn::current_kernel(), CN_CAPTURING, "%s is not possible while the stream is captured", what);
}

CnStatus check_copy(const void* destination, const void* source, int64_t bytes, int32_t kind) {
    if (bytes < 0 || kind < CN_HOST_TO_DEVICE || kind > CN_DEVICE_TO_DEVICE)
        return cn_fail("", CN_INVALID_ARGUMENT, "a copy of %lld bytes, kind %d", (long long)bytes, kind);
    if (bytes == 0) return CN_OK;
    if (!source || !destination) return cn_fail("", CN_INVALID_ARGUMENT, "a copy from or to NULL");
    if (kind != CN_HOST_TO_DEVICE) CN_TRY(check_pointer("the copy's source", source, bytes));
    if (kind != CN_DEVICE_TO_HOST) CN_TRY(check_pointer("the copy's destination", destination, bytes));
    return CN_OK;
}

#define CN_FIND_STREAM(tag, device, stream)       \
    if ((device) != 0) return bad_device(device); \
    CnStreamTag* tag = simt::find_stream(stream); \
    if (!tag) return bad_stream()

}  // namespace

namespace simt {
CnSimtConfig& configuration() {
    static CnSimtConfig config = {static_cast<int32_t>(from_environment("CUDANET_SIMT_WORKERS", 0)),
                                  static_cast<int32_t>(from_environment("CUDANET_SIMT_DEFER", 0)),
                                  from_environment("CUDANET_SIMT_SEED", 0)};
    return config;
}
}  // namespace simt

namespace {
std::atomic<int64_t>& grid_limit() {
    static std::atomic<int64_t> limit{from_environment("CUDANET_SIMT_GRID", 0)};
    return limit;
}
}  // namespace

namespace cn {

int64_t largest_grid() {
    int64_t limit = grid_limit();
    return limit > 0 ? limit : INT64_MAX;
}

CnStatus launch_simt(const CnCall* call, const LaunchShape& shape, std::unique_ptr<simt::BoundKernel> kernel) {
    bool empty;
    CN_TRY(check_launch(shape, &empty));
    if (empty) return CN_OK;
    Guard guard(simt::lock());
    CN_FIND_STREAM(stream, call->device, call->stream);
    count_launch();

    // Schedules count launches from the last configure, so that they repeat; the race checker needs numbers never used.
    uint64_t seed = static_cast<uint64_t>(simt::configuration().schedule_seed);
    if (seed) seed = seed * 0x9e3779b97f4a7c15ull + ++launches_since_configure;
    if (seed == 0 && simt::configuration().schedule_seed != 0) seed = 1;
    std::string name = shape.kernel;
    if (name.front() == '(') name = name.substr(1, name.size() - 2);
    simt::enqueue(stream, {[shape, seed, name, op = current_kernel(),
                            body = std::shared_ptr<const simt::BoundKernel>(std::move(kernel))]() -> Failure {
                               auto side = [](int64_t n) { return static_cast<unsigned>(n); };
                               simt::Launch launch;
                               launch.op = op;
                               launch.kernel = name;
                               launch.grid = dim3(side(shape.grid.x), side(shape.grid.y), side(shape.grid.z));
                               launch.block = dim3(side(shape.block.x), side(shape.block.y), side(shape.block.z));
                               launch.shared_bytes = shape.shared_bytes;
                               launch.large_shared = shape.large_shared;
                               launch.body = body;
                               launch.seed = seed;
                               launch.number = ++launch_ids;
                               simt::run_launch(launch, worker_count());
                               if (!launch.failed) return {};
                               return {op, name + ": " + launch.error};
                           },
                           nullptr, nullptr});
    return CN_OK;
}

CnStatus vendor_call(const CnCall* call, std::function<CnStatus(void*)> work) {
    Guard guard(simt::lock());
    CN_FIND_STREAM(stream, call->device, call->stream);
    count_vendor_call();
    simt::enqueue(stream, {[work = std::move(work), kernel = current_kernel()]() -> Failure {
                               if (work(nullptr) == CN_OK) return {};
                               return {kernel, cn_last_error()->message};
                           },
                           nullptr, nullptr});
    return CN_OK;
}

}  // namespace cn

extern "C" {

CN_EXPORT const char* cn_build(void) {
#if CN_SIMT_ASAN
    return "simt-asan";
#elif defined(CUDANET_SIMT_RACE)
    return "simt-race";
#else
    return "simt";
#endif
}

CN_EXPORT CnStatus cn_device_count(int32_t* count) {
    *count = 1;
    return CN_OK;
}

CN_EXPORT CnStatus cn_device_info(int32_t device, CnDeviceInfo* info) {
    if (device != 0) return bad_device(device);
    Guard guard(simt::lock());
    memset(info, 0, sizeof *info);
    snprintf(info->name, sizeof info->name, "host execution layer");
    std::ifstream cpuinfo("/proc/cpuinfo");
    for (std::string line; std::getline(cpuinfo, line);)
        if (line.rfind("model name", 0) == 0) {
            snprintf(info->name, sizeof info->name, "host execution layer on %s",
                     line.substr(line.find(':') + 2).c_str());
            break;
        }
    snprintf(info->backend, sizeof info->backend, "simt");
    info->memory_bytes = simt::memory_limit();
    info->free_bytes = simt::memory_limit() - simt::memory_in_use();
    info->multiprocessors = worker_count();
    info->compute_major = 8;  // the limits that launches are held to
    return CN_OK;
}

CN_EXPORT CnStatus cn_alloc(int32_t device, int64_t bytes, CnStream stream, void** pointer) {
    Guard guard(simt::lock());
    CN_FIND_STREAM(tag, device, stream);
    if (!pointer || bytes < 0) return cn_fail("", CN_INVALID_ARGUMENT, "cn_alloc of %lld bytes", (long long)bytes);
    *pointer = nullptr;
    if (bytes == 0) return CN_OK;
    *pointer = simt::allocate(static_cast<size_t>(bytes));
    if (!*pointer && !tag->capture) {
        // Frees that still wait in a queue may be all that is missing; a GPU's pool would wait for them, too.
        simt::drain(tag);
        simt::empty_quarantine();
        *pointer = simt::allocate(static_cast<size_t>(bytes));
    }
    if (*pointer) return CN_OK;
    return cn_fail("", CN_OUT_OF_MEMORY, "no room for %lld bytes: %lld of %lld are in use", (long long)bytes,
                   (long long)simt::memory_in_use(), (long long)simt::memory_limit());
}

CN_EXPORT CnStatus cn_free(int32_t device, void* pointer, CnStream stream) {
    Guard guard(simt::lock());
    CN_FIND_STREAM(tag, device, stream);
    if (!pointer) return CN_OK;
    if (tag->capture) return refuse_capture("freeing memory");
    if (!simt::announce_free(pointer))
        return cn_fail("", CN_INVALID_ARGUMENT, "cn_free of %p, which is no live allocation", pointer);
    simt::enqueue(tag, {[pointer]() -> Failure {
                            simt::free_now(pointer, simt::configuration().defer != 0);
                            return {};
                        },
                        nullptr, nullptr});
    return CN_OK;
}

CN_EXPORT CnStatus cn_copy(int32_t device, void* destination, const void* source, int64_t bytes, int32_t kind,
                           CnStream stream) {
    Guard guard(simt::lock());
    CN_FIND_STREAM(tag, device, stream);
    CN_TRY(check_copy(destination, source, bytes, kind));
    if (kind != CN_DEVICE_TO_DEVICE && tag->capture) return refuse_capture("a copy from or to pageable host memory");
    if (bytes > 0) {
        size_t size = static_cast<size_t>(bytes);
        std::shared_ptr<char[]> snapshot;
        if (kind == CN_HOST_TO_DEVICE && simt::configuration().defer) {
            snapshot.reset(new (std::nothrow) char[size]);
            if (!snapshot)
                return cn_fail("", CN_OUT_OF_MEMORY, "no host memory for a copy of %lld bytes", (long long)bytes);
            memcpy(snapshot.get(), source, size);
        }
        simt::enqueue(tag, {[=]() -> Failure {
                                memmove(destination, snapshot ? snapshot.get() : source, size);
                                return {};
                            },
                            nullptr, nullptr});
    }
    return kind == CN_DEVICE_TO_HOST ? cn_stream_synchronize(device, stream) : CN_OK;
}

CN_EXPORT CnStatus cn_copy_async(int32_t device, void* destination, const void* source, int64_t bytes, int32_t kind,
                                 CnStream stream) {
    Guard guard(simt::lock());
    CN_FIND_STREAM(tag, device, stream);
    CN_TRY(check_copy(destination, source, bytes, kind));
    if (bytes == 0) return CN_OK;
    const void* host = kind == CN_HOST_TO_DEVICE ? source : destination;
    if (kind != CN_DEVICE_TO_DEVICE && !simt::is_host(host, bytes))
        return cn_fail("", CN_INVALID_ARGUMENT,
                       "cn_copy_async needs host memory from cn_host_alloc; %lld bytes at %p are none",
                       (long long)bytes, host);
    simt::enqueue(tag, {[=]() -> Failure {
                            memmove(destination, source, static_cast<size_t>(bytes));
                            return {};
                        },
                        nullptr, nullptr});
    return CN_OK;
}

CN_EXPORT CnStatus cn_host_alloc(int32_t device, int64_t bytes, void** pointer) {
    Guard guard(simt::lock());
    if (device != 0) return bad_device(device);
    if (!pointer || bytes < 0) return cn_fail("", CN_INVALID_ARGUMENT, "cn_host_alloc of %lld bytes", (long long)bytes);
    *pointer = bytes > 0 ? simt::allocate_host(static_cast<size_t>(bytes)) : nullptr;
    if (*pointer || bytes == 0) return CN_OK;
    return cn_fail("", CN_OUT_OF_MEMORY, "no host memory for %lld bytes", (long long)bytes);
}

CN_EXPORT CnStatus cn_host_free(int32_t device, void* pointer) {
    Guard guard(simt::lock());
    if (device != 0) return bad_device(device);
    if (!pointer || simt::free_host(pointer)) return CN_OK;
    return cn_fail("", CN_INVALID_ARGUMENT, "cn_host_free of %p, which is no live allocation", pointer);
}

CN_EXPORT CnStatus cn_memset(int32_t device, void* destination, int32_t byte, int64_t bytes, CnStream stream) {
    Guard guard(simt::lock());
    CN_FIND_STREAM(tag, device, stream);
    if (bytes < 0) return cn_fail("", CN_INVALID_ARGUMENT, "cn_memset of %lld bytes", (long long)bytes);
    if (bytes == 0) return CN_OK;
    CN_TRY(check_pointer("the destination", destination, bytes));
    simt::enqueue(tag, {[=]() -> Failure {
                            memset(destination, byte, static_cast<size_t>(bytes));
                            return {};
                        },
                        nullptr, nullptr});
    return CN_OK;
}

CN_EXPORT CnStatus cn_stream_create(int32_t device, CnStream* stream) {
    Guard guard(simt::lock());
    if (device != 0) return bad_device(device);
    *stream = simt::create_stream();
    return CN_OK;
}

CN_EXPORT CnStatus cn_stream_destroy(int32_t device, CnStream stream) {
    Guard guard(simt::lock());
    CN_FIND_STREAM(tag, device, stream);
    if (!stream) return cn_fail("", CN_INVALID_ARGUMENT, "the default stream cannot be destroyed");
    if (tag->capture) return refuse_capture("destroying the stream");
    simt::drain(tag);
    Failure failure = simt::take_failure(tag);
    simt::destroy_stream(tag);
    return report(failure);
}

CN_EXPORT CnStatus cn_stream_synchronize(int32_t device, CnStream stream) {
    Guard guard(simt::lock());
    CN_FIND_STREAM(tag, device, stream);
    if (tag->capture) return refuse_capture("waiting for the device");
    simt::drain(tag);
    return report(simt::take_failure(tag));
}

CN_EXPORT CnStatus cn_device_synchronize(int32_t device) {
    Guard guard(simt::lock());
    if (device != 0) return bad_device(device);
    if (simt::any_capture()) return refuse_capture("waiting for the device");
    simt::drain_all();
    return report(simt::take_any_failure());
}

CN_EXPORT CnStatus cn_event_create(int32_t device, CnEvent* event) {
    if (device != 0) return bad_device(device);
    *event = new (std::nothrow) CnEventTag;
    return *event ? CN_OK : cn_fail("", CN_OUT_OF_MEMORY, "no host memory for an event");
}

CN_EXPORT CnStatus cn_event_destroy(int32_t device, CnEvent event) {
    Guard guard(simt::lock());
    if (device != 0) return bad_device(device);
    delete event;
    return CN_OK;
}

CN_EXPORT CnStatus cn_event_record(int32_t device, CnEvent event, CnStream stream) {
    Guard guard(simt::lock());
    CN_FIND_STREAM(tag, device, stream);
    if (tag->capture) return refuse_capture("recording an event");
    event->marker = std::make_shared<simt::Marker>();
    event->marker->stream = tag;
    simt::enqueue(tag, {nullptr, event->marker, nullptr});
    return CN_OK;
}

CN_EXPORT CnStatus cn_event_wait(int32_t device, CnEvent event, CnStream stream) {
    Guard guard(simt::lock());
    CN_FIND_STREAM(tag, device, stream);
    if (tag->capture) return refuse_capture("waiting for an event");
    if (event->marker) simt::enqueue(tag, {nullptr, nullptr, event->marker});
    return CN_OK;
}

CN_EXPORT CnStatus cn_event_synchronize(int32_t device, CnEvent event) {
    Guard guard(simt::lock());
    if (device != 0) return bad_device(device);
    if (!event->marker) return CN_OK;
    CnStreamTag* stream = event->marker->stream;
    // Just as far as the event: what is queued behind it stays there.
    simt::drain_until(*event->marker);
    return simt::find_stream(stream) ? report(simt::take_failure(stream)) : CN_OK;
}

CN_EXPORT CnStatus cn_event_query(int32_t device, CnEvent event, int32_t* reached) {
    Guard guard(simt::lock());
    if (device != 0) return bad_device(device);
    if (event->marker) simt::step_towards(*event->marker);
    *reached = !event->marker || event->marker->reached;
    return CN_OK;
}

CN_EXPORT CnStatus cn_event_elapsed(int32_t device, CnEvent start, CnEvent end, float* milliseconds) {
    Guard guard(simt::lock());
    if (device != 0) return bad_device(device);
    if (!start->marker || !end->marker || !start->marker->reached || !end->marker->reached)
        return cn_fail("", CN_INVALID_ARGUMENT, "cn_event_elapsed needs two events that were recorded and reached");
    *milliseconds = std::chrono::duration<float, std::milli>(end->marker->time - start->marker->time).count();
    return CN_OK;
}

CN_EXPORT CnStatus cn_capture_begin(int32_t device, CnStream stream) {
    Guard guard(simt::lock());
    CN_FIND_STREAM(tag, device, stream);
    if (!stream) return cn_fail("", CN_INVALID_ARGUMENT, "the default stream cannot be captured");
    if (tag->capture) return refuse_capture("a second capture");
    tag->capture = std::make_unique<CnGraphTag>();
    return CN_OK;
}

CN_EXPORT CnStatus cn_capture_end(int32_t device, CnStream stream, CnGraph* graph) {
    Guard guard(simt::lock());
    if (graph) *graph = nullptr;
    CN_FIND_STREAM(tag, device, stream);
    if (!tag->capture) return cn_fail("", CN_INVALID_ARGUMENT, "the stream is not captured");
    std::unique_ptr<CnGraphTag> made = std::move(tag->capture);
    if (graph) *graph = made.release();
    return CN_OK;
}

CN_EXPORT CnStatus cn_graph_launch(int32_t device, CnGraph graph, CnStream stream) {
    Guard guard(simt::lock());
    CN_FIND_STREAM(tag, device, stream);
    if (!graph) return cn_fail("", CN_INVALID_ARGUMENT, "cn_graph_launch of NULL");
    for (const simt::Operation& operation : graph->operations) simt::enqueue(tag, operation);
    return CN_OK;
}

CN_EXPORT CnStatus cn_graph_node_count(int32_t device, CnGraph graph, int64_t* count) {
    Guard guard(simt::lock());
    if (device != 0) return bad_device(device);
    if (!graph) return cn_fail("", CN_INVALID_ARGUMENT, "cn_graph_node_count of NULL");
    *count = static_cast<int64_t>(graph->operations.size());
    return CN_OK;
}

CN_EXPORT CnStatus cn_graph_destroy(int32_t device, CnGraph graph) {
    Guard guard(simt::lock());
    if (device != 0) return bad_device(device);
    delete graph;
    return CN_OK;
}

CN_EXPORT CnStatus cn_simt_configure(const CnSimtConfig* config) {
    Guard guard(simt::lock());
    if (!config || config->workers < 0) return cn_fail("", CN_INVALID_ARGUMENT, "cn_simt_configure: workers below 0");
    simt::drain_all();
    simt::configuration() = *config;
    launches_since_configure = 0;
    simt::reset_schedule();
    simt::empty_quarantine();
    return CN_OK;
}

CN_EXPORT void cn_simt_limit_grids(int64_t blocks) { grid_limit() = blocks; }
}
