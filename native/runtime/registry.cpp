#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

#include "runtime.h"

namespace {

// Built on first use: kernel files register from static constructors, whose order is open.
std::vector<CnKernel>& kernels() {
    static std::vector<CnKernel> table;
    return table;
}

struct Route {
    const char *kernel, *library;
    CnLauncher launch;
    CnWorkspaceQuery workspace;
};
std::vector<Route>& routes() {
    static std::vector<Route> table;
    return table;
}

// The constructors have all run once the library is loaded, so sorting on first look is safe.
const std::vector<CnKernel>& sorted_kernels() {
    static std::once_flag once;
    std::call_once(once, [] {
        std::sort(kernels().begin(), kernels().end(),
                  [](const CnKernel& a, const CnKernel& b) { return strcmp(a.name, b.name) < 0; });
        for (CnKernel& kernel : kernels())
            for (const Route& route : routes())
                if (!strcmp(kernel.name, route.kernel)) {
                    kernel.vendor = route.library;
                    kernel.vendor_launch = route.launch;
                    kernel.vendor_workspace = route.workspace;
                }
    });
    return kernels();
}

std::atomic<int64_t> launches{0}, vendor_calls{0};

}  // namespace

namespace cn {
Registration::Registration(const CnKernel& kernel) { kernels().push_back(kernel); }
VendorRoute::VendorRoute(const char* kernel, const char* library, CnLauncher launch, CnWorkspaceQuery workspace) {
    routes().push_back({kernel, library, launch, workspace});
}
void count_vendor_call() { vendor_calls.fetch_add(1, std::memory_order_relaxed); }
void count_launch() { launches.fetch_add(1, std::memory_order_relaxed); }
}  // namespace cn

extern "C" {
CN_EXPORT int32_t cn_abi_version(void) { return CN_ABI_VERSION; }
CN_EXPORT int32_t cn_kernel_count(void) { return static_cast<int32_t>(sorted_kernels().size()); }
CN_EXPORT const CnKernel* cn_kernel_at(int32_t index) {
    const std::vector<CnKernel>& table = sorted_kernels();
    return index >= 0 && index < static_cast<int32_t>(table.size()) ? &table[static_cast<size_t>(index)] : nullptr;
}
CN_EXPORT int64_t cn_vendor_call_count(void) { return vendor_calls.load(std::memory_order_relaxed); }
CN_EXPORT int64_t cn_launch_count(void) { return launches.load(std::memory_order_relaxed); }
}
