#include "pool.h"

#include <condition_variable>
#include <numeric>
#include <thread>

namespace simt {

namespace {

class Pool {
public:
    void run(Launch& launch, int workers) {
        std::unique_lock<std::mutex> lock(mutex_);
        while (static_cast<int>(started_) < workers) {
            std::thread(&Pool::serve, this, started_).detach();
            started_++;
        }
        launch_ = &launch;
        wanted_ = working_ = workers;
        round_++;
        work_.notify_all();
        done_.wait(lock, [&] { return working_ == 0; });
        launch_ = nullptr;
    }

private:
    void serve(int number) {
        Worker worker;
        uint64_t seen = 0;
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            work_.wait(lock, [&] { return round_ != seen && (number < wanted_ || !launch_); });
            seen = round_;
            if (!launch_) continue;
            Launch& launch = *launch_;
            lock.unlock();
            worker.run(launch);
            lock.lock();
            if (--working_ == 0) done_.notify_one();
        }
    }

    std::mutex mutex_;
    std::condition_variable work_, done_;
    Launch* launch_ = nullptr;
    int started_ = 0, wanted_ = 0, working_ = 0;
    uint64_t round_ = 0;
};

}  // namespace

void run_launch(Launch& launch, int workers) {
    static Pool& pool = *new Pool;  // outlives the process's static destructors, which its threads do not wait for
    launch.blocks = static_cast<uint64_t>(launch.grid.x) * launch.grid.y * launch.grid.z;
    if (launch.seed != 0 && launch.blocks > 1) {
        Draw draw{launch.seed};
        launch.start = draw.next() % launch.blocks;
        do launch.stride = 1 + draw.next() % launch.blocks;
        while (std::gcd(launch.stride, launch.blocks) != 1);
    }
    uint64_t useful = std::min<uint64_t>(launch.blocks, static_cast<uint64_t>(workers));
#if defined(CUDANET_SIMT_RACE)
    useful = 1;  // the shadow is not locked, and one thread sees the same races: ordering is by clocks, not by time
#endif
    pool.run(launch, static_cast<int>(useful));
}

}  // namespace simt
