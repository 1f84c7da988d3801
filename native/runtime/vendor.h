// NVIDIA's libraries, loaded when first needed. Their headers are not: what is called is declared where it is used, as far
// as it is the same in all versions. Under simt a stand-in may be loaded that computes on the host.
#ifndef CUDANET_RUNTIME_VENDOR_H
#define CUDANET_RUNTIME_VENDOR_H

#include <functional>
#include <initializer_list>
#include <map>
#include <mutex>

#include "runtime.h"

namespace cn {

// A shared library under one of several names, newest first. `variable` is an environment variable that names another file.
class VendorLibrary {
public:
    VendorLibrary(const char* variable, std::initializer_list<const char*> names);
    bool is_loaded() const { return handle_ != nullptr; }
    const char* path() const { return path_; }
    const char* problem() const { return problem_; }
    // Sets problem() and forgets the library when it has no such function.
    void* function(const char* name);
    template <class F>
    void bind(F*& target, const char* name) {
        target = reinterpret_cast<F*>(function(name));
    }

private:
    void* handle_ = nullptr;
    char path_[256] = "";
    char problem_[512] = "";
};

// One handle of a library for each device.
class VendorHandles {
public:
    // The device's, made when first asked for; nullptr when the library cannot make one.
    void* of(int device, int (*create)(void** handle));

private:
    std::mutex mutex_;
    std::map<int, void*> handles_;
};

// Gives the library's work its place in the call's stream: on cuda `work` is called at once with the cudaStream_t, on simt when
// the stream gets there, so that its errors come with the next wait. Counts the call.
CnStatus vendor_call(const CnCall* call, std::function<CnStatus(void* stream)> work);

// CN_NOT_FOUND with the library's problem.
CnStatus vendor_missing(const CnCall* call, const VendorLibrary& library);

void describe_cublas(CnVendorInfo* info);
void describe_cublaslt(CnVendorInfo* info);
void describe_cudnn(CnVendorInfo* info);

}  // namespace cn

#endif
