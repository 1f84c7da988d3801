#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <deque>
#include <map>

#include "race.h"

namespace simt {

namespace {

struct Allocation {
    size_t bytes;
    bool freeing;
};

std::map<uintptr_t, Allocation>& allocations() {
    static auto& table = *new std::map<uintptr_t, Allocation>;
    return table;
}

std::map<uintptr_t, size_t>& host_allocations() {
    static auto& table = *new std::map<uintptr_t, size_t>;
    return table;
}

int64_t in_use = 0;

// With deferred streams, freed memory is overwritten and kept back for a time: a kernel that still uses it then reads
// NaN instead of whatever the allocator gave the memory to.
std::deque<std::pair<void*, size_t>>& quarantine() {
    static auto& queue = *new std::deque<std::pair<void*, size_t>>;
    return queue;
}
size_t quarantine_bytes = 0;
constexpr size_t quarantine_limit = size_t{64} << 20;

void give_back(void* pointer, size_t bytes) {
    if (race::enabled)
        race::release(pointer, bytes);
    else
        free(pointer);
}

}  // namespace

// CUDANET_SIMT_MEMORY makes a small device, to see how a program behaves when memory ends.
int64_t memory_limit() {
    static const int64_t limit = [] {
        if (const char* value = getenv("CUDANET_SIMT_MEMORY"))
            if (long long bytes = atoll(value); bytes > 0) return static_cast<int64_t>(bytes);
        return static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
    }();
    return limit;
}

int64_t memory_in_use() { return in_use; }

void* allocate(size_t bytes) {
    if (bytes > static_cast<size_t>(memory_limit() - in_use)) return nullptr;
    void* pointer = nullptr;
    if (race::enabled)
        pointer = race::allocate(bytes, false);
    else if (posix_memalign(&pointer, 256, bytes) != 0)
        pointer = nullptr;
    if (!pointer) return nullptr;
    memset(pointer, 0xff, bytes);
    allocations()[reinterpret_cast<uintptr_t>(pointer)] = {bytes, false};
    in_use += static_cast<int64_t>(bytes);
    return pointer;
}

bool announce_free(void* pointer) {
    auto found = allocations().find(reinterpret_cast<uintptr_t>(pointer));
    if (found == allocations().end() || found->second.freeing) return false;
    found->second.freeing = true;
    return true;
}

void free_now(void* pointer, bool keep_a_while) {
    auto found = allocations().find(reinterpret_cast<uintptr_t>(pointer));
    size_t bytes = found->second.bytes;
    allocations().erase(found);
    in_use -= static_cast<int64_t>(bytes);
#if CN_SIMT_ASAN
    keep_a_while = false;  // AddressSanitizer has a quarantine of its own, and reports the access itself
#endif
    if (!keep_a_while) return give_back(pointer, bytes);
    memset(pointer, 0xff, bytes);
    quarantine().push_back({pointer, bytes});
    quarantine_bytes += bytes;
    while (quarantine_bytes > quarantine_limit) {
        auto [oldest, size] = quarantine().front();
        quarantine().pop_front();
        quarantine_bytes -= size;
        give_back(oldest, size);
    }
}

void empty_quarantine() {
    for (auto [pointer, bytes] : quarantine()) give_back(pointer, bytes);
    quarantine().clear();
    quarantine_bytes = 0;
}

void* allocate_host(size_t bytes) {
    void* pointer = nullptr;
    if (posix_memalign(&pointer, 256, bytes) != 0) return nullptr;
    memset(pointer, 0xff, bytes);
    host_allocations()[reinterpret_cast<uintptr_t>(pointer)] = bytes;
    return pointer;
}

bool free_host(void* pointer) {
    if (host_allocations().erase(reinterpret_cast<uintptr_t>(pointer)) == 0) return false;
    free(pointer);
    return true;
}

bool is_host(const void* pointer, int64_t bytes) {
    uintptr_t start = reinterpret_cast<uintptr_t>(pointer);
    auto next = host_allocations().upper_bound(start);
    if (next == host_allocations().begin()) return false;
    const auto& [base, size] = *std::prev(next);
    return start + static_cast<uintptr_t>(bytes) <= base + size;
}

Range check_range(const void* pointer, int64_t bytes) {
    uintptr_t start = reinterpret_cast<uintptr_t>(pointer);
    auto next = allocations().upper_bound(start);
    if (next == allocations().begin()) return Range::unknown;
    const auto& [base, allocation] = *std::prev(next);
    if (start >= base + allocation.bytes) return Range::unknown;
    if (allocation.freeing) return Range::outside;
    return start + static_cast<uintptr_t>(bytes) <= base + allocation.bytes ? Range::inside : Range::outside;
}

}  // namespace simt
