#include "fiber.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <new>

// System V x86-64: rbx, rbp and r12 to r15 survive a call, everything else is the caller's to keep. The floating-point
// modes are the same in every fiber, so they are left alone.
extern "C" void cn_simt_switch(void** save, void* to);
asm(R"(
    .text
    .p2align 4
    .hidden cn_simt_switch
    .globl cn_simt_switch
    .type cn_simt_switch, @function
cn_simt_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size cn_simt_switch, . - cn_simt_switch
)");

namespace simt {

namespace {
#if CN_SIMT_ASAN || defined(CUDANET_SIMT_RACE)
constexpr size_t stack_bytes = 256 * 1024;
#else
constexpr size_t stack_bytes = 64 * 1024;
#endif
// Stacks whose tops are a power of two apart share cache sets, so each start is moved by a colour of its own.
constexpr size_t colour_step = 192, colours = 61;
}  // namespace

Fiber::Fiber(int number, void (*entry)()) : entry_(entry) {
    size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    size_t colour_bytes = (colour_step * colours + page - 1) / page * page;
    region_bytes_ = page + stack_bytes + colour_bytes;
    void* region =
        mmap(nullptr, region_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (region == MAP_FAILED) throw std::bad_alloc();
    region_ = static_cast<unsigned char*>(region);
    mprotect(region_, page, PROT_NONE);
    bottom_ = region_ + page;
    bytes_ = (stack_bytes + colour_bytes - static_cast<size_t>(number) % colours * colour_step) & ~size_t{63};
    reset();
}

Fiber::~Fiber() {
    if (region_) munmap(region_, region_bytes_);
}

void Fiber::reset() {
#if CN_SIMT_ASAN
    __asan_unpoison_memory_region(bottom_, bytes_);
#endif
    fake_stack_ = nullptr;
    void** top = reinterpret_cast<void**>(bottom_ + bytes_);
    top[-1] = nullptr;  // where a caller's address would be: debuggers end their backtrace here
    top[-2] = reinterpret_cast<void*>(entry_);
    for (int i = 3; i <= 8; i++) top[-i] = nullptr;
    saved_ = top - 8;
}

void Fiber::adopt_thread_stack() {
    pthread_attr_t attributes;
    void* start = nullptr;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return;
    pthread_attr_getstack(&attributes, &start, &bytes_);
    pthread_attr_destroy(&attributes);
    bottom_ = static_cast<unsigned char*>(start);
}

void Fiber::change(Fiber& from, Fiber& to) {
#if CN_SIMT_ASAN
    __sanitizer_start_switch_fiber(&from.fake_stack_, to.bottom_, to.bytes_);
#endif
    cn_simt_switch(&from.saved_, to.saved_);
#if CN_SIMT_ASAN
    __sanitizer_finish_switch_fiber(from.fake_stack_, nullptr, nullptr);
#endif
}

void Fiber::begin() {
#if CN_SIMT_ASAN
    __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
}

}  // namespace simt
