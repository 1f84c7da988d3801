// Fibers: a stack each, and a switch between them that keeps only what the calling convention says a call keeps.
#ifndef CUDANET_SIMT_FIBER_H
#define CUDANET_SIMT_FIBER_H

#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__)
#define CN_SIMT_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
#define CN_SIMT_ASAN 0
#endif

namespace simt {

class Fiber {
public:
    Fiber() = default;  // stands for the thread's own stack
    Fiber(int number, void (*entry)());
    ~Fiber();
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;

    // Forgets whatever ran here; the next switch starts `entry` from its beginning.
    void reset();
    // Gives the thread's own stack its bounds, which AddressSanitizer wants to know.
    void adopt_thread_stack();

    // Leaves `from`, which must be running, for `to`; returns when something switches back.
    static void change(Fiber& from, Fiber& to);
    // The first thing `entry` does.
    static void begin();

private:
    void* saved_ = nullptr;
    unsigned char* region_ = nullptr;
    size_t region_bytes_ = 0;
    unsigned char* bottom_ = nullptr;
    size_t bytes_ = 0;
    void (*entry_)() = nullptr;
    void* fake_stack_ = nullptr;
};

}  // namespace simt

#endif
