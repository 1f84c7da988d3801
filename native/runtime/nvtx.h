#ifndef CUDANET_RUNTIME_NVTX_H
#define CUDANET_RUNTIME_NVTX_H

namespace cn {

// While it lives, a profiler's timeline shows what this thread does under this name.
class ProfilerRange {
public:
    explicit ProfilerRange(const char* name);
    ~ProfilerRange();
    ProfilerRange(const ProfilerRange&) = delete;

private:
    bool open_;
};

}  // namespace cn

#endif
