// A race checker for kernels. They are compiled with -fsanitize=thread, whose runtime is not linked: the functions that
// the compiler calls at every memory access are these. Two accesses race when they touch the same byte, at least one
// writes, not both are atomic, and nothing orders them: the same thread, a __syncthreads between, or within a warp a
// __syncwarp between. Threads of different blocks are never ordered inside a launch. A shuffle is no fence.
// Ordering through atomics and __threadfence is not modelled; such a kernel should be two kernels.
#include "race.h"

#include <dlfcn.h>
#include <stdio.h>
#include <sys/mman.h>

#include <map>
#include <mutex>
#include <new>

namespace simt::race {

namespace {

struct Slot {
    uint32_t launch;  // 0: empty
    uint32_t block;
    uint32_t epoch;
    uint32_t clock;
    uint32_t place;  // the return address, from the library's start
    uint16_t thread;
    uint8_t bytes : 4, write : 1, atomic : 1;
};

constexpr int slots = 4;
constexpr size_t granule = 4;
struct Cell {
    Slot slot[slots];
};

constexpr size_t arena_bytes = size_t{64} << 30, page = 4096;
constexpr size_t shared_bytes = size_t{1} << 30;  // the arena's first part holds shared memory

struct Arena {
    unsigned char* memory;
    Cell* shadow;
    std::mutex mutex;
    size_t next_shared = 0, next_global = shared_bytes;
    std::multimap<size_t, unsigned char*> free_shared, free_global;

    Arena() {
        memory = static_cast<unsigned char*>(reserve(arena_bytes));
        shadow = static_cast<Cell*>(reserve(arena_bytes / granule * sizeof(Cell)));
    }
    static void* reserve(size_t bytes) {
        void* range = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (range == MAP_FAILED) throw std::bad_alloc();
        return range;
    }
};

unsigned char* arena_start = nullptr;  // set once the arena exists; before that nothing can race
Cell* shadow = nullptr;

Arena& arena() {
    static Arena& one = *new Arena;
    arena_start = one.memory;
    shadow = one.shadow;
    return one;
}

uintptr_t module_start() {
    static const uintptr_t start = [] {
        Dl_info info;
        return dladdr(reinterpret_cast<void*>(&module_start), &info) ? reinterpret_cast<uintptr_t>(info.dli_fbase) : 0;
    }();
    return start;
}

// "file.cu:12", or for an inlined access "vec.cuh:30, called in file.cu:12".
std::string source_line(uint32_t place) {
    Dl_info info;
    if (!dladdr(reinterpret_cast<void*>(&module_start), &info)) return "?";
    char command[1200];
    snprintf(command, sizeof command, "addr2line -i -e '%s' 0x%x 2>/dev/null", info.dli_fname, place - 1);
    std::string result;
    if (FILE* pipe = popen(command, "r")) {
        char line[512];
        for (int frames = 0; fgets(line, sizeof line, pipe);) {
            std::string frame(line);
            frame = frame.substr(0, frame.find_first_of(" \n"));
            if (frame.rfind("./", 0) == 0) frame.erase(0, 2);
            if (frame.find("simt/") != std::string::npos || frame.find("/c++/") != std::string::npos) continue;
            if (frames++ < 3) result += (result.empty() ? "" : ", called in ") + frame;
        }
        pclose(pipe);
    }
    if (result.empty() || result[0] == '?') {
        snprintf(command, sizeof command, "%s+0x%x", info.dli_fname, place - 1);
        result = command;
    }
    return result;
}

bool ordered(const Slot& before, const Slot& now, const Warp& warp) {
    if (before.block != now.block) return false;
    if (before.thread == now.thread || before.epoch < now.epoch) return true;
    return before.thread / 32 == now.thread / 32 && warp.clocks[now.thread % 32][before.thread % 32] >= before.clock;
}

const char* kind(const Slot& slot) { return slot.atomic ? "an atomic" : slot.write ? "a write" : "a read"; }

[[noreturn]] void report(Worker& worker, const Slot& before, const Slot& now, const void* address, bool is_shared) {
    char text[256];
    snprintf(text, sizeof text, "race on %s memory at %p: %s by block %u, thread %u in ",
             is_shared ? "shared" : "global", address, kind(now), now.block, now.thread);
    std::string message = text + source_line(now.place);
    snprintf(text, sizeof text, " and %s by block %u, thread %u in ", kind(before), before.block, before.thread);
    message += text + source_line(before.place);
    worker.abandon(message + ", with no barrier between them");
}

bool covers(uint8_t a, uint8_t b) { return (a & b) == b; }

void check(Worker& worker, uintptr_t offset, Slot now, const void* address) {
    Cell& cell = shadow[offset / granule];
    bool is_shared = offset < shared_bytes;
    const Warp& warp = worker.warp_of(*worker.running());
    int place = -1, stale = -1, read = -1;
    for (int i = 0; i < slots; i++) {
        Slot& old = cell.slot[i];
        // Shared memory is handed from block to block, which is no race.
        if (old.launch != now.launch || (is_shared && old.block != now.block)) {
            old.launch = 0;
            stale = i;
            continue;
        }
        bool is_ordered = ordered(old, now, warp);
        if (!is_ordered && (old.bytes & now.bytes) && (old.write || now.write) && !(old.atomic && now.atomic))
            report(worker, old, now, address, is_shared);
        // What comes before this access and is no stricter can be forgotten: whoever races with it races with this.
        if (is_ordered && covers(now.bytes, old.bytes) && old.atomic == now.atomic && (now.write || !old.write)) {
            if (place >= 0) old.launch = 0;
            place = place < 0 ? i : place;
        }
        if (!old.write) read = i;
    }
    if (place < 0) place = stale >= 0 ? stale : read >= 0 && now.write ? read : -1;
    // With all slots taken one is forgotten: another read if there is one, so that writes stay known.
    if (place < 0) {
        place = static_cast<int>((now.clock + now.thread + offset) % slots);
        if (read >= 0 && cell.slot[place].write) place = read;
    }
    cell.slot[place] = now;
}

void access(const void* address, size_t bytes, bool write, bool atomic, void* caller) {
    uintptr_t offset = reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(arena_start);
    if (offset >= arena_bytes || !arena_start) return;
    Worker* worker = Worker::current();
    if (!worker || !worker->running()) return;
    const Thread& thread = *worker->running();
    Slot now{};
    now.launch = worker->launch_number();
    now.block = worker->block_number();
    now.epoch = thread.epoch;
    now.clock = worker->warp_of(thread).clocks[thread.linear % 32][thread.linear % 32];
    now.place = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(caller) - module_start());
    now.thread = static_cast<uint16_t>(thread.linear);
    now.write = write;
    now.atomic = atomic;
    for (uintptr_t end = offset + bytes; offset < end;) {
        uintptr_t first = offset % granule, count = std::min<uintptr_t>(granule - first, end - offset);
        now.bytes = static_cast<uint8_t>(((1u << count) - 1) << first) & 0xf;
        check(*worker, offset, now, address);
        offset += count;
    }
}

}  // namespace

