#include "block.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <new>

#include "race.h"

namespace simt {

namespace {
thread_local constinit Worker* current_worker = nullptr;

std::string text(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string text(const char* format, ...) {
    char buffer[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(buffer, sizeof buffer, format, arguments);
    va_end(arguments);
    return buffer;
}
}  // namespace

std::string site_text(const Site& site) { return text("%s:%u", site.file_name(), site.line()); }

Worker::Worker() : ready_(1024) {
    current_worker = this;
    home_.adopt_thread_stack();
}
Worker::~Worker() { drop_shared(); }
Worker* Worker::current() { return current_worker; }

std::string Worker::where(const Thread& thread) const {
    return text("block (%u, %u, %u), thread (%u, %u, %u)", blockIdx.x, blockIdx.y, blockIdx.z, thread.id.x, thread.id.y,
                thread.id.z);
}

// ---- Blocks --------------------------------------------------------------------------------------------------------

void Worker::run(Launch& launch) {
    launch_ = &launch;
    gridDim = launch.grid;
    blockDim = launch.block;
    uint32_t count = launch.block.x * launch.block.y * launch.block.z;
    threads_.resize(count);
    uint32_t linear = 0;
    for (uint32_t z = 0; z < launch.block.z; z++)
        for (uint32_t y = 0; y < launch.block.y; y++)
            for (uint32_t x = 0; x < launch.block.x; x++, linear++) {
                threads_[linear].id = {x, y, z};
                threads_[linear].linear = linear;
            }
    warps_.resize((count + 31) / 32);

    while (!launch.failed.load(std::memory_order_relaxed)) {
        uint64_t i = launch.next.fetch_add(1, std::memory_order_relaxed);
        if (i >= launch.blocks) break;
        unsigned __int128 product = static_cast<unsigned __int128>(i) * launch.stride + launch.start;
        run_block(static_cast<uint64_t>(product % launch.blocks));
        if (!failure_.empty()) {
            std::lock_guard<std::mutex> lock(launch.mutex);
            if (!launch.failed.exchange(true)) launch.error = failure_;
            failure_.clear();
        }
    }
    drop_shared();
    launch_ = nullptr;
}

void Worker::run_block(uint64_t number) {
    block_number_ = static_cast<uint32_t>(number);
    blockIdx.x = static_cast<unsigned>(number % launch_->grid.x);
    blockIdx.y = static_cast<unsigned>(number / launch_->grid.x % launch_->grid.y);
    blockIdx.z = static_cast<unsigned>(number / launch_->grid.x / launch_->grid.y);
    draw_.state = launch_->seed * 0x2545f4914f6cdd1dull + number * 0x9e3779b97f4a7c15ull;
    exited_ = at_barrier_ = 0;
    ready_head_ = ready_count_ = 0;
    static_bytes_ = 0;
    barrier_waiting_.clear();
    for (Shared& shared : shared_) shared.fresh = false;
    uint32_t count = static_cast<uint32_t>(threads_.size());
    for (size_t w = 0; w < warps_.size(); w++) {
        uint32_t lanes = std::min<uint32_t>(32, count - static_cast<uint32_t>(w) * 32);
        warps_[w].exists = lanes == 32 ? 0xffffffffu : (1u << lanes) - 1;
        warps_[w].exited = warps_[w].used = 0;
        race::start_warp(warps_[w]);
    }
    for (Thread& thread : threads_) {
        thread.fiber = nullptr;
        thread.exited = false;
        thread.epoch = 0;
        thread.copy_groups = 0;
        thread.copies.clear();
        make_ready(thread);
    }
    if (launch_->shared_bytes > 0) {
        if (!dynamic_) dynamic_ = new_shared(static_cast<size_t>(launch_->shared_bytes));
        memset(dynamic_, 0xff, static_cast<size_t>(launch_->shared_bytes));
    }
    Thread& first = *pick();
    first.fiber = take_fiber();
    enter(first);
    Fiber::change(home_, *first.fiber);
    running_ = nullptr;
    if (!failure_.empty()) {
        idle_.clear();
        for (auto& fiber : fibers_) {
            fiber->reset();
            idle_.push_back(fiber.get());
        }
    }
}

void Worker::fiber_main() {
    Fiber::begin();
    Worker& worker = *current_worker;
    for (;;) {
        Thread& thread = *worker.running_;
        Fiber* fiber = thread.fiber;
        worker.launch_->body->run();
        worker.finish(thread);
        Thread* next = worker.pick();
        if (!next && worker.exited_ < worker.threads_.size()) worker.deadlock();
        if (next && !next->fiber) {  // starts right here, without a switch
            next->fiber = fiber;
            worker.enter(*next);
            continue;
        }
        worker.idle_.push_back(fiber);
        if (next) worker.enter(*next);
        Fiber::change(*fiber, next ? *next->fiber : worker.home_);
    }
}

void Worker::finish(Thread& thread) {
    thread.exited = true;
    exited_++;
    if (at_barrier_ > 0)
        abandon(text("divergent barrier: %s returned, but %u threads wait at __syncthreads in %s",
                     where(thread).c_str(), at_barrier_, site_text(barrier_site_).c_str()));
    Warp& warp = warp_of(thread);
    unsigned bit = 1u << thread.linear % 32;
    warp.exited |= bit;
    for (unsigned used = warp.used; used; used &= used - 1) {
        const Meeting& meeting = warp.meetings[static_cast<size_t>(__builtin_ctz(used))];
        if (meeting.mask & bit)
            abandon(text("divergent warp: %s returned, but is named in mask 0x%08x of %s in %s", where(thread).c_str(),
                         meeting.mask, meeting.what, site_text(meeting.site).c_str()));
    }
}

Fiber* Worker::take_fiber() {
    if (idle_.empty()) {
        fibers_.push_back(std::make_unique<Fiber>(static_cast<int>(fibers_.size()), fiber_main));
        return fibers_.back().get();
    }
    Fiber* fiber = idle_.back();
    idle_.pop_back();
    return fiber;
}

void Worker::enter(Thread& thread) {
    running_ = &thread;
    threadIdx = thread.id;
}

void Worker::make_ready(Thread& thread) {
    ready_[(ready_head_ + ready_count_++) & 1023] = static_cast<uint16_t>(thread.linear);
}

void Worker::make_next(Thread& thread) {
    ready_head_ = (ready_head_ - 1) & 1023;
    ready_[ready_head_] = static_cast<uint16_t>(thread.linear);
    ready_count_++;
}

Thread* Worker::pick() {
    if (ready_count_ == 0) return nullptr;
    if (shuffles()) {
        uint32_t at = (ready_head_ + draw_.below(ready_count_)) & 1023;
        std::swap(ready_[at], ready_[ready_head_ & 1023]);
    }
    uint16_t linear = ready_[ready_head_ & 1023];
    ready_head_ = (ready_head_ + 1) & 1023;
    ready_count_--;
    return &threads_[linear];
}

void Worker::wait() {
    Thread& self = *running_;
    Thread* next = pick();
    if (!next) deadlock();
    if (next == &self) return;
    if (!next->fiber) next->fiber = take_fiber();
    enter(*next);
    Fiber::change(*self.fiber, *next->fiber);
}

void Worker::abandon(const std::string& message) {
    failure_ = message;
    Fiber* self = running_->fiber;
    Fiber::change(*self, home_);
    abort();  // fibers of an abandoned block are reset before anything could come back
}

void Worker::deadlock() {
    std::string message = "divergent block: no thread can go on;";
    if (at_barrier_ > 0)
        message += text(" %u of %zu threads wait at __syncthreads in %s;", at_barrier_, threads_.size(),
                        site_text(barrier_site_).c_str());
    int listed = 0;
    for (size_t w = 0; w < warps_.size(); w++)
        for (unsigned used = warps_[w].used; used && listed < 3; used &= used - 1, listed++) {
            const Meeting& meeting = warps_[w].meetings[static_cast<size_t>(__builtin_ctz(used))];
            message += text(" warp %zu waits at %s in %s with mask 0x%08x for lanes 0x%08x;", w, meeting.what,
                            site_text(meeting.site).c_str(), meeting.mask, meeting.mask & ~meeting.arrived);
        }
    message.pop_back();
    abandon(message);
}

// ---- The barrier ---------------------------------------------------------------------------------------------------

int Worker::barrier(Vote vote, int predicate, const Site& site) {
    Thread& self = *running_;
    if (exited_ > 0) {
        const Thread& gone = *std::find_if(threads_.begin(), threads_.end(), [](const Thread& t) { return t.exited; });
        abandon(text("divergent barrier: %s reached __syncthreads in %s, but thread (%u, %u, %u) returned before it",
                     where(self).c_str(), site_text(site).c_str(), gone.id.x, gone.id.y, gone.id.z));
    }
    if (at_barrier_ == 0) {
        barrier_site_ = site;
        barrier_vote_ = vote;
        barrier_votes_ = 0;
    } else if (barrier_vote_ != vote || !same_site(barrier_site_, site)) {
        abandon(text("divergent barrier: %s is at __syncthreads in %s while %u threads wait in %s", where(self).c_str(),
                     site_text(site).c_str(), at_barrier_, site_text(barrier_site_).c_str()));
    }
    at_barrier_++;
    if (predicate) barrier_votes_++;
    self.epoch++;
    if (at_barrier_ < threads_.size()) {
        barrier_waiting_.push_back(static_cast<uint16_t>(self.linear));
        wait();
        return static_cast<int>(self.result);
    }
    int result = vote == Vote::count ? barrier_votes_
                 : vote == Vote::all ? barrier_votes_ == static_cast<int>(threads_.size())
                 : vote == Vote::any ? barrier_votes_ > 0
                                     : 0;
    for (uint16_t linear : barrier_waiting_) {
        threads_[linear].result = static_cast<uint64_t>(result);
        make_ready(threads_[linear]);
    }
    barrier_waiting_.clear();
    at_barrier_ = 0;
    if (shuffles()) {
        make_ready(self);
        wait();
    }
    return result;
}

// ---- Shared memory -------------------------------------------------------------------------------------------------

unsigned char* Worker::new_shared(size_t bytes) {
    void* memory = nullptr;
    if (race::enabled)
        memory = race::allocate(bytes, true);
    else if (posix_memalign(&memory, 16, bytes) != 0)
        memory = nullptr;
    if (!memory) throw std::bad_alloc();
    return static_cast<unsigned char*>(memory);
}

void Worker::drop_shared() {
    for (const Shared& shared : shared_)
        race::enabled ? race::release(shared.memory, shared.bytes) : free(shared.memory);
    shared_.clear();
    if (dynamic_) {
        if (race::enabled)
            race::release(dynamic_, static_cast<size_t>(launch_->shared_bytes));
        else
            free(dynamic_);
    }
    dynamic_ = nullptr;
}

void* Worker::static_shared(const void* tag, size_t bytes, const Site& site) {
    Shared* found = nullptr;
    for (Shared& shared : shared_)
        if (shared.tag == tag) {
            if (shared.fresh) return shared.memory;
            found = &shared;
        }
    if (!found) {
        shared_.push_back({tag, new_shared(bytes), bytes, false});
        found = &shared_.back();
    }
    found->fresh = true;
    memset(found->memory, 0xff, bytes);  // NaN in every floating type: what was not written shows
    static_bytes_ += bytes;
    int64_t limit = launch_->large_shared ? cn::large_shared_limit : cn::shared_limit;
    if (static_bytes_ > static_cast<size_t>(cn::shared_limit) ||
        static_cast<int64_t>(static_bytes_) + launch_->shared_bytes > limit)
        abandon(text("%zu static and %lld dynamic bytes of shared memory in %s are over the limit of %lld",
                     static_bytes_, static_cast<long long>(launch_->shared_bytes), site_text(site).c_str(),
                     static_cast<long long>(limit)));
    return found->memory;
}

void* Worker::dynamic_shared(const Site& site) {
    if (!dynamic_) abandon(text("%s uses dynamic shared memory, but the launch gave none", site_text(site).c_str()));
    return dynamic_;
}

// ---- What kernels call ---------------------------------------------------------------------------------------------

int barrier(Vote vote, int predicate, const Site& site) { return current_worker->barrier(vote, predicate, site); }
uint64_t collective(Collective kind, unsigned mask, uint64_t value, int operand, int width, const Site& site) {
    return current_worker->collective(kind, mask, value, operand, width, site);
}
void warp_together(const char* what, void* self, void (*run)(void* const*, void*), void* context, const Site& site) {
    current_worker->warp_together(what, self, run, context, site);
}
void fail(const Site& site, const char* format, ...) {
    char buffer[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(buffer, sizeof buffer, format, arguments);
    va_end(arguments);
    Worker& worker = *current_worker;
    worker.abandon(text("%s: %s in %s", worker.where(*worker.running()).c_str(), buffer, site_text(site).c_str()));
}
void* static_shared(const void* tag, size_t bytes, const Site& site) {
    return current_worker->static_shared(tag, bytes, site);
}
void* dynamic_shared(const Site& site) { return current_worker->dynamic_shared(site); }
unsigned lane() { return current_worker->running()->linear % 32; }
uint64_t schedule_draw() { return current_worker->shuffles() ? current_worker->draw().next() : 0; }

}  // namespace simt
