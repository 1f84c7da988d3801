#include "vendor.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

namespace cn {

VendorLibrary::VendorLibrary(const char* variable, std::initializer_list<const char*> names) {
    auto load = [this](const char* name) {
        handle_ = dlopen(name, RTLD_NOW | RTLD_LOCAL);
        snprintf(handle_ ? path_ : problem_, handle_ ? sizeof path_ : sizeof problem_, "%s",
                 handle_ ? name : dlerror());
        return handle_ != nullptr;
    };
    if (const char* named = getenv(variable); named && *named) {
        load(named);
        return;
    }
    for (const char* name : names)
        if (load(name)) return;
}

void* VendorLibrary::function(const char* name) {
    void* found = handle_ ? dlsym(handle_, name) : nullptr;
    if (!found && handle_) {
        snprintf(problem_, sizeof problem_, "%s has no %s", path_, name);
        handle_ = nullptr;
    }
    return found;
}

void* VendorHandles::of(int device, int (*create)(void** handle)) {
    std::lock_guard<std::mutex> guard(mutex_);
    void*& found = handles_[device];
    if (!found && create(&found) != 0) found = nullptr;
    return found;
}

CnStatus vendor_missing(const CnCall* call, const VendorLibrary& library) {
    return cn_fail(call, CN_NOT_FOUND, "the vendor's library is not there: %s", library.problem());
}

}  // namespace cn

extern "C" CN_EXPORT CnStatus cn_vendor_info(int32_t index, CnVendorInfo* info) {
    memset(info, 0, sizeof *info);
    if (index == 0)
        cn::describe_cublas(info);
    else if (index == 1)
        cn::describe_cublaslt(info);
    else if (index == 2)
        cn::describe_cudnn(info);
    else
        return cn_fail("", CN_NOT_FOUND, "there is no vendor's library %d", index);
    return CN_OK;
}
