// The race checker's side of the scheduler. In the other builds everything here is empty.
#ifndef CUDANET_SIMT_RACE_H
#define CUDANET_SIMT_RACE_H

#include "block.h"

namespace simt::race {

#if defined(CUDANET_SIMT_RACE)
constexpr bool enabled = true;
void start_warp(Warp& warp);
void sync_warp(Warp& warp, unsigned mask);
// Device and shared memory come from one reserved range, so that an address leads straight to its shadow.
void* allocate(size_t bytes, bool shared);
void release(void* pointer, size_t bytes);
// An access that the runtime makes for a kernel; `caller` is a place in the kernel's code.
void note(const void* address, size_t bytes, bool write, void* caller);
#else
constexpr bool enabled = false;
inline void start_warp(Warp&) {}
inline void sync_warp(Warp&, unsigned) {}
inline void* allocate(size_t, bool) { return nullptr; }
inline void release(void*, size_t) {}
inline void note(const void*, size_t, bool, void*) {}
#endif

}  // namespace simt::race

#endif
