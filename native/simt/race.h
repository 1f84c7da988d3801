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
#else
constexpr bool enabled = false;
inline void start_warp(Warp&) {}
inline void sync_warp(Warp&, unsigned) {}
inline void* allocate(size_t, bool) { return nullptr; }
inline void release(void*, size_t) {}
#endif

}  // namespace simt::race

#endif
