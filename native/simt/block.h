// One block at a time on one thread of the pool: fibers, the barrier, warp collectives, shared memory.
#ifndef CUDANET_SIMT_BLOCK_H
#define CUDANET_SIMT_BLOCK_H

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "../../kernels/device/kernel.cuh"
#include "fiber.h"

namespace simt {

struct Launch {
    std::string op;      // the name in the table of kernels
    std::string kernel;  // as written at CN_LAUNCH
    dim3 grid, block;
    int64_t shared_bytes = 0;
    bool large_shared = false;
    std::shared_ptr<const BoundKernel> body;

    uint64_t seed = 0;  // 0: threads in order
    uint32_t number = 0;
    uint64_t blocks = 0, stride = 1, start = 0;  // block i to run is (i * stride + start) % blocks
    std::atomic<uint64_t> next{0};
    std::atomic<bool> failed{false};
    std::mutex mutex;
    std::string error;
};

// splitmix64 (Steele, Lea, Flood 2014): good enough to draw schedules, and one word of state.
struct Draw {
    uint64_t state = 0;
    uint64_t next() {
        uint64_t z = (state += 0x9e3779b97f4a7c15ull);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        return z ^ (z >> 31);
    }
    uint32_t below(uint32_t n) { return static_cast<uint32_t>((static_cast<unsigned __int128>(next()) * n) >> 64); }
};

// A copy by cp.async that has not happened yet.
struct AsyncCopy {
    void* to;
    const void* from;
    uint32_t size, bytes;  // of `size` bytes these many are read; the rest becomes zero
    uint32_t group;
    void* caller;
};

struct Thread {
    uint3 id{};
    uint32_t linear = 0;
    uint32_t epoch = 0;  // barriers passed
    Fiber* fiber = nullptr;
    uint64_t result = 0;
    bool exited = false;
    uint32_t copy_groups = 0;  // committed
    std::vector<AsyncCopy> copies;
};

struct Meeting {
    Collective kind{};
    const char* what = nullptr;
    unsigned mask = 0, arrived = 0;
    Site site;
    struct Lane {
        uint64_t value;
        int operand, width;
    } lanes[32];
};

struct Warp {
    unsigned exists = 0, exited = 0, used = 0;
    std::vector<Meeting> meetings;
    uint64_t results[32];     // a lane reads its own before it can be part of anything else
    uint32_t clocks[32][32];  // for the race checker: what each lane knows of each lane
};

class Worker {
public:
    Worker();
    ~Worker();
    static Worker* current();

    void run(Launch& launch);  // blocks of the launch until none is left or one failed

    int barrier(Vote vote, int predicate, const Site& site);
    uint64_t collective(Collective kind, unsigned mask, uint64_t value, int operand, int width, const Site& site);
    void warp_together(const char* what, void* self, void (*run)(void* const*, void*), void* context, const Site& site);
    void* static_shared(const void* tag, size_t bytes, const Site& site);
    void* dynamic_shared(const Site& site);
    [[noreturn]] void abandon(const std::string& message);
    std::string where(const Thread& thread) const;

    Thread* running() { return running_; }
    Warp& warp_of(const Thread& thread) { return warps_[thread.linear / 32]; }
    uint32_t block_number() const { return block_number_; }
    uint32_t launch_number() const { return launch_->number; }
    Draw& draw() { return draw_; }
    bool shuffles() const { return launch_->seed != 0; }

private:
    struct Shared {
        const void* tag;
        void* memory;
        size_t bytes;
        bool fresh;  // used since the block began
    };

    void run_block(uint64_t number);
    static void fiber_main();
    void finish(Thread& thread);
    Thread* pick();
    void make_ready(Thread& thread);
    void make_next(Thread& thread);  // before all others
    void wait();                     // hands over to another thread until this one is ready again
    void enter(Thread& thread);      // makes it the running one
    Fiber* take_fiber();
    [[noreturn]] void deadlock();
    Meeting& join(Collective kind, const char* what, unsigned mask, const Site& site);
    void complete(Warp& warp, Meeting& meeting);
    int shuffle_source(const Meeting& meeting, unsigned lane);
    void release(Warp& warp, Meeting& meeting, unsigned self);
    unsigned char* new_shared(size_t bytes);
    void drop_shared();

    Launch* launch_ = nullptr;
    uint32_t block_number_ = 0;
    std::vector<Thread> threads_;
    std::vector<Warp> warps_;
    std::vector<std::unique_ptr<Fiber>> fibers_;
    std::vector<Fiber*> idle_;
    Fiber home_;
    Thread* running_ = nullptr;
    Fiber* running_fiber_ = nullptr;
    std::string failure_;

    std::vector<uint16_t> ready_;  // a ring of 1024, as many as there can be threads
    uint32_t ready_head_ = 0, ready_count_ = 0;
    uint32_t exited_ = 0;
    uint32_t at_barrier_ = 0;
    int barrier_votes_ = 0;
    Vote barrier_vote_{};
    Site barrier_site_;
    std::vector<uint16_t> barrier_waiting_;

    std::vector<Shared> shared_;
    void* dynamic_ = nullptr;
    size_t static_bytes_ = 0;
    Draw draw_;
};

std::string site_text(const Site& site);
// The compiler keeps one copy of a file's name, so the comparison of characters is rare.
inline bool same_text(const char* a, const char* b) { return a == b || strcmp(a, b) == 0; }
inline bool same_site(const Site& a, const Site& b) {
    return a.line() == b.line() && same_text(a.file_name(), b.file_name());
}

}  // namespace simt

#endif
