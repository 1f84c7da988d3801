// Device memory on the host: exact-size blocks that start as NaN.
#ifndef CUDANET_SIMT_MEMORY_H
#define CUDANET_SIMT_MEMORY_H

#include <stddef.h>
#include <stdint.h>

namespace simt {

enum class Range { inside, outside, unknown };  // unknown: not ours, such as memory another library allocated

int64_t memory_limit();
int64_t memory_in_use();

void* allocate(size_t bytes);  // nullptr when the limit is reached
// The caller's cn_free; false when the pointer is not a live allocation. The memory goes when free_now runs.
bool announce_free(void* pointer);
void free_now(void* pointer, bool keep_a_while);
Range check_range(const void* pointer, int64_t bytes);
void empty_quarantine();

// Host memory that asynchronous copies may use.
void* allocate_host(size_t bytes);
bool free_host(void* pointer);
bool is_host(const void* pointer, int64_t bytes);

}  // namespace simt

#endif
