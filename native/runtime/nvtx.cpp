// NVTX ranges without NVIDIA's headers: the part of NVTX 3 by which a tool attaches itself. Nsight sets
// NVTX_INJECTION64_PATH; the library named there is loaded, asks for tables of function slots, and fills those that it wants to
// hear of. With no tool, a range costs the test of one pointer.
#include "nvtx.h"

#include <dlfcn.h>
#include <stdlib.h>

#include <atomic>
#include <mutex>

#include "runtime.h"

namespace {

using Function = void (*)();

// Slots of the functions of one module; 0 is none, and the table ends with NULL.
constexpr uint32_t most_functions = 16;
struct Module {
    uint32_t size;
    Function slots[most_functions];
    Function* table[most_functions + 1];
};
enum ModuleId : int32_t { core = 1, cuda = 2, opencl = 3, cudart = 4, core2 = 5, sync_ = 6, module_count = 7 };
enum CoreFunction : uint32_t { range_push_a = 9, range_pop = 11 };
Module modules[module_count] = {{0, {}, {}}, {16, {}, {}}, {9, {}, {}}, {15, {}, {}},
                                {7, {}, {}}, {16, {}, {}}, {7, {}, {}}};

struct ExportedCallbacks {
    size_t struct_size;
    int (*get_module_function_table)(int32_t module, Function*** table, unsigned* size);
};
struct ExportedVersion {
    size_t struct_size;
    uint32_t version, reserved;
    void (*set_injection_version)(uint32_t version);
};

int module_function_table(int32_t id, Function*** table, unsigned* size) {
    if (id < core || id >= module_count) return 0;
    Module& module = modules[id];
    for (uint32_t i = 1; i < module.size; i++) module.table[i] = &module.slots[i];
    if (table) *table = module.table;
    if (size) *size = module.size;
    return 1;
}

const ExportedCallbacks callbacks = {sizeof callbacks, module_function_table};
const ExportedVersion version = {sizeof version, 3, 0, [](uint32_t) {}};

const void* export_table(uint32_t id) {
    constexpr uint32_t callbacks_table = 1, version_table = 3;
    return id == callbacks_table ? static_cast<const void*>(&callbacks)
           : id == version_table ? static_cast<const void*>(&version)
                                 : nullptr;
}

using Push = int (*)(const char*);
using Pop = int (*)();
std::atomic<Push> push{nullptr};
std::atomic<Pop> pop{nullptr};

// nullptr, or why not.
const char* attach(const char* path) {
    void* library = dlopen(path, RTLD_LAZY);
    if (!library) return dlerror();
    auto initialize = reinterpret_cast<int (*)(const void* (*)(uint32_t))>(dlsym(library, "InitializeInjectionNvtx2"));
    if (!initialize) return "it does not export InitializeInjectionNvtx2";
    if (!initialize(export_table)) return "its InitializeInjectionNvtx2 failed";
    Function* slots = modules[core].slots;
    pop.store(reinterpret_cast<Pop>(slots[range_pop]));
    push.store(reinterpret_cast<Push>(slots[range_push_a]));
    return nullptr;
}

// As NVTX itself, silent about a library that cannot be loaded.
[[maybe_unused]] const bool attached_at_load = [] {
    const char* path = getenv("NVTX_INJECTION64_PATH");
    return path && *path && !attach(path);
}();

}  // namespace

namespace cn {
ProfilerRange::ProfilerRange(const char* name) : open_(push.load(std::memory_order_relaxed) != nullptr) {
    if (open_) cn_range_push(name);
}
ProfilerRange::~ProfilerRange() {
    if (open_) cn_range_pop();
}
}  // namespace cn

extern "C" {
CN_EXPORT void cn_range_push(const char* name) {
    if (Push to = push.load(std::memory_order_acquire)) to(name);
}
CN_EXPORT void cn_range_pop(void) {
    if (Pop to = pop.load(std::memory_order_acquire)) to();
}
CN_EXPORT int32_t cn_ranges_attached(void) { return push.load() != nullptr; }
CN_EXPORT CnStatus cn_ranges_attach(const char* path) {
    static std::mutex& once = *new std::mutex;
    std::lock_guard<std::mutex> guard(once);
    if (cn_ranges_attached()) return cn_fail("", CN_INVALID_ARGUMENT, "a tool listens to ranges already");
    const char* problem = attach(path);
    return problem ? cn_fail("", CN_NOT_FOUND, "%s: %s", path, problem) : CN_OK;
}
}