void start_warp(Warp& warp) {
    memset(warp.clocks, 0, sizeof warp.clocks);
    for (int i = 0; i < 32; i++) warp.clocks[i][i] = 1;
}

void sync_warp(Warp& warp, unsigned mask) {
    uint32_t joined[32] = {};
    for (unsigned left = mask; left; left &= left - 1)
        for (int i = 0; i < 32; i++) joined[i] = std::max(joined[i], warp.clocks[__builtin_ctz(left)][i]);
    for (unsigned left = mask; left; left &= left - 1) {
        int lane = __builtin_ctz(left);
        memcpy(warp.clocks[lane], joined, sizeof joined);
        warp.clocks[lane][lane]++;
    }
}

void* allocate(size_t bytes, bool shared) {
    Arena& a = arena();
    size_t size = (bytes + page - 1) / page * page;
    std::lock_guard<std::mutex> lock(a.mutex);
    auto& free_list = shared ? a.free_shared : a.free_global;
    auto found = free_list.find(size);
    if (found != free_list.end()) {
        unsigned char* memory = found->second;
        free_list.erase(found);
        return memory;
    }
    size_t& next = shared ? a.next_shared : a.next_global;
    if (next + size > (shared ? shared_bytes : arena_bytes)) return nullptr;
    next += size;
    return a.memory + next - size;
}

void release(void* pointer, size_t bytes) {
    Arena& a = arena();
    size_t size = (bytes + page - 1) / page * page;
    unsigned char* memory = static_cast<unsigned char*>(pointer);
    bool shared = memory < a.memory + shared_bytes;
    if (!shared) {
        madvise(memory, size, MADV_DONTNEED);
        madvise(a.shadow + (memory - a.memory) / granule, size / granule * sizeof(Cell), MADV_DONTNEED);
    }
    std::lock_guard<std::mutex> lock(a.mutex);
    (shared ? a.free_shared : a.free_global).emplace(size, memory);
}

void note(const void* address, size_t bytes, bool write, void* caller) { access(address, bytes, write, false, caller); }

}  // namespace simt::race

namespace simt {
void note_access(const void* address, size_t bytes, bool write, bool atomic) {
    race::access(address, bytes, write, atomic, __builtin_return_address(0));
}
}  // namespace simt

// ---- What the compiler calls ---------------------------------------------------------------------------------------

#define CN_TSAN_ACCESS(name, bytes, write)                                             \
    extern "C" void name(void* address) {                                              \
        simt::race::access(address, bytes, write, false, __builtin_return_address(0)); \
    }
#define CN_TSAN_SIZE(bytes)                                    \
    CN_TSAN_ACCESS(__tsan_read##bytes, bytes, false)           \
    CN_TSAN_ACCESS(__tsan_write##bytes, bytes, true)           \
    CN_TSAN_ACCESS(__tsan_unaligned_read##bytes, bytes, false) \
    CN_TSAN_ACCESS(__tsan_unaligned_write##bytes, bytes, true) \
    CN_TSAN_ACCESS(__tsan_volatile_read##bytes, bytes, false)  \
    CN_TSAN_ACCESS(__tsan_volatile_write##bytes, bytes, true)
CN_TSAN_SIZE(1)
CN_TSAN_SIZE(2)
CN_TSAN_SIZE(4)
CN_TSAN_SIZE(8)
CN_TSAN_SIZE(16)

extern "C" {
void __tsan_read_range(void* address, size_t bytes) {
    simt::race::access(address, bytes, false, false, __builtin_return_address(0));
}
void __tsan_write_range(void* address, size_t bytes) {
    simt::race::access(address, bytes, true, false, __builtin_return_address(0));
}
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}

// Counts of std::shared_ptr in the host code of launchers; a kernel's own atomics are in builtins.h.
unsigned __tsan_atomic32_fetch_add(volatile void* address, unsigned value, int) {
    return __atomic_fetch_add(static_cast<volatile unsigned*>(address), value, __ATOMIC_SEQ_CST);
}
}
